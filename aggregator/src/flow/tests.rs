//! The whole flow over a directory, with a log in memory that acknowledges, refuses, or waits for the test.

use super::*;
use crate::source::fake::Fake;
use bytes::Bytes;
use common::log::{Done, LogError};
use common::message::Run;
use common::service::DurationSetting;
use common::store::Location;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};

/// What the log does with a run, by its number (from 0) among all that were sent.
type Answer = Box<dyn Fn(usize) -> Option<Result<(), LogError>> + Send + Sync>;

/// A log in memory. A run whose answer is `None` is held until `release`.
struct Memory {
    answer: Answer,
    sent: Mutex<Vec<Run>>,
    held: Mutex<Vec<Done>>,
    arrived: Condvar,
}

impl Memory {
    fn new(answer: impl Fn(usize) -> Option<Result<(), LogError>> + Send + Sync + 'static) -> Arc<Memory> {
        Arc::new(Memory { answer: Box::new(answer), sent: Mutex::default(), held: Mutex::default(), arrived: Condvar::new() })
    }

    /// How often each file was sent.
    fn times(&self) -> HashMap<u128, usize> {
        let mut times = HashMap::new();
        for run in self.sent.lock().unwrap().iter() {
            *times.entry(run.file.0).or_default() += 1;
        }
        times
    }

    /// Waits until `n` runs are held, then gives them out.
    fn take_held(&self, n: usize) -> Vec<Done> {
        let held = self.held.lock().unwrap();
        std::mem::take(&mut *self.arrived.wait_while(held, |held| held.len() < n).unwrap())
    }
}

impl Producer for Memory {
    fn partitions(&self) -> u32 {
        1
    }

    fn send(&self, run: Run, done: Done) {
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(run);
            sent.len() - 1
        };
        match (self.answer)(number) {
            Some(answer) => done(answer),
            None => {
                self.held.lock().unwrap().push(done);
                self.arrived.notify_all();
            }
        }
    }

    fn flush(&self, _deadline: Duration) -> Result<(), LogError> {
        Ok(())
    }

    fn ends(&self) -> Result<Vec<u64>, LogError> {
        Ok(vec![0])
    }
}

fn error(class: Class) -> LogError {
    LogError { class, what: "produce".into(), why: "on purpose".into() }
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn write(root: &Path, path: &str, records: usize) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let records: Vec<String> = (0..records).map(|n| format!("{{\"eventVersion\":\"1.11\",\"n\":{n}}}")).collect();
    std::fs::write(path, gz(format!("{{\"Records\":[{}]}}", records.join(",")).as_bytes())).unwrap();
}

/// Twenty log files of two records each, in three directories.
fn tree(root: &Path) {
    for at in 0..20 {
        write(root, &format!("d{}/f{at}.json.gz", at % 3), 2);
    }
}

fn settings(once: bool, state: Option<&Path>) -> Settings {
    let mut settings = Settings::default();
    settings.source.once = once;
    settings.source.poll = DurationSetting(Duration::from_millis(100));
    settings.limits.workers = 3;
    settings.limits.retry = DurationSetting(Duration::from_millis(1));
    settings.state.dir = state.map(PathBuf::from);
    settings
}

async fn start(root: &Path, settings: Settings, log: Arc<Memory>, shutdown: &Shutdown) -> anyhow::Result<Summary> {
    let source = Source::open(&Location::Local(root.to_owned())).await?;
    run(settings, source, log, shutdown.clone(), Arc::default()).await
}

async fn once(root: &Path, log: &Arc<Memory>, state: Option<&Path>) -> anyhow::Result<Summary> {
    start(root, settings(true, state), Arc::clone(log), &Shutdown::new()).await
}

#[tokio::test]
async fn every_log_file_is_sent_once_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    let log = Memory::new(|_| Some(Ok(())));
    let summary = once(dir.path(), &log, None).await.unwrap();
    assert_eq!((log.times().len(), log.sent.lock().unwrap().len()), (20, 20));
    assert_eq!((summary.listed, summary.done, summary.records, summary.messages, summary.retried), (20, 20, 40, 60, 0));
    for run in log.sent.lock().unwrap().iter() {
        let keys: Vec<String> = run.messages.iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect();
        assert_eq!(keys, [format!("{}/0", run.file), format!("{}/1", run.file), format!("{}/end", run.file)]);
    }
}

#[tokio::test]
async fn a_run_that_is_not_acknowledged_is_sent_again_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    // Of the first thirty runs each third is refused.
    let log = Memory::new(|number| Some(if number < 30 && number % 3 == 0 { Err(error(Class::Retry)) } else { Ok(()) }));
    let summary = once(dir.path(), &log, None).await.unwrap();
    assert_eq!((summary.done, summary.records, log.times().len()), (20, 40, 20));
    assert_eq!(log.sent.lock().unwrap().len() as u64, 20 + summary.retried);
    assert!(summary.retried >= 7);
    assert!(log.sent.lock().unwrap().iter().all(|run| run.messages.len() == 3));
}

#[tokio::test]
async fn a_log_that_never_takes_a_file_ends_the_run_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "bad\u{1b}.json.gz", 1);
    let log = Memory::new(|_| Some(Err(error(Class::Retry))));
    let failure = once(dir.path(), &log, None).await.unwrap_err();
    assert_eq!(log.sent.lock().unwrap().len(), MAX_ATTEMPTS as usize);
    let text = one_line(failure.as_ref());
    assert!(text.starts_with("failed to ingest bad\\u{1b}.json.gz (8 attempts): ") && text.ends_with("on purpose"), "{text}");
    assert_eq!(common::service::exit_status(failure.as_ref()), 1);
}

#[tokio::test]
async fn a_config_error_of_the_log_ends_the_run_at_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.json.gz", 1);
    let log = Memory::new(|_| Some(Err(error(Class::Config))));
    let failure = once(dir.path(), &log, None).await.unwrap_err();
    assert_eq!((log.sent.lock().unwrap().len(), common::service::exit_status(failure.as_ref())), (1, 78));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_returns_only_after_the_last_acknowledgement() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    let log = Memory::new(|_| None);
    let (root, running) = (dir.path().to_owned(), Arc::clone(&log));
    let task = tokio::spawn(async move { once(&root, &running, None).await });
    let asked = Arc::clone(&log);
    let mut held = tokio::task::spawn_blocking(move || asked.take_held(20)).await.unwrap();
    let last = held.pop().unwrap();
    held.into_iter().for_each(|done| done(Ok(())));
    assert!(!task.is_finished());
    last(Ok(()));
    assert_eq!(task.await.unwrap().unwrap().done, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_waits_for_what_was_sent_and_for_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    let log = Memory::new(|_| None);
    let shutdown = Shutdown::new();
    let (root, running, token) = (dir.path().to_owned(), Arc::clone(&log), shutdown.clone());
    let task = tokio::spawn(async move { start(&root, settings(false, None), running, &token).await });
    let asked = Arc::clone(&log);
    let held = tokio::task::spawn_blocking(move || asked.take_held(20)).await.unwrap();
    shutdown.request();
    // Half of it failed: not tried again, since a restart will.
    for (at, done) in held.into_iter().enumerate() {
        assert!(!task.is_finished());
        done(if at % 2 == 0 { Err(error(Class::Retry)) } else { Ok(()) });
    }
    let summary = task.await.unwrap().unwrap();
    assert_eq!((summary.done, log.sent.lock().unwrap().len()), (10, 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_takes_new_and_changed_files_and_leaves_the_others() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    let log = Memory::new(|_| None);
    let shutdown = Shutdown::new();
    let (root, running, token) = (dir.path().to_owned(), Arc::clone(&log), shutdown.clone());
    let task = tokio::spawn(async move { start(&root, settings(false, None), running, &token).await });
    let take = |n| {
        let asked = Arc::clone(&log);
        async move { tokio::task::spawn_blocking(move || asked.take_held(n)).await.unwrap() }
    };
    take(20).await.into_iter().for_each(|done| done(Ok(())));
    write(dir.path(), "d0/f0.json.gz", 7);
    write(dir.path(), "new/x.json.gz", 1);
    take(2).await.into_iter().for_each(|done| done(Ok(())));
    shutdown.request();
    let summary = task.await.unwrap().unwrap();
    assert_eq!((summary.done, summary.listed, summary.records), (22, 22, 48));
    let changed = common::cloudtrail::file_id("d0/f0.json.gz").0;
    assert!(log.times().into_iter().all(|(file, times)| times == if file == changed { 2 } else { 1 }));
}

#[tokio::test]
async fn a_restart_with_a_state_directory_sends_nothing_twice() {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tree(dir.path());
    let log = Memory::new(|_| Some(Ok(())));
    assert_eq!(once(dir.path(), &log, Some(state.path())).await.unwrap().done, 20);
    write(dir.path(), "new/x.json.gz", 1);
    let summary = once(dir.path(), &log, Some(state.path())).await.unwrap();
    assert_eq!((summary.done, summary.known, log.sent.lock().unwrap().len()), (1, 20, 21));
}

#[tokio::test]
async fn bad_log_files_do_not_stop_the_good_ones() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    std::fs::write(dir.path().join("d0/cut.json.gz"), &gz(b"{\"Records\":[]}")[..15]).unwrap();
    std::fs::write(dir.path().join("d0/empty.json.gz"), b"").unwrap();
    std::fs::write(dir.path().join("d0/plain.json.gz"), b"{\"Records\":[]}").unwrap();
    // Sparse: larger than any log file, at no cost.
    std::fs::File::create(dir.path().join("huge.json.gz")).unwrap().set_len(1 << 40).unwrap();
    let log = Memory::new(|_| Some(Ok(())));
    let summary = once(dir.path(), &log, None).await.unwrap();
    assert_eq!((summary.done, summary.quarantined, summary.records, summary.messages), (24, 4, 40, 64));
    let reason = |path: &str| {
        let id = common::cloudtrail::file_id(path);
        let sent = log.sent.lock().unwrap();
        let run = sent.iter().find(|run| run.file == id).unwrap();
        let (_, value) = run.messages.iter().next().unwrap();
        common::message::EndOfFile::parse(value).unwrap().reason.unwrap()
    };
    assert_eq!((reason("huge.json.gz").as_str(), reason("d0/plain.json.gz").as_str()), ("too_large", "not_gzip"));
}

#[tokio::test]
async fn an_empty_source_is_done_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let log = Memory::new(|_| None);
    assert_eq!(once(dir.path(), &log, None).await.unwrap(), Summary::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_forgets_a_run_does_not_lose_the_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.json.gz", 1);
    let log = Memory::new(|number| if number == 0 { None } else { Some(Ok(())) });
    let (root, running) = (dir.path().to_owned(), Arc::clone(&log));
    let task = tokio::spawn(async move { once(&root, &running, None).await });
    let asked = Arc::clone(&log);
    drop(tokio::task::spawn_blocking(move || asked.take_held(1)).await.unwrap());
    let summary = task.await.unwrap().unwrap();
    assert_eq!((summary.done, summary.retried), (1, 1));
}

/// Thirty log files of one record each, in a bucket.
fn bucket(refuse: impl Fn(&str, u32) -> Option<Class> + Send + Sync + 'static) -> Fake {
    let content = Bytes::from(gz(b"{\"Records\":[{\"eventVersion\":\"1.11\"}]}"));
    Fake::new((0..30).map(|at| (format!("f{at:02}.json.gz"), content.clone())).collect(), refuse)
}

/// The first five of them.
fn is_odd(key: &str) -> bool {
    ("f00".."f05").contains(&key)
}

async fn over(fake: &Fake, once: bool, shutdown: &Shutdown, progress: &Arc<Progress>) -> anyhow::Result<Summary> {
    let log = Memory::new(|_| Some(Ok(())));
    run(settings(once, None), fake.source(), log, shutdown.clone(), Arc::clone(progress)).await
}

/// Follows a bucket until this is true.
async fn follow(fake: &Fake, until: impl Fn(&Progress) -> bool) -> Summary {
    let (shutdown, progress) = (Shutdown::new(), Arc::<Progress>::default());
    let watch = async {
        while !until(&progress) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        shutdown.request();
    };
    let (summary, ()) = tokio::join!(over(fake, false, &shutdown, &progress), watch);
    summary.unwrap()
}

#[tokio::test]
async fn five_of_thirty_that_are_denied_from_the_start_keep_no_other_from_being_read() {
    for class in [Class::Config, Class::Fatal] {
        let fake = bucket(move |key, _| is_odd(key).then_some(class));
        let summary = over(&fake, true, &Shutdown::new(), &Arc::default()).await.unwrap();
        assert_eq!((summary.done, summary.waiting, summary.is_cut_short), (25, 5, false), "{class:?}");
        let missing = summary.shortfall().unwrap();
        assert!(missing.contains("5 Refused: f00.json.gz, f01.json.gz, f02.json.gz, …"), "{missing}");
        assert_eq!(fake.asked("f00.json.gz"), 4);
    }
}

#[tokio::test]
async fn five_that_are_refused_for_a_while_are_asked_for_again_and_read() {
    for class in [Class::Config, Class::Fatal] {
        let fake = bucket(move |key, times| (is_odd(key) && times < 4).then_some(class));
        let summary = follow(&fake, |progress| progress.done.get() == 30).await;
        assert_eq!((summary.done, summary.listed, summary.waiting, summary.shortfall()), (30, 30, 0, None), "{class:?}");
    }
}

#[tokio::test]
async fn a_listing_that_fails_for_a_while_ends_nothing() {
    let fake = bucket(|key, times| (key.is_empty() && times < 2).then_some(Class::Retry));
    let summary = follow(&fake, |progress| progress.done.get() == 30).await;
    assert_eq!((summary.done, summary.unlisted), (30, 0));
}

#[tokio::test]
async fn following_a_bucket_that_is_not_there_waits_for_it_and_once_does_not() {
    let fake = bucket(|key, _| key.is_empty().then_some(Class::Config));
    let failure = over(&fake, true, &Shutdown::new(), &Arc::default()).await.unwrap_err();
    assert_eq!((common::service::exit_status(failure.as_ref()), fake.asked("")), (78, 1));
    let asked = fake.clone();
    let summary = follow(&fake, move |_| asked.asked("") > 2).await;
    assert_eq!((summary.done, summary.unlisted), (0, 1));
}

#[tokio::test]
async fn a_place_that_was_not_listed_is_missing_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    // Too many levels of names for one path: the system refuses to look (ENAMETOOLONG).
    let name = "n".repeat(250);
    let mut at = rustix::fs::open(dir.path(), rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
    for _ in 0..20 {
        rustix::fs::mkdirat(&at, name.as_str(), rustix::fs::Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, name.as_str(), rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
    }
    let summary = once(dir.path(), &Memory::new(|_| Some(Ok(()))), None).await.unwrap();
    assert_eq!((summary.done, summary.unlisted), (20, 1));
    assert!(summary.shortfall().unwrap().starts_with("not listed: 1 "), "{:?}", summary.shortfall());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_listing_that_is_ended_half_way_says_so() {
    let dir = tempfile::tempdir().unwrap();
    tree(dir.path());
    let log = Memory::new(|_| None);
    let shutdown = Shutdown::new();
    let (root, running, token) = (dir.path().to_owned(), Arc::clone(&log), shutdown.clone());
    let task = tokio::spawn(async move { start(&root, settings(true, None), running, &token).await });
    let asked = Arc::clone(&log);
    let held = tokio::task::spawn_blocking(move || asked.take_held(20)).await.unwrap();
    shutdown.request();
    for (at, done) in held.into_iter().enumerate() {
        done(if at == 0 { Err(error(Class::Retry)) } else { Ok(()) });
    }
    let summary = task.await.unwrap().unwrap();
    assert_eq!((summary.done, summary.is_cut_short), (19, true));
}
