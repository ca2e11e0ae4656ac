//! The one thread that writes: it gathers runs from all workers and makes them durable together.
//!
//! Syncing a file costs milliseconds however little was written, so runs share a transaction. While one transaction is written, the
//! next group gathers; only when the log is idle does a run wait a moment for others to join it.

use super::frame::Packer;
use super::store_file::Bounds;
use super::{Shared, failed, lock};
use crate::failure::Class;
use crate::log::{Done, LogError};
use crate::message::Run;
use std::collections::VecDeque;
use std::sync::{PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Bytes of runs handed over and not yet durable; senders wait beyond it.
pub(super) const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;

/// Bytes taken into one transaction: a quarter of the queue, so that senders need not wait while it is written.
const MAX_GROUP_BYTES: usize = MAX_QUEUED_BYTES / 4;

/// How long a run that arrives at an idle log waits for others.
const GATHER: Duration = Duration::from_millis(3);

/// How long mirrored offsets may wait for a transaction to ride on.
const MIRROR_WAIT: Duration = Duration::from_millis(500);

/// What waits for the writer.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) runs: VecDeque<Waiting>,
    pub(super) trims: Vec<Trim>,
    /// Bytes of `runs` and of the group being written.
    pub(super) bytes: usize,
    /// Runs handed over whose `done` has not been called.
    pub(super) unanswered: usize,
    pub(super) closed: bool,
}

/// A run that is not durable yet.
pub(super) struct Waiting {
    pub(super) partition: u32,
    pub(super) run: Run,
    pub(super) done: Done,
}

/// A cut that somebody waits for.
pub(super) struct Trim {
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) answer: mpsc::SyncSender<Result<(), LogError>>,
}

/// What goes into one transaction.
#[derive(Default)]
struct Group {
    runs: Vec<Waiting>,
    trims: Vec<Trim>,
    mirrored: Option<Vec<u64>>,
}

/// Works until the log is closed and everything handed over is answered.
pub(super) fn run(shared: &Shared) {
    // Also when this thread panics: nobody must wait for it then.
    let _closes = Closes(shared);
    let mut packer = match Packer::new() {
        Ok(packer) => packer,
        Err(error) => {
            tracing::error!(%error, "the embedded log cannot compress and stays closed");
            return;
        }
    };
    while let Some(group) = gather(shared) {
        write(shared, group, &mut packer);
    }
}

struct Closes<'a>(&'a Shared);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        let left = {
            let mut queue = lock(&self.0.queue);
            queue.closed = true;
            queue.trims.clear();
            queue.runs.drain(..).collect()
        };
        let why = failed(Class::Fatal, format!("write log {}", self.0.file.path().display()), "the log is closed");
        answer(self.0, left, &Err(why));
    }
}

/// Waits for work. `None` when the log is closed and nothing is left.
fn gather(shared: &Shared) -> Option<Group> {
    let mut queue = lock(&shared.queue);
    let mut idle_since = None;
    loop {
        let mirror_waits = lock(&shared.held).mirror_waits;
        if !queue.runs.is_empty() || !queue.trims.is_empty() || queue.closed {
            break;
        }
        queue = if mirror_waits {
            let since = *idle_since.get_or_insert_with(Instant::now);
            let left = MIRROR_WAIT.saturating_sub(since.elapsed());
            if left.is_zero() {
                break;
            }
            shared.filled.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
        } else {
            shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner)
        };
    }
    if !queue.closed && queue.trims.is_empty() && !queue.runs.is_empty() && queue.bytes < MAX_GROUP_BYTES {
        let until = Instant::now() + GATHER;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || queue.bytes >= MAX_GROUP_BYTES || queue.closed {
                break;
            }
            queue = shared.filled.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    let mut group = Group { trims: std::mem::take(&mut queue.trims), ..Group::default() };
    let mut bytes = 0;
    while let Some(first) = queue.runs.front() {
        bytes += first.run.messages.byte_len();
        if bytes > MAX_GROUP_BYTES && !group.runs.is_empty() {
            break;
        }
        group.runs.extend(queue.runs.pop_front());
    }
    let mut held = lock(&shared.held);
    if std::mem::take(&mut held.mirror_waits) {
        group.mirrored = Some(held.mirrored.clone());
    }
    let nothing = group.runs.is_empty() && group.trims.is_empty() && group.mirrored.is_none();
    if nothing { None } else { Some(group) }
}

/// Makes a group durable and answers everybody in it.
fn write(shared: &Shared, group: Group, packer: &mut Packer) {
    let (mut bounds, mirrored) = {
        let held = lock(&shared.held);
        (held.bounds.clone(), held.mirrored.clone())
    };
    packer.clear();
    let result = transact(shared, &group, packer, &mut bounds, &mirrored);
    {
        // Mirrored offsets that were not written come again with the next mirror; they decide nothing.
        match &result {
            Ok(()) => lock(&shared.held).bounds = bounds,
            Err(error) => tracing::error!(%error, "the embedded log could not write a group of runs"),
        }
        shared.grown.notify_all();
    }
    for trim in group.trims {
        // The caller may have stopped waiting.
        let _ = trim.answer.send(copy(&result));
    }
    answer(shared, group.runs, &result);
}

fn transact(
    shared: &Shared,
    group: &Group,
    packer: &mut Packer,
    bounds: &mut [Bounds],
    mirrored: &[u64],
) -> Result<(), LogError> {
    let broken = |error: redb::Error| shared.file.broken(error);
    let before = bounds.to_vec();
    let mut change = shared.file.change()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |past| past.as_millis());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    for (partition, bounds) in (0..).zip(bounds.iter_mut()) {
        for waiting in group.runs.iter().filter(|waiting| waiting.partition == partition) {
            for (key, value) in waiting.run.messages.iter() {
                packer.push(key, value);
                if packer.is_full() {
                    let frame = packer.close(now).map_err(|error| broken(error.into()))?;
                    change.append(partition, frame, bounds).map_err(broken)?;
                }
            }
        }
        if packer.count() > 0 {
            let frame = packer.close(now).map_err(|error| broken(error.into()))?;
            change.append(partition, frame, bounds).map_err(broken)?;
        }
    }
    for trim in &group.trims {
        let Some(bounds) = bounds.get_mut(trim.partition as usize) else { continue };
        while change.delete_oldest(trim.partition, trim.offset, false, bounds).map_err(broken)? {}
        bounds.low = bounds.low.max(trim.offset.min(bounds.high));
    }
    change.shrink(shared.retention.bytes, mirrored, bounds).map_err(broken)?;
    for ((partition, bounds), before) in (0..).zip(bounds.iter()).zip(&before) {
        if bounds != before {
            change.write_bounds(partition, *bounds).map_err(broken)?;
        }
    }
    if let Some(mirrored) = &group.mirrored {
        change.write_mirror(mirrored).map_err(broken)?;
    }
    change.commit().map_err(broken)
}

/// Calls each `done`, then makes room in the queue.
fn answer(shared: &Shared, runs: Vec<Waiting>, result: &Result<(), LogError>) {
    let answered = runs.len();
    let mut bytes = 0;
    for waiting in runs {
        bytes += waiting.run.messages.byte_len();
        drop(waiting.run);
        (waiting.done)(copy(result));
    }
    let mut queue = lock(&shared.queue);
    queue.bytes = queue.bytes.saturating_sub(bytes);
    queue.unanswered = queue.unanswered.saturating_sub(answered);
    shared.drained.notify_all();
}

fn copy(result: &Result<(), LogError>) -> Result<(), LogError> {
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(failed(error.class, error.what.clone(), &error.why)),
    }
}
