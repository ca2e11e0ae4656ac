//! The only event loop: it polls the log, appends rows, and does what [`Schedule`] decides. It decides nothing itself.
//!
//! ```text
//!   log ──poll──▶ supervise ──message──▶ schedule ──row──▶ rows ──chunks──▶ encoders (threads)
//!                   ▲   │ actions ◀─────────┘  ▲                               │
//!                   │   ├── seek, mirror       │ events: results, sizes, time  │
//!                   └───┘   perform ──▶ effects (tasks on the store) ──────────┴──▶ results
//! ```
//!
//! Nothing here waits for one partition: effects are tasks, encoders have queues with room for all that the schedule sends, and the log's
//! questions that get no answer are asked again later. Only when memory is used up, and at the end, are results waited for
//! instead of messages; the schedule bounds for how long.

#![expect(
    clippy::disallowed_methods,
    reason = "the event loop reads the clock and starts the effects' tasks, each of which answers or is missed"
)]

use super::control::Control;
use super::options::{CHECKPOINT_EVERY, LEDGER_ENTRIES, Options};
use super::schedule::{Action, BatchId, Config, Event, Fact, Generation, Intake, Row, RowSizes, Schedule};
use super::status::Status;
use crate::failpoint;
use crate::protocol::machine::Effect;
use crate::sink::parquet::batch::{BatchInfo, File};
use crate::sink::parquet::effects::perform;
use crate::sink::parquet::encode::Encoders;
use crate::sink::parquet::{FileError, Rows};
use anyhow::{Context, bail};
use common::failure::Class;
use common::log::{Consumer, Message, Polled, Position};
use common::store::Store;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a poll may wait while nothing is under way, and while something is: results do not end a poll.
const POLL_IDLE: Duration = Duration::from_millis(100);
const POLL_BUSY: Duration = Duration::from_millis(2);

/// How long a result is waited for where messages are not taken.
const AWAIT_RESULT: Duration = Duration::from_millis(20);

/// How long the log may not answer a question before the process gives up, and the pause before it is asked again.
const LOG_DEADLINE: Duration = Duration::from_secs(120);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Messages between two looks at the clock, and the time between two looks at everything while messages come.
const LOOK_EVERY: u32 = 64;
const LOOK_AFTER: Duration = Duration::from_millis(5);

/// Room for results: more than can be under way at once.
const RESULTS: usize = 4096;

/// Runs until the end is asked for: polls, persists, and at the end seals and publishes what is open.
/// Blocks its thread, which must be one that may block; the store's tasks run on `runtime`.
///
/// # Errors
/// When the log fails for good, when an effect was given up, when a task or an encoder died, or when every partition that was ours has halted.
pub fn run(
    options: Options,
    mut consumer: Box<dyn Consumer>,
    store: Store,
    status: Arc<Status>,
    control: Control,
    runtime: Handle,
) -> anyhow::Result<()> {
    let encoders = Encoders::start(options.encoders).context("failed to start encoder threads")?;
    let (sender, results) = sync_channel(RESULTS);
    let config = Config {
        topic: options.topic.clone(),
        epoch: options.epoch.clone(),
        partitions: status.partitions(),
        format: options.layout.format(),
        writer: format!("{:016x}", random()),
        checkpoint_every: CHECKPOINT_EVERY,
        ledger_entries: LEDGER_ENTRIES,
        seal: options.seal,
        memory: options.memory_bounds(),
        encoders: options.encoders,
    };
    let hands = (0..status.partitions()).map(|_| Hand { rows: Rows::new(options.layout), files: Arc::default() }).collect();
    let supervisor = Supervisor {
        options,
        store,
        status,
        control,
        runtime,
        encoders,
        schedule: Schedule::new(config),
        hands,
        sender,
        results,
        unanswered: Vec::new(),
        started: Instant::now(),
        looked: Duration::ZERO,
        is_ending: false,
    };
    supervisor.work(consumer.as_mut())
}

/// A number that other processes do not have; nothing is decided by its value.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one((std::process::id(), Instant::now()))
}

/// What came of work that was begun.
enum Outcome {
    Happened(Event),
    Encoded {
        partition: u32,
        generation: Generation,
        files: Result<Vec<File>, FileError>,
    },
    /// Best effort; nobody waits for it.
    Over,
    /// A task or a thread ended without an answer: it has panicked.
    Died(&'static str),
}

/// Where the outcome of one piece of work goes. Dropped unused, as by a panic, it tells: whoever waits would wait for ever.
struct Answer {
    results: SyncSender<Outcome>,
    who: &'static str,
    is_given: bool,
}

impl Answer {
    fn give(mut self, outcome: Outcome) {
        self.is_given = true;
        // The loop may be gone: then nobody needs it.
        let _ = self.results.send(outcome);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.is_given {
            let _ = self.results.send(Outcome::Died(self.who));
        }
    }
}

/// What is in hand of one partition.
struct Hand {
    /// Rows of the open batch that are not with the encoder yet.
    rows: Rows,
    /// Files of the batch on its way.
    files: Arc<Vec<File>>,
}

/// What does the log hold of a partition?
struct Unanswered {
    partition: u32,
    generation: Generation,
    /// When it was asked first, and last.
    since: Duration,
    last: Duration,
}

struct Supervisor {
    options: Options,
    store: Store,
    status: Arc<Status>,
    control: Control,
    runtime: Handle,
    encoders: Encoders,
    schedule: Schedule,
    /// By partition number.
    hands: Vec<Hand>,
    sender: SyncSender<Outcome>,
    results: Receiver<Outcome>,
    /// Questions that the log did not answer.
    unanswered: Vec<Unanswered>,
    started: Instant,
    looked: Duration,
    is_ending: bool,
}

impl Supervisor {
    fn work(mut self, consumer: &mut dyn Consumer) -> anyhow::Result<()> {
        // Polls wait only when the last one that did not had nothing, so that a wait always ends in a look at everything.
        let (mut taken, mut is_idle) = (0, false);
        loop {
            if self.is_ending || matches!(self.schedule.intake(), Intake::Waiting { .. }) {
                self.await_result()?;
                is_idle = true;
            } else {
                let timeout = match is_idle {
                    false => Duration::ZERO,
                    true if self.schedule.is_busy() => POLL_BUSY,
                    true => POLL_IDLE,
                };
                match consumer.poll(timeout)? {
                    Polled::Idle => is_idle = true,
                    Polled::Message(message) => {
                        if is_idle {
                            self.schedule.set_now(self.started.elapsed());
                            taken = LOOK_EVERY;
                        }
                        self.message(&message.get());
                        taken += 1;
                        is_idle = false;
                    }
                    Polled::Assigned(partitions) => {
                        // The group does not wait for us to find the positions.
                        consumer.begin(&partitions.iter().map(|&number| (number, Position::Hold)).collect::<Vec<_>>())?;
                        self.schedule.handle(Event::Assigned(partitions));
                    }
                    Polled::Revoked(partitions) => {
                        consumer.release(&partitions)?;
                        self.schedule.handle(Event::Revoked(partitions));
                    }
                    Polled::Lost { partition, why } => self.schedule.handle(Event::Lost { partition, why }),
                }
            }
            if is_idle || taken >= LOOK_EVERY {
                taken = 0;
                self.look(is_idle, consumer)?;
            }
            if self.schedule.has_actions() && self.carry_out(consumer)?.is_break() {
                return Ok(());
            }
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let row = self.schedule.message(message);
        let rows = match self.hands.get_mut(message.partition as usize) {
            Some(hand) if row != Row::None => &mut hand.rows,
            _ => return,
        };
        let Message { partition, offset, key, value, .. } = *message;
        match row {
            Row::None => {}
            Row::Record(identity) => rows.append(partition, offset, Some(identity), key, value),
            Row::Foreign => rows.append(partition, offset, None, key, value),
            Row::LogFile(end, status) => rows.append_end(partition, offset, &end, status),
        }
    }

    /// Hands in results; now and then also the time and the sizes of everything.
    fn look(&mut self, is_idle: bool, consumer: &mut dyn Consumer) -> anyhow::Result<()> {
        let now = self.started.elapsed();
        self.schedule.set_now(now);
        while let Ok(outcome) = self.results.try_recv() {
            self.take(outcome)?;
        }
        if !is_idle && now.saturating_sub(self.looked) < LOOK_AFTER {
            return Ok(());
        }
        self.looked = now;
        if let Some(ends) = self.control.take_drain() {
            self.schedule.handle(Event::DrainTo(ends));
        }
        if self.control.is_ending() && !std::mem::replace(&mut self.is_ending, true) {
            self.schedule.handle(Event::Ending);
        }
        let again: Vec<_> = self.unanswered.extract_if(.., |asked| now.saturating_sub(asked.last) >= ASK_AGAIN).collect();
        for question in again {
            self.ask_watermarks(question, consumer)?;
        }
        for number in self.schedule.numbers() {
            let rows = &self.hands[number as usize].rows;
            let sizes = RowSizes {
                bytes: rows.pending_bytes(),
                largest_directory: rows.largest_directory_bytes(),
                directories: rows.directories(),
            };
            self.schedule.set_rows(number, sizes);
        }
        self.schedule.tick();
        Ok(())
    }

    fn await_result(&mut self) -> anyhow::Result<()> {
        match self.results.recv_timeout(AWAIT_RESULT) {
            Ok(outcome) => self.take(outcome),
            // This end has a sender, too.
            Err(_) => Ok(()),
        }
    }

    fn take(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        match outcome {
            Outcome::Happened(event) => self.schedule.handle(event),
            Outcome::Encoded { partition, generation, files } => {
                let files = files.map_err(|error| error.to_string()).map(|files| {
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
            Outcome::Died(who) => bail!("{who} has panicked"),
        }
        Ok(())
    }

    /// Does what was decided. Breaks at the end.
    fn carry_out(&mut self, consumer: &mut dyn Consumer) -> anyhow::Result<ControlFlow<()>> {
        while self.schedule.has_actions() {
            for action in self.schedule.take_actions() {
                match action {
                    Action::AskWatermarks(partition, generation) => {
                        let since = self.started.elapsed();
                        self.ask_watermarks(Unanswered { partition, generation, since, last: since }, consumer)?;
                    }
                    Action::Seek(partition, position) => consumer.seek(partition, position)?,
                    Action::Mirror(partition, offset) => failpoint::mirroring(|| consumer.mirror(partition, offset)),
                    Action::Perform { partition, generation, effect } => self.perform(partition, generation, effect),
                    Action::Chunk(partition, batch) => self.chunk(partition, batch.0),
                    Action::Finish { partition, generation, batch, seq, start, end } => {
                        let names = self.schedule.names(partition);
                        let info = BatchInfo { names, seq, start, end, layout: self.options.layout };
                        self.finish(partition, generation, batch.0, info);
                    }
                    Action::Drop(partition, batch) => {
                        let hand = &mut self.hands[partition as usize];
                        *hand = Hand { rows: Rows::new(self.options.layout), files: Arc::default() };
                        self.encoders.drop_batch(partition, batch.0);
                    }
                    Action::Tell(partition, fact) => self.tell(partition, fact),
                    Action::End(Ok(())) => return Ok(ControlFlow::Break(())),
                    Action::End(Err(why)) => bail!(why),
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A broker that restarts must not end the process: while its trouble is a passing one it is asked again at a later look.
    fn ask_watermarks(&mut self, question: Unanswered, consumer: &mut dyn Consumer) -> anyhow::Result<()> {
        let Unanswered { partition, generation, since, .. } = question;
        let now = self.started.elapsed();
        match consumer.watermarks(partition) {
            Ok(watermarks) => self.schedule.handle(Event::Watermarks(partition, generation, watermarks)),
            Err(error) if error.class == Class::Retry && now.saturating_sub(since) < LOG_DEADLINE => {
                tracing::debug!(%error, partition, "the log does not say what it holds; asking again");
                self.unanswered.push(Unanswered { last: now, ..question });
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn answer(&self, who: &'static str) -> Answer {
        Answer { results: self.sender.clone(), who, is_given: false }
    }

    fn perform(&self, partition: u32, generation: Generation, effect: Effect) {
        let (store, names, files) =
            (self.store.clone(), self.schedule.names(partition), Arc::clone(&self.hands[partition as usize].files));
        let answer = self.answer("a task on the store");
        self.runtime.spawn(async move {
            let input = perform(&store, &names, effect, files).await;
            answer
                .give(input.map_or(Outcome::Over, |input| Outcome::Happened(Event::Performed { partition, generation, input })));
        });
    }

    fn chunk(&mut self, partition: u32, batch: u64) {
        match self.hands[partition as usize].rows.take_chunk(1) {
            Ok(Some(chunk)) => {
                let answer = self.answer("an encoder");
                let chunked = move |held| {
                    answer.give(Outcome::Happened(Event::Chunked { partition, batch: BatchId(batch), held }));
                };
                self.encoders.chunk(partition, batch, chunk, Box::new(chunked));
            }
            Ok(None) => self.schedule.handle(Event::Unchunked(partition)),
            Err(error) => self.schedule.handle(Event::Unfit(partition, error.to_string())),
        }
    }

    fn finish(&mut self, partition: u32, generation: Generation, batch: u64, info: BatchInfo) {
        let rows = std::mem::replace(&mut self.hands[partition as usize].rows, Rows::new(self.options.layout));
        match rows.finish() {
            Ok(parts) => {
                let answer = self.answer("an encoder");
                let finished = move |files| answer.give(Outcome::Encoded { partition, generation, files });
                self.encoders.finish(partition, batch, info, parts, Box::new(finished));
            }
            Err(error) => self.schedule.handle(Event::Unfit(partition, error.to_string())),
        }
    }

    fn tell(&mut self, partition: u32, fact: Fact) {
        match fact {
            Fact::Started { position, chain_end, batches, redo } => {
                tracing::info!(partition, position, chain_end, batches, redo, "assigned");
            }
            Fact::StartedOver => tracing::info!(partition, "messages came while the chain was read: starting over"),
            Fact::Released => {
                tracing::info!(partition, "revoked");
                self.status.own(partition, None);
            }
            Fact::Dropped => {
                tracing::info!(partition, "another writer was first, or the start is done over: dropping what is not published");
            }
            Fact::ChainEnd(end) => self.status.own(partition, Some(end)),
            Fact::Published { seq, reason, took } => {
                let files = std::mem::take(&mut self.hands[partition as usize].files);
                let rows = files.iter().map(|file| file.entry.rows).sum();
                let bytes = files.iter().map(|file| file.bytes.len() as u64).sum();
                self.status.published(rows, files.len() as u64, bytes);
                tracing::info!(partition, seq, rows, files = files.len(), bytes, ?reason, ?took, "published");
            }
            Fact::Halted(halt) => {
                tracing::error!(partition, reason = %halt, "halted: nothing of this partition is committed from here on");
                self.status.halted(partition, halt.to_string());
            }
        }
    }
}
