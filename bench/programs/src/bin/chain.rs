//! Table age: a chain of many batches, made by the real protocol, and how long a persister takes to start on it.
//!
//! ```text
//! chain make DIR BATCHES     five-minute batches of two log files each, so 288 of them are a day of deliveries
//! chain start DIR            what a persister does from the moment a partition is assigned until it reads the log
//! ```
//! Making performs the machine's effects without fsync and writes the objects of the last checkpoint only: those that a start reads.

use anyhow::{Context, bail};
use common::cloudtrail::file_id;
use common::log::{Message, Watermarks};
use common::store::Store;
use persister::protocol::machine::Config;
use persister::protocol::seal::Reason;
use persister::protocol::{Effect, FileEntry, Input, Machine, Names, Outcome, Verdict};
use persister::runtime::chain;
use persister::runtime::options::{CHECKPOINT_EVERY, LEDGER_ENTRIES};
use persister::sink::parquet::File;
use persister::sink::parquet::Layout;
use persister::sink::parquet::effects::perform;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const LOG_FILES_PER_BATCH: u64 = 2;
const BATCHES_PER_DAY: u64 = 288;

fn names() -> Names {
    Names { topic: "cloudtrail".into(), epoch: "0".into(), partition: 0 }
}

fn machine() -> Machine {
    Machine::new(Config {
        names: names(),
        format: Layout::Date.format(),
        writer: "bench".into(),
        checkpoint_every: CHECKPOINT_EVERY,
        ledger_entries: LEDGER_ENTRIES,
    })
}

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["make", dir, batches] => make(dir.as_ref(), batches.parse().context("BATCHES is a number")?),
        ["start", dir] => start(dir),
        _ => bail!("usage: chain make DIR BATCHES | chain start DIR"),
    }
}

/// What stands in for the log, the encoders and the store while the chain is made.
struct Maker<'a> {
    dir: &'a Path,
    machine: Machine,
    offset: u64,
    /// The newest checkpoint's objects, and the newest hint: only the last ones are worth writing.
    kept: BTreeMap<String, Vec<u8>>,
}

fn make(dir: &Path, batches: u64) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir.join(names().chain()))?;
    let mut maker = Maker { dir, machine: machine(), offset: 0, kept: BTreeMap::new() };
    maker.carry_out(vec![Input::Assigned(Watermarks { low: 0, high: u64::MAX })], None)?;
    for batch in 0..batches {
        maker.batch(batch)?;
    }
    // A start looks whether the files of the newest batch are there.
    let newest = std::fs::read(dir.join(names().intent(batches - 1)))?;
    let newest = persister::protocol::Intent::from_bytes(&newest)?;
    for file in &newest.files {
        maker.kept.insert(file.key.clone(), Vec::new());
    }
    for (key, bytes) in &maker.kept {
        write(dir, key, bytes)?;
    }
    Ok(())
}

fn write(dir: &Path, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = dir.join(key);
    std::fs::create_dir_all(path.parent().context("a key has a folder")?)?;
    std::fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))
}

impl Maker<'_> {
    fn batch(&mut self, batch: u64) -> anyhow::Result<()> {
        let day = batch / BATCHES_PER_DAY;
        let date = common::time::Date(i32::try_from(day)?).civil();
        let start = self.offset;
        for file in 0..LOG_FILES_PER_BATCH {
            let (year, month, day) = date;
            let name = format!(
                "AWSLogs/123456789012/CloudTrail/eu-west-1/{year}/{month:02}/{day:02}/123456789012_CloudTrail_eu-west-1_{year}{month:02}{day:02}T0000Z_{:016}.json.gz",
                batch * LOG_FILES_PER_BATCH + file
            );
            let id = file_id(&name);
            let record = format!("{{\"v\":1,\"kind\":\"event\",\"source_object\":\"{name}\",\"source_index\":0}}");
            let end = format!(
                "{{\"v\":1,\"kind\":\"end\",\"source_object\":\"{name}\",\"status\":\"complete\",\"records\":1,\"etag\":\"e\",\"inflated_bytes\":1,\"sha256\":\"{id}{id}\"}}"
            );
            self.message(&format!("{id}/0"), &record)?;
            self.message(&format!("{id}/end"), &end)?;
        }
        let files = vec![FileEntry {
            key: names().file(
                &format!("data/event_date={:04}-{:02}-{:02}", date.0, date.1, date.2),
                batch,
                start,
                self.offset,
                0,
            ),
            rows: LOG_FILES_PER_BATCH,
            rows_sha256: "00".repeat(32),
        }];
        self.carry_out(vec![Input::Seal(Reason::Age)], Some(files))
    }

    fn message(&mut self, key: &str, value: &str) -> anyhow::Result<()> {
        let offset = self.offset;
        let message =
            Message { partition: 0, offset, timestamp: i64::try_from(offset)?, key: key.as_bytes(), value: value.as_bytes() };
        match self.machine.message(&message) {
            Verdict::Record(_) | Verdict::End(..) => self.offset += 1,
            other => bail!("offset {offset} was not taken: {other:?}"),
        }
        Ok(())
    }

    fn carry_out(&mut self, inputs: Vec<Input>, files: Option<Vec<FileEntry>>) -> anyhow::Result<()> {
        let mut inputs = VecDeque::from(inputs);
        while let Some(input) = inputs.pop_front() {
            for effect in self.machine.handle(input) {
                inputs.extend(match effect {
                    Effect::ReadHint => Some(Input::Hint(None)),
                    Effect::Exists(seq) => Some(Input::Exists(seq, false)),
                    Effect::ReadCheckpoint => Some(Input::Checkpoint(None)),
                    Effect::ReadIntents { .. } => Some(Input::Intents(Vec::new())),
                    Effect::CheckFiles(keys) => Some(Input::Present(keys.iter().map(|_| true).collect())),
                    Effect::Encode { .. } => files.clone().map(Input::Encoded),
                    Effect::PutIntent(key, bytes) => {
                        std::fs::write(self.dir.join(&key), bytes)?;
                        Some(Input::IntentPut(Outcome::Created))
                    }
                    Effect::PutFiles => Some(Input::Published),
                    Effect::WriteHint(key, bytes) => {
                        self.kept.insert(key, bytes);
                        None
                    }
                    Effect::WriteCheckpoint(objects) => {
                        self.kept = objects.into_iter().collect();
                        Some(Input::Checkpointed(true))
                    }
                    Effect::Begin(_) | Effect::Mirror(_) | Effect::Discard => None,
                    other => bail!("the machine asks for {other:?}"),
                });
            }
        }
        Ok(())
    }
}

fn start(dir: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(&dir.parse()?).await?;
        let end = chain::end(&store, &names()).await?.context("there is no chain")?;
        let started = Instant::now();
        let mut machine = machine();
        let mut queue = VecDeque::from(machine.handle(Input::Assigned(Watermarks { low: 0, high: end })));
        let (mut reads, mut begun) = (0, None);
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Begin(offset) => begun = Some(offset),
                Effect::Halt(halt) => bail!("halted: {halt}"),
                effect => {
                    reads += if let Effect::ReadIntents { from, to } = effect { to - from } else { 1 };
                    queue.extend(
                        perform(&store, &names(), effect, Arc::<Vec<File>>::default())
                            .await
                            .map(|input| machine.handle(input))
                            .unwrap_or_default(),
                    );
                }
            }
        }
        begun.context("the machine did not begin")?;
        let seconds = started.elapsed().as_secs_f64();
        println!("{}", serde_json::json!({ "seconds": seconds, "reads": reads, "batches": machine.batches() }));
        Ok(())
    })
}
