//! The only event loop: it polls the log, offers messages to the machines, cuts batches, performs effects and hands their
//! results back. What to do is decided by the protocol; when to cut, by [`crate::protocol::seal`].

use super::options::{CHECKPOINT_EVERY, LEDGER_ENTRIES, Options};
use super::recovery::recover;
use super::status::Status;
use crate::decode::LogFileStatus;
use crate::failpoint;
use crate::protocol::machine::{Config, Effect, Input, Machine, Verdict};
use crate::protocol::seal::{Reason, Size, due};
use crate::protocol::{Halt, Names};
use crate::sink::parquet::batch::{BatchInfo, File};
use crate::sink::parquet::effects::perform;
use crate::sink::parquet::encode::{BatchId, Encoders};
use crate::sink::parquet::{FileError, Rows};
use anyhow::{Context, bail};
use common::failure::Class;
use common::log::{Consumer, LogError, Message, Polled, Position};
use common::message::EndStatus;
use common::service::Shutdown;
use common::store::Store;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a poll may wait while nothing is under way, and while something is.
const POLL_IDLE: Duration = Duration::from_millis(100);
const POLL_BUSY: Duration = Duration::from_millis(10);

/// How long the log may not answer a question before the process gives up.
const LOG_DEADLINE: Duration = Duration::from_secs(120);

/// Messages between two looks at sizes, ages and finished effects.
const CHECK_EVERY: u32 = 64;

/// Bytes of waiting rows per byte of Parquet they become, roughly: only to guess the size of what is not encoded yet.
const RAW_PER_ENCODED: usize = 18;

/// How long the batches under way may take once the end was asked for; what is cut off is read again by the next process.
const DRAIN: Duration = Duration::from_secs(25);

/// Runs until the end is asked for: polls, persists, and at the end seals and publishes what is open.
/// Blocks its thread, which must be one that may block; the store's tasks run on `runtime`.
///
/// # Errors
/// When the log fails for good, when an effect was given up, or when every partition that was ours has halted.
pub fn run(
    options: Options,
    mut consumer: Box<dyn Consumer>,
    store: Store,
    status: Arc<Status>,
    shutdown: Shutdown,
    runtime: Handle,
) -> anyhow::Result<()> {
    let (sender, done) = channel();
    let encoders = Encoders::start(options.encoders).context("failed to start encoder threads")?;
    let writer = format!("{:016x}", random());
    let mut driver = Driver {
        options,
        store,
        status,
        runtime,
        writer,
        encoders,
        sender,
        partitions: BTreeMap::new(),
        orders: Vec::new(),
        next_id: 0,
        halted: 0,
        failed: None,
    };
    let (mut since_check, mut timeout) = (0, POLL_IDLE);
    let mut checked = Instant::now();
    loop {
        match consumer.poll(timeout)? {
            Polled::Idle => since_check = CHECK_EVERY,
            Polled::Message(message) => {
                driver.message(&message.get());
                since_check += 1;
            }
            Polled::Assigned(partitions) => driver.assign(consumer.as_mut(), &partitions)?,
            Polled::Revoked(partitions) => {
                driver.revoke(&partitions);
                consumer.release(&partitions)?;
            }
            Polled::Lost { partition, why } => driver.lost(partition, why),
        }
        // What takes a look at every partition is not asked for every message.
        if since_check >= CHECK_EVERY {
            since_check = 0;
            driver.take_results(&done, Duration::ZERO)?;
            if checked.elapsed() > Duration::from_millis(5) {
                checked = Instant::now();
                driver.check();
            }
            driver.make_room(&done, &shutdown)?;
            timeout = if driver.is_busy() { POLL_BUSY } else { POLL_IDLE };
            if shutdown.requested() {
                break;
            }
        }
        if driver.has_orders() {
            driver.carry_out(consumer.as_mut())?;
        }
    }
    driver.drain(consumer.as_mut(), &done)
}

/// Asks the log again while its trouble is a passing one: a broker that restarts must not end the process.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
    let until = Instant::now() + LOG_DEADLINE;
    loop {
        match ask() {
            Err(error) if error.class == Class::Retry && Instant::now() < until => std::thread::sleep(POLL_IDLE),
            answer => return answer,
        }
    }
}

/// A number that other processes do not have; nothing is decided by its value.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one((std::process::id(), Instant::now()))
}

/// The result of an effect, for the partition as it was when the effect began.
struct Done {
    partition: u32,
    generation: u64,
    input: Result<Input, Vec<File>>,
}

/// What the consumer is to do, once the message at hand is let go.
enum Order {
    Seek(u32, Position),
    Mirror(u32, u64),
}

struct Partition {
    machine: Machine,
    rows: Rows,
    batch: BatchId,
    opened: Option<Instant>,
    /// Encoded bytes of the open batch and of the one on its way.
    encoded: Arc<AtomicUsize>,
    sealed_encoded: Arc<AtomicUsize>,
    files: Arc<Vec<File>>,
    sealed_at: Option<(Instant, Reason)>,
    /// Results of effects begun before the last discard are out of date.
    generation: u64,
}

struct Driver {
    options: Options,
    store: Store,
    status: Arc<Status>,
    runtime: Handle,
    writer: String,
    encoders: Encoders,
    sender: Sender<Done>,
    partitions: BTreeMap<u32, Partition>,
    orders: Vec<Order>,
    next_id: u64,
    halted: usize,
    /// Why the process cannot go on.
    failed: Option<String>,
}

impl Driver {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn is_busy(&self) -> bool {
        self.partitions.values().any(|p| p.machine.is_publishing())
    }

    /// Offers one message to its partition's machine and does what it says.
    fn message(&mut self, message: &Message<'_>) {
        let number = message.partition;
        loop {
            let Some(partition) = self.partitions.get_mut(&number) else { return };
            let Partition { machine, rows, opened, .. } = partition;
            match machine.message(message) {
                Verdict::Skip => {}
                Verdict::Record(key) => rows.append(number, message.offset, Some(key), message.key, message.value),
                Verdict::Foreign => rows.append(number, message.offset, None, message.key, message.value),
                Verdict::End(_, end) => {
                    let status = match end.status {
                        EndStatus::Complete => LogFileStatus::Complete,
                        EndStatus::Quarantined => LogFileStatus::Quarantined,
                    };
                    rows.append_end(number, message.offset, &end, status);
                }
                Verdict::Altered(_, end) => rows.append_end(number, message.offset, &end, LogFileStatus::Altered),
                Verdict::NeedsDay(day, key) => {
                    // Rare (an old log file shows up): the loop waits for the day.
                    let (store, names) = (self.store.clone(), machine.names().clone());
                    let load = perform(&store, &names, Effect::LoadDay(day, key), Arc::default());
                    if let Some(input) = self.runtime.block_on(load) {
                        let effects = machine.handle(input);
                        self.apply(number, effects);
                    }
                    continue;
                }
                Verdict::Halt(halt) => {
                    self.halt(number, halt);
                    return;
                }
            }
            opened.get_or_insert_with(Instant::now);
            if machine.must_seal() {
                self.seal(number, Reason::Redo);
            }
            return;
        }
    }

    fn assign(&mut self, consumer: &mut dyn Consumer, numbers: &[u32]) -> anyhow::Result<()> {
        let mut recoveries = Vec::new();
        for &number in numbers {
            if number >= self.status.partitions() {
                bail!(
                    "the topic has grown to more than {} partitions: log files would change their partition, and what was taken of them \
                     would not be known there; make a new topic and a new table",
                    self.status.partitions()
                );
            }
            let watermarks = patiently(|| consumer.watermarks(number))?;
            let mut machine = Machine::new(self.config(number, numbers.len()));
            let effects = machine.handle(Input::Assigned(watermarks));
            recoveries.push(self.runtime.spawn(recover(self.store.clone(), machine, effects)));
        }
        let mut positions = Vec::new();
        for (&number, recovery) in numbers.iter().zip(recoveries) {
            let (mut machine, mut effects) = self.runtime.block_on(recovery)?;
            while let Some(Effect::Halt(halt)) = effects.iter().find(|effect| matches!(effect, Effect::Halt(_))) {
                let now = patiently(|| consumer.watermarks(number))?;
                if !halt.outdated_by(now) {
                    break;
                }
                machine = Machine::new(self.config(number, numbers.len()));
                let first = machine.handle(Input::Assigned(now));
                (machine, effects) = self.runtime.block_on(recover(self.store.clone(), machine, first));
            }
            let begin = effects.iter().find_map(|effect| if let Effect::Begin(offset) = effect { Some(*offset) } else { None });
            tracing::info!(
                partition = number,
                position = begin,
                chain_end = machine.end(),
                batches = machine.batches(),
                redo = machine.is_redoing(),
                "assigned"
            );
            positions.push((number, begin.map_or(Position::Hold, Position::At)));
            self.status.own(number, Some(machine.end()));
            let partition = Partition {
                machine,
                rows: Rows::new(self.options.layout),
                batch: BatchId(self.id()),
                opened: None,
                encoded: Arc::default(),
                sealed_encoded: Arc::default(),
                files: Arc::default(),
                sealed_at: None,
                generation: self.id(),
            };
            self.partitions.insert(number, partition);
            let rest = effects.into_iter().filter(|effect| !matches!(effect, Effect::Begin(_))).collect();
            self.apply(number, rest);
        }
        patiently(|| consumer.begin(&positions))?;
        Ok(())
    }

    fn config(&self, partition: u32, assigned: usize) -> Config {
        Config {
            names: Names { topic: self.options.topic.clone(), epoch: self.options.epoch.clone(), partition },
            format: self.options.layout.format(),
            writer: self.writer.clone(),
            checkpoint_every: CHECKPOINT_EVERY,
            ledger_entries: LEDGER_ENTRIES / (assigned + self.partitions.len()).max(1),
        }
    }

    /// What is under way may finish: it is the same whoever does it. What is not committed to is read again by the next owner.
    fn revoke(&mut self, numbers: &[u32]) {
        for number in numbers {
            if let Some(partition) = self.partitions.remove(number) {
                tracing::info!(partition = number, "revoked");
                self.encoders.drop_batch(*number, partition.batch);
            }
            self.status.own(*number, None);
        }
    }

    fn lost(&mut self, number: u32, why: String) {
        let needed = self.partitions.get(&number).map_or(0, |p| p.machine.position());
        self.halt(number, Halt::Stuck(format!("offset {needed} cannot be read: {why}")));
    }

    fn halt(&mut self, number: u32, halt: Halt) {
        if let Halt::GaveUp(why) = &halt {
            self.failed = Some(format!("partition {number}: {why}"));
        }
        tracing::error!(partition = number, reason = %halt, "halted: nothing of this partition is committed from here on");
        self.status.halted(number, halt.to_string());
        self.orders.push(Order::Seek(number, Position::Hold));
        self.halted += 1;
        let (batch, generation) = (BatchId(self.id()), self.id());
        if let Some(partition) = self.partitions.get_mut(&number) {
            partition.machine.handle(Input::GaveUp(String::new()));
            partition.rows = Rows::new(self.options.layout);
            partition.files = Arc::default();
            partition.generation = generation;
            let old = std::mem::replace(&mut partition.batch, batch);
            self.encoders.drop_batch(number, old);
        }
    }

    /// Cuts the open batch.
    fn seal(&mut self, number: u32, reason: Reason) {
        let Some(partition) = self.partitions.get_mut(&number) else { return };
        if !partition.machine.can_seal() {
            return;
        }
        partition.sealed_at = Some((Instant::now(), reason));
        let effects = partition.machine.handle(Input::Seal(reason));
        self.apply(number, effects);
    }

    /// Does what the machine wants done.
    fn apply(&mut self, number: u32, effects: Vec<Effect>) {
        let mut queue = VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Begin(offset) => self.orders.push(Order::Seek(number, Position::At(offset))),
                Effect::Mirror(offset) => {
                    self.status.own(number, Some(offset));
                    self.orders.push(Order::Mirror(number, offset));
                }
                Effect::Halt(halt) => self.halt(number, halt),
                Effect::Discard => self.discard(number),
                Effect::Encode { seq, start, end } => {
                    if let Some(failed) = self.encode(number, seq, start, end) {
                        queue.push_back(failed);
                    }
                }
                other => self.spawn(number, other),
            }
        }
    }

    fn discard(&mut self, number: u32) {
        let (batch, generation) = (BatchId(self.id()), self.id());
        let Some(partition) = self.partitions.get_mut(&number) else { return };
        tracing::info!(partition = number, "another writer was first, or the start is done over: dropping what is not published");
        partition.rows = Rows::new(self.options.layout);
        partition.files = Arc::default();
        partition.encoded = Arc::default();
        partition.sealed_encoded = Arc::default();
        partition.opened = None;
        partition.generation = generation;
        let old = std::mem::replace(&mut partition.batch, batch);
        self.encoders.drop_batch(number, old);
    }

    fn encode(&mut self, number: u32, seq: u64, start: u64, end: u64) -> Option<Effect> {
        let next = BatchId(self.id());
        let partition = self.partitions.get_mut(&number)?;
        let rows = std::mem::replace(&mut partition.rows, Rows::new(self.options.layout));
        let batch = std::mem::replace(&mut partition.batch, next);
        partition.sealed_encoded = std::mem::take(&mut partition.encoded);
        partition.opened = None;
        let parts = match rows.finish() {
            Ok(parts) => parts,
            Err(error) => return Some(Effect::Halt(Halt::Stuck(format!("rows do not fit columns: {error}")))),
        };
        let info = BatchInfo { names: partition.machine.names().clone(), seq, start, end, layout: self.options.layout };
        let (sender, generation) = (self.sender.clone(), partition.generation);
        let finished = Box::new(move |files: Result<Vec<File>, FileError>| {
            let input = match files {
                Ok(files) => Err(files),
                Err(error) => Ok(Input::GaveUp(format!("failed to encode batch {seq}: {error}"))),
            };
            // The driver may be gone: then nobody needs the files.
            let _ = sender.send(Done { partition: number, generation, input });
        });
        self.encoders.finish(number, batch, info, parts, &partition.sealed_encoded, finished);
        None
    }

    fn spawn(&mut self, number: u32, effect: Effect) {
        let Some(partition) = self.partitions.get(&number) else { return };
        let (store, names, files) = (self.store.clone(), partition.machine.names().clone(), Arc::clone(&partition.files));
        let (sender, generation) = (self.sender.clone(), partition.generation);
        self.runtime.spawn(async move {
            if let Some(input) = perform(&store, &names, effect, files).await {
                let _ = sender.send(Done { partition: number, generation, input: Ok(input) });
            }
        });
    }

    /// Hands finished effects to their machines, waiting up to `wait` for the first.
    fn take_results(&mut self, done: &Receiver<Done>, wait: Duration) -> anyhow::Result<()> {
        let mut next = if wait.is_zero() { done.try_recv().ok() } else { done.recv_timeout(wait).ok() };
        while let Some(Done { partition: number, generation, input }) = next {
            if let Some(partition) = self.partitions.get_mut(&number).filter(|p| p.generation == generation) {
                let input = match input {
                    Ok(Input::GaveUp(why)) => bail!("partition {number}: {why}"),
                    Ok(input) => input,
                    Err(files) => {
                        let entries = files.iter().map(|file| file.entry.clone()).collect();
                        partition.files = Arc::new(files);
                        Input::Encoded(entries)
                    }
                };
                let published = input == Input::Published;
                let effects = partition.machine.handle(input);
                if published {
                    self.published(number);
                }
                self.apply(number, effects);
            }
            next = done.try_recv().ok();
        }
        Ok(())
    }

    fn published(&mut self, number: u32) {
        let Some(partition) = self.partitions.get_mut(&number) else { return };
        let files = std::mem::take(&mut partition.files);
        partition.sealed_encoded = Arc::default();
        let rows: u64 = files.iter().map(|file| file.entry.rows).sum();
        let bytes: u64 = files.iter().map(|file| file.bytes.len() as u64).sum();
        self.status.rows.fetch_add(rows, Ordering::Relaxed);
        self.status.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.status.files.fetch_add(files.len() as u64, Ordering::Relaxed);
        self.status.batches.fetch_add(1, Ordering::Relaxed);
        let (took, reason) = partition.sealed_at.map_or((Duration::ZERO, None), |(at, reason)| (at.elapsed(), Some(reason)));
        tracing::info!(
            partition = number,
            seq = partition.machine.batches() - 1,
            rows,
            files = files.len(),
            bytes,
            ?reason,
            ?took,
            "published"
        );
    }

    /// Looks at sizes and ages: encodes full chunks, cuts what is due.
    fn check(&mut self) {
        let drain = self.status.drain();
        let numbers: Vec<u32> = self.partitions.keys().copied().collect();
        for number in numbers {
            while self.encode_chunk(number, self.options.chunk_bytes()) {}
            let Some(partition) = self.partitions.get(&number) else { continue };
            if !partition.machine.can_seal() || partition.machine.is_redoing() {
                continue;
            }
            let size = Size {
                bytes: partition.encoded.load(Ordering::Relaxed) + partition.rows.pending_bytes() / RAW_PER_ENCODED,
                age: partition.opened.map_or(Duration::ZERO, |opened| opened.elapsed()),
                directories: partition.rows.directories(),
                log_files: partition.machine.open_log_files(),
            };
            let drained =
                drain.as_ref().and_then(|ends| ends.get(number as usize)).is_some_and(|end| partition.machine.position() >= *end);
            let reason = if drained { Some(Reason::Drain) } else { due(&self.options.seal, &size) };
            if let Some(reason) = reason {
                self.seal(number, reason);
            }
        }
    }

    fn encode_chunk(&mut self, number: u32, at_least: usize) -> bool {
        let Some(partition) = self.partitions.get_mut(&number) else { return false };
        match partition.rows.take_chunk(at_least) {
            Ok(Some(chunk)) => {
                self.encoders.chunk(number, partition.batch, chunk, &partition.encoded);
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.halt(number, Halt::Stuck(format!("rows do not fit columns: {error}")));
                false
            }
        }
    }

    fn pending(&self) -> usize {
        self.partitions.values().map(|p| p.rows.pending_bytes()).sum()
    }

    fn encoded(&self) -> usize {
        let load = |bytes: &AtomicUsize| bytes.load(Ordering::Relaxed);
        self.partitions.values().map(|p| load(&p.encoded) + load(&p.sealed_encoded)).sum()
    }

    /// Keeps memory within its bounds: encodes early, cuts early, and if that is not enough waits for the store.
    fn make_room(&mut self, done: &Receiver<Done>, shutdown: &Shutdown) -> anyhow::Result<()> {
        while self.pending() > self.options.pending_bytes() {
            let largest = self.partitions.iter().max_by_key(|(_, p)| p.rows.pending_bytes()).map(|(number, _)| *number);
            let Some(number) = largest.filter(|number| self.encode_chunk(*number, 1)) else { break };
            tracing::debug!(partition = number, "encoded a small chunk: memory is short");
        }
        while self.encoded() > self.options.encoded_bytes() && !shutdown.requested() {
            let sealable = self.partitions.iter().filter(|(_, p)| p.machine.can_seal() && !p.machine.is_redoing());
            let largest = sealable.max_by_key(|(_, p)| p.encoded.load(Ordering::Relaxed)).map(|(number, _)| *number);
            match largest {
                Some(number) => self.seal(number, Reason::Memory),
                None if self.is_busy() => {}
                // A redo is larger than the bound and must be finished all the same.
                None => break,
            }
            self.take_results(done, POLL_IDLE)?;
        }
        Ok(())
    }

    /// Something for [`Driver::carry_out`] to do.
    fn has_orders(&self) -> bool {
        !self.orders.is_empty() || self.failed.is_some() || self.halted > 0
    }

    fn carry_out(&mut self, consumer: &mut dyn Consumer) -> anyhow::Result<()> {
        for order in std::mem::take(&mut self.orders) {
            match order {
                Order::Seek(partition, position) if self.partitions.contains_key(&partition) => {
                    consumer.seek(partition, position)?
                }
                Order::Mirror(partition, offset) if self.partitions.contains_key(&partition) => {
                    failpoint::mirroring(|| consumer.mirror(partition, offset));
                }
                _ => {}
            }
        }
        if let Some(why) = self.failed.take() {
            bail!(why);
        }
        if self.halted > 0 && !self.partitions.is_empty() && self.partitions.values().all(|p| p.machine.is_halted()) {
            let halts: Vec<String> =
                self.status.halts().iter().map(|(number, why)| format!("partition {number}: {why}")).collect();
            bail!("every partition of this process has halted: {}", halts.join("; "));
        }
        Ok(())
    }

    /// Seals and publishes what is open.
    fn drain(mut self, consumer: &mut dyn Consumer, done: &Receiver<Done>) -> anyhow::Result<()> {
        let until = Instant::now() + DRAIN;
        loop {
            let numbers: Vec<u32> = self.partitions.keys().copied().collect();
            for number in numbers {
                if self.partitions.get(&number).is_some_and(|p| p.machine.can_seal() && !p.machine.is_redoing()) {
                    self.seal(number, Reason::Drain);
                }
            }
            if !self.is_busy() || Instant::now() > until {
                break;
            }
            self.take_results(done, POLL_IDLE)?;
            self.carry_out(consumer)?;
        }
        self.carry_out(consumer)?;
        let halts = self.status.halts();
        if let Some((number, why)) = halts.first() {
            bail!("partition {number} has halted: {why}");
        }
        Ok(())
    }
}
