//! The reading side of the embedded log: a frame is decompressed once, and its messages are borrowed from that buffer.

use super::frame::Reader;
use super::{EmbeddedLog, lock};
use crate::log::{Consumer, LogError, Message, MessageRef, Polled, Position, Watermarks};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// A reading handle. There is no group: every handle gets all partitions.
pub struct EmbeddedConsumer {
    log: Arc<EmbeddedLog>,
    announced: bool,
    /// The next offset of each partition that is being read.
    live: BTreeMap<u32, u64>,
    /// The partition whose frame is loaded; the others take their turn when it has been read.
    current: u32,
    frame: Option<Reader>,
}

/// What there is to do next.
enum Turn {
    Read { partition: u32, next: u64 },
    Lost { partition: u32, why: String },
    Nothing,
}

impl EmbeddedConsumer {
    pub(super) fn new(log: Arc<EmbeddedLog>) -> EmbeddedConsumer {
        EmbeddedConsumer { log, announced: false, live: BTreeMap::new(), current: 0, frame: None }
    }

    /// Forgets the loaded frame when it is of this partition.
    fn forget(&mut self, partition: u32) {
        if let Some(frame) = self.frame.as_mut().filter(|_| self.current == partition) {
            frame.clear();
        }
    }

    fn place(&mut self, partition: u32, position: Position) -> Result<(), LogError> {
        self.log.watermarks(partition)?;
        self.forget(partition);
        match position {
            Position::At(offset) => self.live.insert(partition, offset),
            Position::Hold => self.live.remove(&partition),
        };
        Ok(())
    }

    /// Waits until one of the partitions has something to read; they take turns, frame by frame.
    fn turn(&self, timeout: Duration) -> Turn {
        let shared = &self.log.shared;
        let until = Instant::now() + timeout;
        let mut held = lock(&shared.held);
        loop {
            let after = self.live.range((Bound::Excluded(self.current), Bound::Unbounded));
            for (&partition, &next) in after.chain(self.live.range(..=self.current)) {
                let Some(bounds) = held.bounds.get(partition as usize) else { continue };
                if next < bounds.low || next > bounds.high {
                    let why = format!("offset {next} is wanted and the log holds [{}, {})", bounds.low, bounds.high);
                    return Turn::Lost { partition, why };
                }
                if next < bounds.high {
                    return Turn::Read { partition, next };
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Turn::Nothing;
            }
            held = shared.grown.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn load(&mut self, partition: u32, next: u64) -> Result<(), String> {
        let mut frame = match self.frame.take() {
            Some(frame) => frame,
            None => Reader::new().map_err(|error| error.to_string())?,
        };
        frame.clear();
        let loaded = self.log.shared.file.read(partition, next, &mut frame);
        if loaded.is_err() {
            frame.clear();
        }
        self.current = partition;
        self.frame = Some(frame);
        loaded
    }

    fn lost(&mut self, partition: u32, why: String) -> Polled<'static> {
        self.forget(partition);
        self.live.remove(&partition);
        Polled::Lost { partition, why }
    }
}

impl Consumer for EmbeddedConsumer {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        if !std::mem::replace(&mut self.announced, true) {
            return Ok(Polled::Assigned((0..self.log.partitions()).collect()));
        }
        if self.frame.as_ref().is_none_or(|frame| frame.left() == 0) {
            match self.turn(timeout) {
                Turn::Nothing => return Ok(Polled::Idle),
                Turn::Lost { partition, why } => return Ok(self.lost(partition, why)),
                Turn::Read { partition, next } => {
                    if let Err(why) = self.load(partition, next) {
                        return Ok(self.lost(partition, why));
                    }
                }
            }
        }
        let partition = self.current;
        let (Some(frame), Some(next)) = (self.frame.as_mut(), self.live.get_mut(&partition)) else {
            return Ok(Polled::Idle);
        };
        let timestamp = frame.timestamp();
        let Some((key, value)) = frame.next() else { return Ok(Polled::Idle) };
        let offset = *next;
        *next += 1;
        Ok(Polled::Message(MessageRef::Borrowed(Message { partition, offset, timestamp, key, value })))
    }

    fn begin(&mut self, positions: &[(u32, Position)]) -> Result<(), LogError> {
        positions.iter().try_for_each(|&(partition, position)| self.place(partition, position))
    }

    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        partitions.iter().try_for_each(|&partition| self.place(partition, Position::Hold))
    }

    fn seek(&mut self, partition: u32, position: Position) -> Result<(), LogError> {
        self.place(partition, position)
    }

    fn watermarks(&mut self, partition: u32) -> Result<Watermarks, LogError> {
        self.log.watermarks(partition)
    }

    fn mirror(&mut self, partition: u32, offset: u64) {
        let shared = &self.log.shared;
        {
            let mut held = lock(&shared.held);
            let Some(mirrored) = held.mirrored.get_mut(partition as usize) else { return };
            *mirrored = offset;
            held.mirror_waits = true;
        }
        // Under the queue's lock, so that the writer cannot miss it between looking and waiting.
        let _queue = lock(&shared.queue);
        shared.filled.notify_all();
    }

    fn partitions(&mut self) -> Result<u32, LogError> {
        Ok(self.log.partitions())
    }
}
