//! One persister process: the real schedule and effects. What `persister/src/runtime/supervise.rs` does as it comes, the world asks for
//! here one step at a time: offer a message, hand in a result, look at time and sizes.
//!
//! Sizes are told, not measured: a world says when a chunk is full, a batch large, memory short.

use crate::counts::Moment;
use crate::expected::Dropped;
use crate::outside::Outside;
use crate::tables::Writer;
use crate::violation::Violation;
use common::log::Position;
use persister::decode::LogFileStatus;
use persister::protocol::machine::{Effect, Input};
use persister::protocol::seal::{Reason, SealPolicy};
use persister::runtime::schedule::{
    Action, BatchId, Config, Event, Fact, Generation, Intake, MemoryBounds, Row, RowSizes, Schedule,
};
use persister::sink::parquet::batch::BatchInfo;
use persister::sink::parquet::effects::perform;
use persister::sink::parquet::{File, Rows};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Bounds that are only reached when a world says so.
const SEAL: SealPolicy = SealPolicy { bytes: 1 << 40, age: Duration::from_secs(40), directories: 1 << 20, log_files: 1 << 20 };
const MEMORY: MemoryBounds = MemoryBounds { chunk: 1 << 30, rows: 1 << 32, encoded: 1 << 32, full: 1 << 33 };

/// The result of what was begun.
#[derive(Debug)]
pub struct Done {
    partition: u32,
    effect: &'static str,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Happened(Event),
    Encoded(Generation, Result<Vec<File>, String>),
    /// Nobody waits for it.
    Over,
}

/// What is in hand of one partition.
#[derive(Debug)]
struct Hand {
    rows: Rows,
    writer: Writer,
    files: Arc<Vec<File>>,
    /// Where the consumer reads on; `None` while it is held.
    read_at: Option<u64>,
}

/// A process.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub number: u32,
    /// It does nothing until it is woken; what it has sent is under way all the same.
    pub paused: bool,
    /// It ends at this point.
    pub crashing: bool,
    /// It has come to its end as it was asked to.
    pub has_ended: bool,
    schedule: Schedule,
    hands: Vec<Hand>,
    tasks: JoinSet<()>,
    next: u64,
    now: Duration,
}

impl Process {
    /// A process that was just started.
    pub fn start(number: u32, out: &mut Outside) -> Process {
        let config = Config {
            topic: out.names[0].topic.clone(),
            epoch: out.names[0].epoch.clone(),
            partitions: out.names.len() as u32,
            format: out.layout.format(),
            writer: format!("{number:016x}"),
            checkpoint_every: out.chance.between(1, 4),
            ledger_entries: out.names.len() * out.chance.between(1, 6) as usize,
            seal: SEAL,
            memory: MEMORY,
            encoders: out.chance.between(1, 2) as usize,
        };
        Process {
            number,
            paused: false,
            crashing: false,
            has_ended: false,
            schedule: Schedule::new(config),
            hands: out.names.iter().map(|_| Hand::new(out)).collect(),
            tasks: JoinSet::new(),
            next: 0,
            now: Duration::ZERO,
        }
    }

    /// Partitions that it believes to own.
    pub fn numbers(&self) -> Vec<u32> {
        self.schedule.numbers()
    }

    /// Where the consumer reads a partition on; `None` while it is held, or not its own.
    pub fn read_at(&self, number: u32) -> Option<u64> {
        self.hands[number as usize].read_at
    }

    /// The consumer gives messages again.
    pub fn rewind(&mut self, number: u32, to: u64) {
        self.hands[number as usize].read_at = Some(to);
    }

    /// True while it does not poll: memory is used up.
    pub fn is_waiting(&self) -> bool {
        matches!(self.schedule.intake(), Intake::Waiting { .. })
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
        self.hands[number as usize].read_at = None;
        self.schedule.handle(Event::Assigned(vec![number]));
        self.carry_out(out);
    }

    /// The group takes a partition away. What is under way may finish: it is the same whoever does it.
    pub fn revoke(&mut self, number: u32, out: &mut Outside) {
        if self.numbers().contains(&number) {
            self.hands[number as usize].read_at = None;
            self.schedule.handle(Event::Revoked(vec![number]));
            self.carry_out(out);
        }
    }

    /// Nothing after these offsets is expected.
    pub fn drain_to(&mut self, ends: Vec<u64>) {
        self.schedule.handle(Event::DrainTo(ends));
    }

    /// It is asked to end.
    pub fn end(&mut self) {
        self.schedule.handle(Event::Ending);
    }

    /// Partitions that have a message to read.
    pub fn readable(&self, out: &Outside) -> Vec<u32> {
        if self.is_waiting() {
            return Vec::new();
        }
        let has = |number: &u32| self.read_at(*number).is_some_and(|at| at < out.log[*number as usize].watermarks().high);
        self.numbers().into_iter().filter(has).collect()
    }

    /// Partitions whose batch may be cut.
    pub fn sealable(&self) -> Vec<u32> {
        self.numbers().into_iter().filter(|number| self.schedule.can_seal(*number)).collect()
    }

    /// Offers the next message of a partition and does what is decided.
    pub fn read(&mut self, number: u32, out: &mut Outside) {
        let Some(offset) = self.read_at(number) else { return };
        let log = &out.log[number as usize];
        if offset < log.watermarks().low {
            out.check(Err(Violation::other("nothing is needed that has expired", format!("offset {offset} of {number}"))));
            return;
        }
        let Some(message) = log.read(number, offset) else { return };
        let before = self.schedule.position(number);
        let row = self.schedule.message(&message);
        let hand = &mut self.hands[number as usize];
        hand.read_at = Some(offset + 1);
        let what = match row {
            Row::None => "skip",
            Row::Record(key) => {
                hand.rows.append(number, offset, Some(key), message.key, message.value);
                "row"
            }
            Row::Foreign => {
                hand.rows.append(number, offset, None, message.key, message.value);
                "foreign"
            }
            Row::LogFile(end, status) => {
                hand.rows.append_end(number, offset, &end, status);
                if status == LogFileStatus::Altered { "altered" } else { "end" }
            }
        };
        if what == "altered" {
            out.counts.add("files altered");
        }
        if what == "skip" && self.schedule.position(number) > before {
            match out.expected[number as usize].at(offset) {
                Some(Err(Dropped::Duplicate)) => out.counts.add("messages dropped: duplicate"),
                _ => out.counts.add("messages dropped: ahead"),
            }
        }
        out.line(format_args!("p{} reads {number}/{offset}: {what}", self.number));
        self.carry_out(out);
    }

    /// So much time passes that whatever is open has grown old.
    pub fn grow_old(&mut self) {
        self.now += SEAL.age;
    }

    /// Looks at the time and the sizes of everything. True when something came of it.
    pub fn look(&mut self, out: &mut Outside) -> bool {
        self.look_and_see(None, out)
    }

    /// The batch of a partition has as many directories as it may have.
    pub fn cut(&mut self, number: u32, out: &mut Outside) -> bool {
        self.look_and_see(Some((number, RowSizes { directories: SEAL.directories, ..RowSizes::default() })), out)
    }

    /// A directory of a partition has enough rows for a row group, or memory is short of room for rows.
    pub fn chunk(&mut self, number: u32, out: &mut Outside) -> bool {
        let rows = if out.chance.below(3) == 0 { MEMORY.rows + 1 } else { MEMORY.chunk };
        let largest = if rows > MEMORY.rows { 1 } else { rows };
        self.look_and_see(Some((number, RowSizes { bytes: rows, largest_directory: largest, directories: 1 })), out)
    }

    fn look_and_see(&mut self, told: Option<(u32, RowSizes)>, out: &mut Outside) -> bool {
        self.now += Duration::from_millis(out.chance.below(2_000));
        self.schedule.set_now(self.now);
        for number in self.numbers() {
            let rows = told.filter(|(of, _)| *of == number).map_or(RowSizes::default(), |(_, rows)| rows);
            self.schedule.set_rows(number, rows);
        }
        let before = self.schedule.intake();
        self.schedule.tick();
        let after = self.schedule.intake();
        if before != after {
            out.line(format_args!("p{} intake: {after:?}", self.number));
            if after == Intake::Held {
                out.counts.add("holds for memory");
            }
        }
        let has_actions = self.schedule.has_actions();
        self.carry_out(out);
        has_actions || before != after
    }

    /// Effects whose results may be handed in now.
    pub fn deliverable(&self, out: &Outside) -> Vec<u64> {
        out.finished.of(self.number)
    }

    /// Hands in the result of an effect.
    pub fn deliver(&mut self, effect: u64, out: &mut Outside) {
        let Some(Done { partition, effect, outcome }) = out.finished.take(self.number, effect) else { return };
        out.line(format_args!("p{} {partition}: {effect} is done", self.number));
        if out.crashes_at(effect, Moment::After) {
            self.crashing = true;
            return;
        }
        match outcome {
            Outcome::Happened(event) => {
                if let Event::Performed { partition, generation, input } = &event
                    && self.schedule.is_current(*partition, *generation)
                {
                    count_input(input, out);
                }
                self.schedule.handle(event);
            }
            Outcome::Encoded(generation, files) => {
                let files = files.map(|files| {
                    let entries = files.iter().map(|file| file.entry.clone()).collect();
                    let bytes = files.iter().map(|file| file.bytes.len()).sum();
                    if self.schedule.is_current(partition, generation) {
                        self.hands[partition as usize].files = Arc::new(files);
                    }
                    (entries, bytes)
                });
                self.schedule.handle(Event::Finished { partition, generation, files });
            }
            Outcome::Over => {}
        }
        let actions = self.schedule.take_actions();
        if effect == "ReadBack" && actions.iter().any(|action| matches!(action, Action::Tell(_, Fact::Dropped))) {
            out.counts.add("lost races");
        }
        let reads_on = |action: &Action| matches!(action, Action::Perform { effect: Effect::ReadIntents { from: 1.., .. }, .. });
        if effect == "ReadCheckpoint" && actions.iter().any(reads_on) {
            out.counts.add("recoveries with a checkpoint");
        }
        self.carry_out_these(actions, out);
    }

    fn carry_out(&mut self, out: &mut Outside) {
        let actions = self.schedule.take_actions();
        self.carry_out_these(actions, out);
    }

    /// Does what was decided, unless the process ends on the way.
    fn carry_out_these(&mut self, actions: Vec<Action>, out: &mut Outside) {
        for action in actions {
            let name = name(&action);
            let is_effect = !matches!(action, Action::Tell(..) | Action::End(_));
            if is_effect {
                out.line(format_args!("p{} {name}{}", self.number, detail(&action)));
                if out.crashes_at(name, Moment::Before) {
                    self.crashing = true;
                    return;
                }
            }
            // What is over at once is learned of at once.
            if self.act(action, name, out) && out.crashes_at(name, Moment::After) {
                self.crashing = true;
                return;
            }
        }
    }

    /// Carries out one action. True when it is over and has no result to be handed in.
    fn act(&mut self, action: Action, name: &'static str, out: &mut Outside) -> bool {
        match action {
            Action::AskWatermarks(number, generation) => {
                let event = Event::Watermarks(number, generation, out.log[number as usize].watermarks());
                self.put(number, name, Outcome::Happened(event), out);
            }
            Action::Seek(number, position) => {
                self.hands[number as usize].read_at = match position {
                    Position::At(offset) => Some(offset),
                    Position::Hold => None,
                };
                return true;
            }
            Action::Mirror(number, offset) => {
                out.mirror(number, offset);
                return true;
            }
            Action::Perform { partition, generation, effect } => self.spawn(partition, generation, effect, name, out),
            Action::Chunk(number, batch) => self.encode_chunk(number, batch, name, out),
            Action::Finish { partition, generation, seq, start, end, .. } => {
                let info = BatchInfo { names: self.schedule.names(partition), seq, start, end, layout: out.layout };
                let hand = &mut self.hands[partition as usize];
                let rows = std::mem::replace(&mut hand.rows, Rows::new(out.layout));
                let writer = std::mem::replace(&mut hand.writer, Writer::new(out.wide));
                let files = rows.finish().map_err(|error| error.to_string()).and_then(|parts| writer.finish(&info, parts));
                self.put(partition, name, Outcome::Encoded(generation, files), out);
            }
            Action::Drop(number, _) => {
                let read_at = self.read_at(number);
                self.hands[number as usize] = Hand { read_at, ..Hand::new(out) };
                return true;
            }
            Action::Tell(number, fact) => self.tell(number, fact, out),
            Action::End(Ok(())) => self.has_ended = true,
            Action::End(Err(why)) => self.stopped(&why, out),
        }
        false
    }

    fn encode_chunk(&mut self, number: u32, batch: BatchId, name: &'static str, out: &mut Outside) {
        let hand = &mut self.hands[number as usize];
        let event = match hand.rows.take_chunk(1) {
            Ok(Some(chunk)) => {
                hand.writer.chunk(chunk);
                let held = [1, MEMORY.encoded + 1, MEMORY.full + 1][out.chance.index(3)];
                Event::Chunked { partition: number, batch, held }
            }
            Ok(None) => Event::Unchunked(number),
            Err(error) => Event::Unfit(number, error.to_string()),
        };
        self.put(number, name, Outcome::Happened(event), out);
    }

    fn tell(&mut self, number: u32, fact: Fact, out: &mut Outside) {
        match fact {
            Fact::StartedOver => out.counts.add("starts done over"),
            Fact::Published { reason, .. } => {
                self.hands[number as usize].files = Arc::default();
                out.counts.add("batches published");
                match reason {
                    Reason::Redo => out.counts.add("redos"),
                    Reason::Memory => out.counts.add("batches cut for memory"),
                    Reason::Age => out.counts.add("batches cut for their age"),
                    _ => {}
                }
            }
            Fact::Halted(halt) => self.stopped(&format!("partition {number}: {halt}"), out),
            Fact::Started { .. } | Fact::Released | Fact::Dropped | Fact::ChainEnd(_) => {}
        }
    }

    fn stopped(&mut self, why: &str, out: &mut Outside) {
        out.check(Err(Violation::other("nothing halts that was not made to", format!("p{}: {why}", self.number))));
    }

    fn put(&mut self, partition: u32, effect: &'static str, outcome: Outcome, out: &Outside) {
        self.next += 1;
        out.finished.put(self.number, self.next, Done { partition, effect, outcome });
    }

    /// Starts an effect on the store.
    fn spawn(&mut self, partition: u32, generation: Generation, effect: Effect, name: &'static str, out: &Outside) {
        self.next += 1;
        let (id, process) = (self.next, self.number);
        let (names, files) = (self.schedule.names(partition), Arc::clone(&self.hands[partition as usize].files));
        let (store, finished) = (out.store.client(process, id), out.finished.clone());
        self.tasks.spawn(async move {
            let input = perform(&store, &names, effect, files).await;
            let outcome =
                input.map_or(Outcome::Over, |input| Outcome::Happened(Event::Performed { partition, generation, input }));
            finished.put(process, id, Done { partition, effect: name, outcome });
        });
    }
}

impl Hand {
    fn new(out: &Outside) -> Hand {
        Hand { rows: Rows::new(out.layout), writer: Writer::new(out.wide), files: Arc::default(), read_at: None }
    }
}

fn count_input(input: &Input, out: &mut Outside) {
    match input {
        Input::Checkpointed(true) => out.counts.add("checkpoints written"),
        Input::Day(_, Some(_)) => out.counts.add("day loads"),
        _ => {}
    }
}

/// What it is called where processes end before or after it.
fn name(action: &Action) -> &'static str {
    match action {
        Action::AskWatermarks(..) => "AskWatermarks",
        Action::Seek(_, Position::At(_)) => "Begin",
        Action::Seek(_, Position::Hold) => "Hold",
        Action::Mirror(..) => "Mirror",
        Action::Perform { effect, .. } => effect_name(effect),
        Action::Chunk(..) => "Chunk",
        Action::Finish { .. } => "Encode",
        Action::Drop(..) => "Discard",
        Action::Tell(..) => "Tell",
        Action::End(_) => "End",
    }
}

fn effect_name(effect: &Effect) -> &'static str {
    match effect {
        Effect::ReadHint => "ReadHint",
        Effect::Exists(_) => "Exists",
        Effect::ReadCheckpoint => "ReadCheckpoint",
        Effect::ReadIntents { .. } => "ReadIntents",
        Effect::CheckFiles(_) => "CheckFiles",
        Effect::LoadDay(..) => "LoadDay",
        Effect::PutIntent(..) => "PutIntent",
        Effect::ReadBack(_) => "ReadBack",
        Effect::PutFiles => "PutFiles",
        Effect::WriteHint(..) => "WriteHint",
        Effect::WriteCheckpoint(_) => "WriteCheckpoint",
        // The schedule makes actions of their own of them.
        Effect::Begin(_) | Effect::Encode { .. } | Effect::Mirror(_) | Effect::Discard | Effect::Halt(_) => "decided",
    }
}

/// What a reader of the trace needs to know of it.
fn detail(action: &Action) -> String {
    match action {
        Action::AskWatermarks(number, _) | Action::Chunk(number, _) | Action::Drop(number, _) => format!(" {number}"),
        Action::Seek(number, position) => format!(" {number} {position:?}"),
        Action::Mirror(number, at) => format!(" {number} {at}"),
        Action::Finish { partition, seq, start, end, .. } => format!(" {partition}: {seq} [{start}, {end})"),
        Action::Perform { partition, effect, .. } => match effect {
            Effect::Exists(at) => format!(" {partition}: {at}"),
            Effect::ReadIntents { from, to } => format!(" {partition}: {from}..{to}"),
            Effect::PutIntent(key, _) | Effect::ReadBack(key) | Effect::LoadDay(_, key) => format!(" {partition}: {key}"),
            Effect::CheckFiles(keys) => format!(" {partition}: {} files", keys.len()),
            _ => format!(" {partition}"),
        },
        Action::Tell(..) | Action::End(_) => String::new(),
    }
}
