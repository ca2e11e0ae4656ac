//! The fetch stage on a directory: what it hands over, and what it holds meanwhile.

use super::*;
use crate::source::LogFile;
use crate::ticket::{Job, SettledReceiver, SettledSender};
use common::store::Location;
use std::path::Path;

const BUDGET: u64 = 64 << 10;

struct Stage {
    fetch: Fetch,
    work: mpsc::Receiver<Work>,
    settle: SettledSender,
    settled: SettledReceiver,
}

async fn stage(root: &Path) -> Stage {
    let source = Source::open(&Location::Local(root.to_owned())).await.unwrap();
    let (work, works) = mpsc::channel(64);
    let (settle, settled) = mpsc::unbounded_channel();
    let budget = ByteBudget::new(BUDGET);
    let fetch = Fetch { source, budget, work, stop: Shutdown::new() };
    Stage { fetch, work: works, settle, settled }
}

impl Stage {
    fn ticket(&self, path: &str, size: u64) -> Ticket {
        let file = LogFile { path: path.into(), size, ..LogFile::default() };
        Ticket::new(Job { file, ..Job::default() }, self.settle.clone())
    }

    fn outcome(&mut self) -> AttemptOutcome {
        self.settled.try_recv().unwrap().outcome
    }
}

#[tokio::test]
async fn what_is_handed_over_is_charged_to_the_budget_until_it_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = stage(dir.path()).await;
    let names: Vec<String> = (1..=3).map(|n| format!("{n}.json.gz")).collect();
    for (n, name) in (1..).zip(&names) {
        std::fs::write(dir.path().join(name), vec![n; usize::from(n) * 1024]).unwrap();
    }
    let batch = (1..).zip(&names).map(|(n, name)| stage.ticket(name, n * 1024)).collect();
    stage.fetch.fetch(batch).await;
    let mut room = BUDGET - 6 * 1024;
    assert_eq!(stage.fetch.budget.room(), room);
    for n in 1..=3u8 {
        let Work { ticket, body: Body::Whole(bytes, permit) } = stage.work.try_recv().unwrap() else { panic!("not whole") };
        assert!(bytes.iter().all(|&byte| byte == n), "file {n}");
        drop(permit);
        room += u64::from(n) * 1024;
        assert_eq!(stage.fetch.budget.room(), room);
        ticket.settle(AttemptOutcome::Acknowledged);
    }
}

#[tokio::test]
async fn a_file_that_has_grown_since_it_was_listed_is_charged_for_what_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = stage(dir.path()).await;
    std::fs::write(dir.path().join("a.json.gz"), vec![7; 20_000]).unwrap();
    std::fs::write(dir.path().join("b.json.gz"), b"small").unwrap();
    std::fs::File::create(dir.path().join("c.json.gz")).unwrap().set_len(MAX_LOG_FILE_BYTES + 1).unwrap();
    let batch = ["a.json.gz", "b.json.gz", "c.json.gz"].map(|path| stage.ticket(path, 5)).into();
    stage.fetch.fetch(batch).await;
    let mut seen = Vec::new();
    while let Ok(Work { ticket, body }) = stage.work.try_recv() {
        let bytes = match &body {
            Body::Whole(bytes, _) => Some(bytes.len()),
            Body::TooLarge => None,
        };
        let charged = BUDGET - stage.fetch.budget.room();
        assert!(bytes.is_none_or(|bytes| bytes as u64 <= charged), "{bytes:?} bytes, {charged} charged");
        seen.push((ticket.file().path.clone(), bytes));
        ticket.settle(AttemptOutcome::Acknowledged);
    }
    seen.sort_unstable();
    let expect = [("a.json.gz", Some(20_000)), ("b.json.gz", Some(5)), ("c.json.gz", None)];
    assert_eq!(seen, expect.map(|(path, bytes)| (path.to_owned(), bytes)));
    assert_eq!(stage.fetch.budget.room(), BUDGET);
}

#[tokio::test]
async fn files_that_give_no_bytes_come_back_settled() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = stage(dir.path()).await;
    // Below a file there can be no file: the system refuses to look.
    std::fs::write(dir.path().join("file"), b"").unwrap();
    let batch = vec![stage.ticket("gone.json.gz", 5), stage.ticket("file/a.json.gz", 5)];
    stage.fetch.fetch(batch).await;
    assert!(matches!(stage.outcome(), AttemptOutcome::Vanished));
    assert!(matches!(stage.outcome(), AttemptOutcome::NotGiven(_)));
    stage.fetch.stop.request();
    let late = vec![stage.ticket("gone.json.gz", 5)];
    stage.fetch.fetch(late).await;
    assert!(matches!(stage.outcome(), AttemptOutcome::Dropped));
    assert_eq!(stage.fetch.budget.room(), BUDGET);
}

#[tokio::test]
async fn small_files_are_read_together_and_large_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let stage = stage(dir.path()).await;
    let (tickets, mut queue) = mpsc::channel(64);
    let sizes = [1, 1, 1, BATCH_BYTES, 1, 1];
    for size in sizes {
        tickets.try_send(stage.ticket("x", size)).unwrap();
    }
    drop(tickets);
    let mut batches = Vec::new();
    while let Some(batch) = next_batch(&mut queue, 3).await {
        batches.push(batch.iter().map(|ticket| ticket.file().size).collect::<Vec<_>>());
    }
    assert_eq!(batches, [vec![1, 1, 1], vec![BATCH_BYTES], vec![1, 1]]);
}
