//! From a cut batch to rows in the table: encode, put the intent (the commit point), put the files, extend the chain.

use super::super::checkpoint::{Index, write_bucket};
use super::super::intent::{INTENT_VERSION, sha256_hex, write_delta};
use super::super::invariants::Invariant;
use super::super::ledger::Stored;
use super::*;

type Answer = Result<Vec<Effect>, Halt>;

impl Machine {
    pub(super) fn seal(&mut self) -> Answer {
        if !self.can_seal() || (self.is_redoing() && !self.must_seal()) {
            return Ok(Vec::new());
        }
        let end = self.open.next;
        let next = Open { start: end, next: end, clock: self.open.clock, ..Open::default() };
        let open = std::mem::replace(&mut self.open, next);
        let last =
            Anchor { offset: end - 1, key: String::from_utf8_lossy(&open.last_key).into_owned(), timestamp: open.last_timestamp };
        let seq = self.base.next_seq;
        self.sealed = Some(Sealed {
            seq,
            start: open.start,
            end,
            delta: open.delta.into_delta(),
            dropped: open.dropped,
            clock: open.clock,
            last,
            redo: open.redo,
            record: Vec::new(),
            stage: Stage::Encoding,
        });
        Ok(vec![Effect::Encode { seq, start: open.start, end }])
    }

    /// The batch in `stage`, if that is where it is: an answer to something else is out of date.
    fn sealed_in(&mut self, stage: Stage) -> Option<&mut Sealed> {
        self.sealed.as_mut().filter(|sealed| sealed.stage == stage)
    }

    pub(super) fn encoded(&mut self, files: Vec<FileEntry>) -> Answer {
        let Some(sealed) = self.sealed.as_ref().filter(|sealed| sealed.stage == Stage::Encoding) else { return Ok(Vec::new()) };
        let intent = self.intent_of(sealed, files);
        let key = self.config.names.intent(intent.seq);
        let Some(sealed) = self.sealed.as_mut() else { return Ok(Vec::new()) };
        let Some(redo) = &sealed.redo else {
            sealed.record = intent.to_bytes();
            sealed.stage = Stage::PuttingIntent;
            return Ok(vec![Effect::PutIntent(key, sealed.record.clone())]);
        };
        // The same offsets, ledger and layout must have given the same rows to the process that committed to them.
        let expected = Intent { writer: intent.writer.clone(), ..redo.intent.clone() };
        if expected != intent {
            let detail = format!(
                "{key}: reading [{}, {}) again gave other rows: {}",
                intent.start,
                intent.end,
                difference(&expected, &intent)
            );
            return Err(Halt::Broken { invariant: Invariant::C3NameFixesRows, detail });
        }
        sealed.record.clone_from(&redo.record);
        sealed.stage = Stage::PuttingFiles;
        Ok(vec![Effect::PutFiles])
    }

    fn intent_of(&self, sealed: &Sealed, files: Vec<FileEntry>) -> Intent {
        let Config { names, format, writer, .. } = &self.config;
        Intent {
            v: INTENT_VERSION,
            topic: names.topic.clone(),
            epoch: names.epoch.clone(),
            partition: names.partition,
            seq: sealed.seq,
            start: sealed.start,
            end: sealed.end,
            prev_sha256: self.base.record_sha256.clone(),
            layout: format.layout.clone(),
            layout_version: format.layout_version,
            schema_version: format.schema_version,
            files,
            ledger: write_delta(&sealed.delta),
            dropped: sealed.dropped,
            clock: sealed.clock,
            last: sealed.last.clone(),
            writer: writer.clone(),
        }
    }

    pub(super) fn intent_put(&mut self, outcome: Outcome) -> Answer {
        let Some(sealed) = self.sealed_in(Stage::PuttingIntent) else { return Ok(Vec::new()) };
        if outcome == Outcome::Created {
            sealed.stage = Stage::PuttingFiles;
            return Ok(vec![Effect::PutFiles]);
        }
        // Something is there, or it is not known: the object itself decides whose it is.
        sealed.stage = Stage::ReadingBack;
        let seq = sealed.seq;
        Ok(vec![Effect::ReadBack(self.config.names.intent(seq))])
    }

    pub(super) fn read_back(&mut self, bytes: Option<Vec<u8>>) -> Answer {
        let Some(sealed) = self.sealed_in(Stage::ReadingBack) else { return Ok(Vec::new()) };
        match bytes {
            // It did not land (yet): put the same bytes again; should the first attempt land after all, it is the same record.
            None => {
                sealed.stage = Stage::PuttingIntent;
                let (seq, record) = (sealed.seq, sealed.record.clone());
                Ok(vec![Effect::PutIntent(self.config.names.intent(seq), record)])
            }
            Some(bytes) if bytes == sealed.record => {
                sealed.stage = Stage::PuttingFiles;
                Ok(vec![Effect::PutFiles])
            }
            // Lost: another writer's batch stands here. Ours is dropped whole, with the ledger changes of the open one.
            Some(_) => {
                self.sealed = None;
                self.open = Open::default();
                self.forget_checkpoint();
                let mut effects = vec![Effect::Discard];
                effects.extend(self.find_from(self.base.next_seq));
                Ok(effects)
            }
        }
    }

    pub(super) fn published(&mut self) -> Answer {
        if self.sealed_in(Stage::PuttingFiles).is_none() {
            return Ok(Vec::new());
        }
        let Some(sealed) = self.sealed.take() else { return Ok(Vec::new()) };
        self.ledger.apply(sealed.delta);
        self.base = Base {
            next_seq: sealed.seq + 1,
            end: sealed.end,
            record_sha256: Some(sha256_hex(&sealed.record)),
            clock: sealed.clock,
            last: Some(sealed.last),
        };
        let hint = format!("{{\"v\":1,\"seq\":{}}}", sealed.seq).into_bytes();
        let mut effects = vec![Effect::Mirror(sealed.end), Effect::WriteHint(self.config.names.hint(), hint)];
        if self.base.next_seq.is_multiple_of(self.config.checkpoint_every) || self.ledger.entries() > self.config.ledger_entries {
            self.checkpoint_due = true;
        }
        self.try_checkpoint(&mut effects);
        Ok(effects)
    }

    pub(super) fn try_checkpoint(&mut self, effects: &mut Vec<Effect>) {
        let Some(record_sha256) = self.base.record_sha256.clone().filter(|_| self.checkpoint_due && !self.checkpointing) else {
            return;
        };
        if let Some(day) = self.ledger.unwritable() {
            if let Some(stored) = self.ledger.stored(day) {
                effects.push(Effect::LoadDay(day, stored.key.clone()));
            }
            return;
        }
        let (seq, names) = (self.base.next_seq - 1, &self.config.names);
        let mut objects = Vec::new();
        let days = self.ledger.begin_write(|day, entries| {
            let (key, bytes) = (names.bucket(day, seq), write_bucket(entries));
            let stored = Stored { key: key.clone(), sha256: sha256_hex(&bytes), entries: entries.len() as u64 };
            objects.push((key, bytes));
            stored
        });
        objects.push((names.checkpoint(), Index::new(seq, record_sha256, days).to_bytes()));
        self.checkpointing = true;
        self.checkpoint_due = false;
        effects.push(Effect::WriteCheckpoint(objects));
    }

    /// Whoever drives this drops the answers to what was begun before a lost race, so none is waited for. The checkpoint under way may
    /// land all the same: it is derived, and says after which record it was made.
    fn forget_checkpoint(&mut self) {
        if self.checkpointing {
            self.checkpointing = false;
            self.checkpoint_due = true;
            self.ledger.end_write(false);
        }
    }

    pub(super) fn checkpointed(&mut self, written: bool) -> Answer {
        if self.checkpointing {
            self.checkpointing = false;
            self.ledger.end_write(written);
            self.ledger.evict(self.config.ledger_entries / 2);
        }
        Ok(Vec::new())
    }
}

/// The first thing in which two intents differ, for people.
fn difference(expected: &Intent, got: &Intent) -> String {
    for (want, have) in expected.files.iter().zip(&got.files) {
        if want != have {
            return format!(
                "{} rows {} in {} against {} rows {} in {}",
                want.rows, want.rows_sha256, want.key, have.rows, have.rows_sha256, have.key
            );
        }
    }
    if expected.files.len() != got.files.len() {
        return format!("{} files against {}", expected.files.len(), got.files.len());
    }
    if expected.ledger != got.ledger {
        return "the ledger changes differ".to_owned();
    }
    format!("dropped {:?} against {:?}, last {:?} against {:?}", expected.dropped, got.dropped, expected.last, got.last)
}
