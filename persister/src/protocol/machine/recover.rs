//! From "this partition is ours" (or "another writer was first") to "read on from here": find the head of the chain, build
//! the ledger, and if the head's files are not all there, redo that batch from the log.

use super::super::checkpoint::{Index, read_bucket};
use super::super::intent::{Anchor, Intent, sha256_hex};
use super::super::invariants::Invariant;
use super::*;

/// Intents read in one go: bounds memory however long the chain.
const PAGE: u64 = 64;

#[derive(Debug)]
pub(super) enum Step {
    Hinting,
    Finding {
        search: HeadSearch,
        hint: u64,
    },
    ReadingCheckpoint {
        head: u64,
    },
    ReadingIntents {
        head: u64,
        next: u64,
        /// The first record read must have this hash: it is the one the checkpoint was made after.
        checkpoint: Option<String>,
    },
    CheckingFiles(Box<Redo>),
}

type Answer = Result<Vec<Effect>, Halt>;

impl Machine {
    pub(super) fn assigned(&mut self, watermarks: Watermarks) -> Answer {
        self.watermarks = watermarks;
        self.phase = Phase::Recovering(Step::Hinting);
        Ok(vec![Effect::ReadHint])
    }

    pub(super) fn hint(&mut self, hint: Option<u64>) -> Answer {
        let Phase::Recovering(Step::Hinting) = self.phase else { return Ok(Vec::new()) };
        Ok(self.find_from(hint.unwrap_or(0)))
    }

    /// Looks for the head, trusting that records before `exist` are there.
    pub(super) fn find_from(&mut self, exist: u64) -> Vec<Effect> {
        self.phase = Phase::Recovering(Step::Finding { search: HeadSearch::new(exist), hint: exist });
        vec![Effect::Exists(exist)]
    }

    pub(super) fn exists(&mut self, seq: u64, exists: bool) -> Answer {
        let Phase::Recovering(Step::Finding { search, hint }) = &mut self.phase else { return Ok(Vec::new()) };
        if !exists && seq == *hint && seq > 0 && !self.caught_up {
            // The hint promised a record that is not there: it is not one of ours.
            return Ok(self.find_from(0));
        }
        search.answer(seq, exists);
        if let Some(next) = search.next() {
            return Ok(vec![Effect::Exists(next)]);
        }
        let length = search.found().unwrap_or(0);
        if self.caught_up {
            if length <= self.base.next_seq {
                let detail = format!("{} was there and is gone", self.config.names.intent(self.base.next_seq));
                return Err(Halt::Broken { invariant: Invariant::C1OffsetsTile, detail });
            }
            return Ok(self.read_intents(length - 1, self.base.next_seq, None));
        }
        if length == 0 {
            self.base.end = self.watermarks.low;
            return self.positioned();
        }
        if self.distrust_checkpoint {
            return Ok(self.read_intents(length - 1, 0, None));
        }
        self.phase = Phase::Recovering(Step::ReadingCheckpoint { head: length - 1 });
        Ok(vec![Effect::ReadCheckpoint])
    }

    pub(super) fn checkpoint(&mut self, index: Option<Vec<u8>>) -> Answer {
        let Phase::Recovering(Step::ReadingCheckpoint { head }) = self.phase else { return Ok(Vec::new()) };
        let index = index.and_then(|bytes| Index::from_bytes(&bytes)).filter(|index| index.seq <= head);
        if let Some((index, days)) = index.and_then(|index| index.stored().map(|days| (index, days))) {
            self.ledger = Ledger::from_checkpoint(days);
            return Ok(self.read_intents(head, index.seq, Some(index.record_sha256)));
        }
        Ok(self.read_intents(head, 0, None))
    }

    fn read_intents(&mut self, head: u64, from: u64, checkpoint: Option<String>) -> Vec<Effect> {
        self.phase = Phase::Recovering(Step::ReadingIntents { head, next: from, checkpoint });
        vec![Effect::ReadIntents { from, to: (head + 1).min(from + PAGE) }]
    }

    pub(super) fn intents(&mut self, records: &[Vec<u8>]) -> Answer {
        for record in records {
            let Phase::Recovering(Step::ReadingIntents { head, next, checkpoint }) = &mut self.phase else {
                return Ok(Vec::new());
            };
            let (head, seq) = (*head, *next);
            *next += 1;
            let checkpoint = checkpoint.take();
            let key = self.config.names.intent(seq);
            let damaged = |why: String| Halt::Damaged(format!("{key}: {why}"));
            let sha256 = sha256_hex(record);
            if checkpoint.as_ref().is_some_and(|expected| *expected != sha256) {
                self.ledger = Ledger::default();
                return Ok(self.read_intents(head, 0, None));
            }
            let intent = Intent::from_bytes(record).map_err(|damage| damaged(damage.to_string()))?;
            self.belongs(&intent, seq).map_err(damaged)?;
            if checkpoint.is_some() {
                // The ledger of the checkpoint holds this batch, and a checkpoint is only written once its files are there.
                self.extend_base(&intent, sha256);
                continue;
            }
            self.links(&intent, seq)?;
            if seq == head {
                let files = intent.files.iter().map(|file| file.key.clone()).collect();
                self.phase = Phase::Recovering(Step::CheckingFiles(Box::new(Redo { intent, record: record.clone() })));
                return Ok(vec![Effect::CheckFiles(files)]);
            }
            self.ledger.apply(intent.delta().map_err(|damage| Halt::Damaged(format!("{key}: {damage}")))?);
            self.extend_base(&intent, sha256);
        }
        match &self.phase {
            Phase::Recovering(Step::ReadingIntents { head, next, .. }) if next <= head => {
                let (head, next) = (*head, *next);
                Ok(self.read_intents(head, next, None))
            }
            Phase::Recovering(Step::ReadingIntents { .. }) => self.positioned(),
            _ => Ok(Vec::new()),
        }
    }

    /// A record must say of itself what its key says.
    fn belongs(&self, intent: &Intent, seq: u64) -> Result<(), String> {
        let names = &self.config.names;
        let told = (&intent.topic, &intent.epoch, intent.partition, intent.seq);
        let expected = (&names.topic, &names.epoch, names.partition, seq);
        if told == expected { Ok(()) } else { Err(format!("it says it is {told:?}")) }
    }

    /// C1: it starts where the one before ends, and carries its hash.
    fn links(&self, intent: &Intent, seq: u64) -> Result<(), Halt> {
        let tiles = seq == 0 || intent.start == self.base.end;
        if tiles && intent.prev_sha256 == self.base.record_sha256 {
            return Ok(());
        }
        let detail = format!(
            "{} starts at {} after {:?}, but the record before ends at {} and is {:?}",
            self.config.names.intent(seq),
            intent.start,
            intent.prev_sha256,
            self.base.end,
            self.base.record_sha256
        );
        Err(Halt::Broken { invariant: Invariant::C1OffsetsTile, detail })
    }

    fn extend_base(&mut self, intent: &Intent, record_sha256: String) {
        self.base = Base {
            next_seq: intent.seq + 1,
            end: intent.end,
            record_sha256: Some(record_sha256),
            clock: intent.clock,
            last: Some(Anchor { ..intent.last.clone() }),
        };
    }

    pub(super) fn present(&mut self, present: &[bool]) -> Answer {
        let phase = std::mem::replace(&mut self.phase, Phase::Unowned);
        let Phase::Recovering(Step::CheckingFiles(redo)) = phase else {
            self.phase = phase;
            return Ok(Vec::new());
        };
        let intent = &redo.intent;
        if present.iter().all(|there| *there) && present.len() == intent.files.len() {
            self.ledger.apply(intent.delta().map_err(|damage| Halt::Damaged(damage.to_string()))?);
            let sha256 = sha256_hex(&redo.record);
            self.extend_base(intent, sha256);
            return self.positioned();
        }
        let (start, end) = (intent.start, intent.end);
        self.check_within_log(start, end)?;
        // The redo's digests will tell whether the log is the same.
        self.anchored = true;
        self.open = Open { start, next: start, clock: self.base.clock, redo: Some(redo), ..Open::default() };
        self.phase = Phase::Open;
        self.caught_up = true;
        Ok(vec![Effect::Begin(start)])
    }

    /// The log must still hold what is needed next, and must hold what was taken: never skip silently.
    fn check_within_log(&mut self, needed: u64, end: u64) -> Result<(), Halt> {
        if std::mem::replace(&mut self.within_log, true) {
            return Ok(());
        }
        let Watermarks { low, high } = self.watermarks;
        if low > needed {
            Err(Halt::Expired { low, needed })
        } else if high < end {
            Err(Halt::Shorter { high, end })
        } else {
            Ok(())
        }
    }

    fn positioned(&mut self) -> Answer {
        let end = self.base.end;
        self.open = Open { start: end, next: end, clock: self.base.clock, ..Open::default() };
        let mut begin = end;
        self.phase = Phase::Open;
        self.check_within_log(end, end)?;
        if !self.anchored {
            let last = self.base.last.as_ref().filter(|last| last.offset >= self.watermarks.low && last.offset + 1 == end);
            if let Some(last) = last {
                begin = last.offset;
                self.phase = Phase::Anchoring;
            } else {
                self.anchored = true;
            }
        }
        self.caught_up = true;
        let mut effects = vec![Effect::Mirror(end), Effect::Begin(begin)];
        if self.ledger.entries() > self.config.ledger_entries {
            self.checkpoint_due = true;
        }
        self.try_checkpoint(&mut effects);
        Ok(effects)
    }

    pub(super) fn day(&mut self, day: Day, bytes: Option<Vec<u8>>) -> Answer {
        let Some(stored) = self.ledger.stored(day).cloned() else { return Ok(Vec::new()) };
        match bytes.map(|bytes| read_bucket(&bytes, &stored)) {
            Some(Ok(entries)) => {
                self.ledger.load(day, entries);
                let mut effects = Vec::new();
                self.try_checkpoint(&mut effects);
                Ok(effects)
            }
            // Checkpoints may be lost: start over from the chain alone.
            Some(Err(_)) | None => {
                self.distrust_checkpoint = true;
                self.caught_up = false;
                self.ledger = Ledger::default();
                self.base = Base::default();
                self.open = Open::default();
                self.sealed = None;
                self.checkpointing = false;
                let mut effects = vec![Effect::Discard];
                effects.extend(self.find_from(0));
                Ok(effects)
            }
        }
    }
}
