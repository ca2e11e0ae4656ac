//! One persister process: the real machines and effects, under a small event loop of our own, each of whose steps the world asks for.
//!
//! What the real loop does in one go (`persister/src/runtime/driver.rs`) is one step here: offer a message, hand in a result, cut a batch. What
//! it waits for, the process waits for too; what runs beside it, runs beside it.

use crate::counts::Moment;
use crate::expected::Dropped;
use crate::outside::Outside;
use crate::tables::Writer;
use crate::violation::Violation;
use common::message::EndStatus;
use persister::decode::LogFileStatus;
use persister::protocol::machine::{Config, Effect, Input, Machine, Verdict};
use persister::protocol::seal::Reason;
use persister::protocol::{Halt, Names};
use persister::sink::parquet::File;
use persister::sink::parquet::Rows;
use persister::sink::parquet::batch::BatchInfo;
use persister::sink::parquet::effects::perform;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The result of an effect, for the partition as it was when the effect began.
#[derive(Debug)]
pub struct Done {
    partition: u32,
    generation: u64,
    effect: &'static str,
    /// Files of a batch, or what the machine is told; nothing where nobody waits.
    result: Option<Result<Vec<File>, Input>>,
}

/// One partition of a process.
#[derive(Debug)]
pub struct Partition {
    /// The real machine.
    pub machine: Machine,
    rows: Rows,
    writer: Writer,
    files: Arc<Vec<File>>,
    /// Where the consumer reads on; `None` until it is told.
    pub read_at: Option<u64>,
    generation: u64,
}

/// A process.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub number: u32,
    /// What it believes to own.
    pub partitions: BTreeMap<u32, Partition>,
    /// It does nothing until it is woken; what it has sent is under way all the same.
    pub paused: bool,
    /// It ends at this point.
    pub crashing: bool,
    /// The loop waits for this effect: a message needs a day of the ledger that is not in memory.
    stalled: Option<(u64, u32)>,
    tasks: JoinSet<()>,
    next: u64,
    checkpoint_every: u64,
    ledger_entries: usize,
}

impl Process {
    /// A process that was just started.
    pub fn start(number: u32, out: &mut Outside) -> Process {
        Process {
            number,
            partitions: BTreeMap::new(),
            paused: false,
            crashing: false,
            stalled: None,
            tasks: JoinSet::new(),
            next: 0,
            checkpoint_every: out.chance.between(1, 4),
            ledger_entries: out.chance.between(1, 6) as usize,
        }
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// True while the loop waits.
    pub fn is_stalled(&self) -> bool {
        self.stalled.is_some()
    }

    /// True while an effect is under way.
    pub fn has_tasks(&mut self, out: &mut Outside) -> bool {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended {
                out.check(Err(Violation::other("an effect does not panic", error.to_string())));
            }
        }
        !self.tasks.is_empty()
    }

    /// The group gives it a partition.
    pub fn assign(&mut self, number: u32, out: &mut Outside) {
        let config = Config {
            names: out.names[number as usize].clone(),
            format: out.layout.format(),
            writer: format!("{:016x}", self.number),
            checkpoint_every: self.checkpoint_every,
            ledger_entries: self.ledger_entries,
        };
        let mut machine = Machine::new(config);
        let effects = machine.handle(Input::Assigned(out.log[number as usize].watermarks()));
        let partition = Partition {
            machine,
            rows: Rows::new(out.layout),
            writer: Writer::new(out.wide),
            files: Arc::default(),
            read_at: None,
            generation: self.id(),
        };
        self.partitions.insert(number, partition);
        self.apply(number, effects, out);
    }

    /// The group takes a partition away. What is under way may finish: it is the same whoever does it.
    pub fn revoke(&mut self, number: u32) {
        self.partitions.remove(&number);
    }

    /// Partitions that have a message to read.
    pub fn readable(&self, out: &Outside) -> Vec<u32> {
        let has = |(number, partition): (&u32, &Partition)| {
            let log = out.log.get(*number as usize)?;
            let more = partition.machine.is_open() && partition.read_at? < log.watermarks().high;
            more.then_some(*number)
        };
        self.partitions.iter().filter_map(has).collect()
    }

    /// Partitions whose batch may be cut.
    pub fn sealable(&self) -> Vec<u32> {
        let may = |partition: &Partition| partition.machine.can_seal() && !partition.machine.is_redoing();
        self.partitions.iter().filter(|(_, partition)| may(partition)).map(|(number, _)| *number).collect()
    }

    /// Offers the next message of a partition to its machine and does what it says.
    pub fn read(&mut self, number: u32, out: &mut Outside) {
        let Some(partition) = self.partitions.get_mut(&number) else { return };
        let Some(offset) = partition.read_at else { return };
        let log = &out.log[number as usize];
        if offset < log.watermarks().low {
            out.check(Err(Violation::other("nothing is needed that has expired", format!("offset {offset} of {number}"))));
            return;
        }
        let Some(message) = log.read(number, offset) else { return };
        let before = partition.machine.position();
        let rows = &mut partition.rows;
        let what = match partition.machine.message(&message) {
            Verdict::Skip => "skip",
            Verdict::Record(key) => {
                rows.append(number, offset, Some(key), message.key, message.value);
                "row"
            }
            Verdict::Foreign => {
                rows.append(number, offset, None, message.key, message.value);
                "foreign"
            }
            Verdict::End(_, end) => {
                let status = match end.status {
                    EndStatus::Complete => LogFileStatus::Complete,
                    EndStatus::Quarantined => LogFileStatus::Quarantined,
                };
                rows.append_end(number, offset, &end, status);
                "end"
            }
            Verdict::Altered(_, end) => {
                out.counts.add("files altered");
                rows.append_end(number, offset, &end, LogFileStatus::Altered);
                "altered"
            }
            Verdict::NeedsDay(day, key) => {
                // The loop waits for the day, then offers the message again.
                let effect = self.spawn(number, Effect::LoadDay(day, key), out);
                self.stalled = effect.map(|effect| (effect, number));
                return;
            }
            Verdict::Halt(halt) => return self.halted(number, &halt, out),
        };
        partition.read_at = Some(offset + 1);
        if what == "skip" && partition.machine.position() > before {
            match out.expected[number as usize].at(offset) {
                Some(Err(Dropped::Duplicate)) => out.counts.add("messages dropped: duplicate"),
                _ => out.counts.add("messages dropped: ahead"),
            }
        }
        let must_seal = partition.machine.must_seal();
        out.line(format_args!("p{} reads {number}/{offset}: {what}", self.number));
        if must_seal {
            out.counts.add("redos");
            self.seal(number, Reason::Redo, out);
        }
    }

    /// Cuts the open batch.
    pub fn seal(&mut self, number: u32, reason: Reason, out: &mut Outside) {
        if let Some(partition) = self.partitions.get_mut(&number) {
            let effects = partition.machine.handle(Input::Seal(reason));
            self.apply(number, effects, out);
        }
    }

    /// Cuts off what has been read so far as a row group of its own, as memory may ask for at any time.
    pub fn chunk(&mut self, number: u32) {
        if let Some(partition) = self.partitions.get_mut(&number)
            && let Ok(Some(chunk)) = partition.rows.take_chunk(1)
        {
            partition.writer.chunk(chunk);
        }
    }

    /// Effects whose results may be handed in now.
    pub fn deliverable(&self, out: &Outside) -> Vec<u64> {
        let finished = out.finished.of(self.number);
        match self.stalled {
            Some((effect, _)) => finished.into_iter().filter(|one| *one == effect).collect(),
            None => finished,
        }
    }

    /// Hands the result of an effect to its machine.
    pub fn deliver(&mut self, effect: u64, out: &mut Outside) {
        let Some(done) = out.finished.take(self.number, effect) else { return };
        out.line(format_args!("p{} {}: {} is done", self.number, done.partition, done.effect));
        if out.crashes_at(done.effect, Moment::After) {
            self.crashing = true;
            return;
        }
        let stalled = self.stalled.take_if(|(waits_for, _)| *waits_for == effect);
        let number = done.partition;
        let Some(partition) = self.partitions.get_mut(&number).filter(|p| p.generation == done.generation) else { return };
        let input = match done.result {
            None => return,
            Some(Ok(files)) => {
                let entries = files.iter().map(|file| file.entry.clone()).collect();
                partition.files = Arc::new(files);
                Input::Encoded(entries)
            }
            Some(Err(Input::GaveUp(why))) => return self.halted(number, &Halt::GaveUp(why), out),
            Some(Err(input)) => input,
        };
        count_input(&input, out);
        let effects = partition.machine.handle(input);
        if done.effect == "ReadBack" && effects.contains(&Effect::Discard) {
            out.counts.add("lost races");
        }
        if done.effect == "ReadCheckpoint" && effects.iter().any(|next| matches!(next, Effect::ReadIntents { from: 1.., .. })) {
            out.counts.add("recoveries with a checkpoint");
        }
        self.apply(number, effects, out);
        if stalled.is_some() && !self.crashing {
            self.read(number, out);
        }
    }

    fn halted(&mut self, number: u32, halt: &Halt, out: &mut Outside) {
        let detail = format!("p{} halted partition {number}: {halt}", self.number);
        out.check(Err(Violation::other("nothing halts that was not made to", detail)));
    }

    /// Does what the machine wants done.
    fn apply(&mut self, number: u32, effects: Vec<Effect>, out: &mut Outside) {
        let mut queue = VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            let name = name(&effect);
            out.line(format_args!("p{} {number}: {name}{}", self.number, detail(&effect)));
            if out.crashes_at(name, Moment::Before) {
                self.crashing = true;
                return;
            }
            let Some(partition) = self.partitions.get_mut(&number) else { return };
            match effect {
                Effect::Begin(offset) => partition.read_at = Some(offset),
                Effect::Mirror(offset) => out.mirror(number, offset),
                // As the real loop does at an assignment, and only there.
                Effect::Halt(halt) if partition.read_at.is_none() && halt.outdated_by(out.log[number as usize].watermarks()) => {
                    out.counts.add("starts done over");
                    return self.assign(number, out);
                }
                Effect::Halt(halt) => return self.halted(number, &halt, out),
                Effect::Discard => self.discard(number, out),
                Effect::Encode { seq, start, end } => {
                    self.encode(number, seq, start, end, out);
                    continue;
                }
                other => {
                    self.spawn(number, other, out);
                    continue;
                }
            }
            if out.crashes_at(name, Moment::After) {
                self.crashing = true;
                return;
            }
        }
    }

    fn discard(&mut self, number: u32, out: &Outside) {
        let generation = self.id();
        if let Some(partition) = self.partitions.get_mut(&number) {
            partition.rows = Rows::new(out.layout);
            partition.writer = Writer::new(out.wide);
            partition.files = Arc::default();
            partition.generation = generation;
        }
    }

    fn encode(&mut self, number: u32, seq: u64, start: u64, end: u64, out: &Outside) {
        let effect = self.id();
        let Some(partition) = self.partitions.get_mut(&number) else { return };
        let rows = std::mem::replace(&mut partition.rows, Rows::new(out.layout));
        let writer = std::mem::replace(&mut partition.writer, Writer::new(out.wide));
        let info = BatchInfo { names: partition.machine.names().clone(), seq, start, end, layout: out.layout };
        let files = rows.finish().map_err(|error| error.to_string()).and_then(|parts| writer.finish(&info, parts));
        let result = Some(files.map_err(|error| Input::GaveUp(format!("failed to encode batch {seq}: {error}"))));
        let done = Done { partition: number, generation: partition.generation, effect: "Encode", result };
        out.finished.put(self.number, effect, done);
    }

    /// Starts an effect on the store.
    fn spawn(&mut self, number: u32, effect: Effect, out: &Outside) -> Option<u64> {
        let id = self.id();
        let partition = self.partitions.get(&number)?;
        let names: Names = partition.machine.names().clone();
        let (files, generation) = (Arc::clone(&partition.files), partition.generation);
        let (store, finished, process) = (out.store.client(self.number, id), out.finished.clone(), self.number);
        let effect_name = name(&effect);
        self.tasks.spawn(async move {
            let result = perform(&store, &names, effect, files).await.map(Err);
            finished.put(process, id, Done { partition: number, generation, effect: effect_name, result });
        });
        Some(id)
    }
}

fn count_input(input: &Input, out: &mut Outside) {
    match input {
        Input::Published => out.counts.add("batches published"),
        Input::Checkpointed(true) => out.counts.add("checkpoints written"),
        Input::Day(_, Some(_)) => out.counts.add("day loads"),
        _ => {}
    }
}

fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::ReadHint => "ReadHint",
        Effect::Exists(_) => "Exists",
        Effect::ReadCheckpoint => "ReadCheckpoint",
        Effect::ReadIntents { .. } => "ReadIntents",
        Effect::CheckFiles(_) => "CheckFiles",
        Effect::LoadDay(..) => "LoadDay",
        Effect::Begin(_) => "Begin",
        Effect::Encode { .. } => "Encode",
        Effect::PutIntent(..) => "PutIntent",
        Effect::ReadBack(_) => "ReadBack",
        Effect::PutFiles => "PutFiles",
        Effect::Mirror(_) => "Mirror",
        Effect::WriteHint(..) => "WriteHint",
        Effect::WriteCheckpoint(_) => "WriteCheckpoint",
        Effect::Discard => "Discard",
        Effect::Halt(_) => "Halt",
    }
}

/// What a reader of the trace needs to know of it.
fn detail(effect: &Effect) -> String {
    match effect {
        Effect::Exists(at) | Effect::Begin(at) | Effect::Mirror(at) => format!(" {at}"),
        Effect::ReadIntents { from, to } => format!(" {from}..{to}"),
        Effect::Encode { seq, start, end } => format!(" {seq} [{start}, {end})"),
        Effect::PutIntent(key, _) | Effect::ReadBack(key) | Effect::LoadDay(_, key) => format!(" {key}"),
        Effect::CheckFiles(keys) => format!(" of {}", keys.len()),
        Effect::Halt(halt) => format!(" {halt}"),
        _ => String::new(),
    }
}
