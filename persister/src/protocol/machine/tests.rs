//! The machine against a small adversary: several writers that all believe they own the partition, crashes between any two
//! effects, puts whose answers are lost. Whatever the schedule, the table ends exact.

use super::*;
use crate::protocol::intent::sha256_hex;
use common::cloudtrail::file_id;
use common::message::Slot;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The log: key and value of each message; offsets are positions.
type Log = Vec<(Vec<u8>, Vec<u8>)>;

fn record(file: usize, index: u32) -> (Vec<u8>, Vec<u8>) {
    let object = format!("f{file}.json.gz");
    let key = Key { file: file_id(&object), slot: Slot::Record(index) };
    (key.to_string().into(), format!(r#"{{"v":1,"kind":"event","source_object":"{object}","source_index":{index}}}"#).into())
}

fn end(file: usize, records: u32) -> (Vec<u8>, Vec<u8>) {
    let object = format!("f{file}.json.gz");
    let key = Key { file: file_id(&object), slot: Slot::End };
    let value = format!(
        r#"{{"v":1,"kind":"end","source_object":"{object}","status":"complete","records":{records},"sha256":"s{file}"}}"#
    );
    (key.to_string().into(), value.into())
}

#[derive(Default)]
struct World {
    log: Log,
    low: u64,
    objects: BTreeMap<String, Vec<u8>>,
}

/// One process: the machine, and rows that live and die with it.
struct Writer {
    machine: Machine,
    read_at: u64,
    rows: Vec<(u64, Vec<u8>)>,
    sealed: Vec<(u64, Vec<u8>)>,
    todo: std::collections::VecDeque<Effect>,
    halt: Option<Halt>,
}

impl Writer {
    fn start(world: &World, name: &str) -> Writer {
        let config = Config {
            names: Names { topic: "t".into(), epoch: "0".into(), partition: 0 },
            format: TableFormat { layout: "date".into(), layout_version: 1, schema_version: 1 },
            writer: name.into(),
            checkpoint_every: 2,
            ledger_entries: 3,
        };
        let mut machine = Machine::new(config);
        let todo = machine.handle(Input::Assigned(Watermarks { low: world.low, high: world.log.len() as u64 })).into();
        Writer { machine, read_at: 0, rows: Vec::new(), sealed: Vec::new(), todo, halt: None }
    }

    fn feed(&mut self, input: Input) {
        self.todo.extend(self.machine.handle(input));
    }

    /// Performs one effect; `lossy` decides whether a conditional put's answer is lost.
    fn effect(&mut self, world: &mut World, effect: Effect, lossy: bool) {
        let input = match effect {
            Effect::ReadHint => Input::Hint(world.objects.get(&self.machine.names().hint()).map(|bytes| {
                String::from_utf8_lossy(bytes)
                    .rsplit(':')
                    .next()
                    .and_then(|n| n.trim_end_matches('}').parse().ok())
                    .expect("a hint")
            })),
            Effect::Exists(seq) => Input::Exists(seq, world.objects.contains_key(&self.machine.names().intent(seq))),
            Effect::ReadCheckpoint => Input::Checkpoint(world.objects.get(&self.machine.names().checkpoint()).cloned()),
            Effect::ReadIntents { from, to } => {
                Input::Intents((from..to).map(|seq| world.objects[&self.machine.names().intent(seq)].clone()).collect())
            }
            Effect::CheckFiles(keys) => Input::Present(keys.iter().map(|key| world.objects.contains_key(key)).collect()),
            Effect::LoadDay(day, key) => Input::Day(day, world.objects.get(&key).cloned()),
            Effect::Begin(offset) => {
                self.read_at = offset;
                return;
            }
            Effect::Encode { seq, start, end } => {
                self.sealed = std::mem::take(&mut self.rows);
                let rows: Vec<u8> =
                    self.sealed.iter().flat_map(|(offset, key)| [&offset.to_be_bytes()[..], key].concat()).collect();
                let files = if self.sealed.is_empty() {
                    Vec::new()
                } else {
                    let key = self.machine.names().file("data/d", seq, start, end, 0);
                    vec![FileEntry { key, rows: self.sealed.len() as u64, rows_sha256: sha256_hex(&rows) }]
                };
                Input::Encoded(files)
            }
            Effect::PutIntent(key, bytes) => {
                let created = !world.objects.contains_key(&key);
                world.objects.entry(key).or_insert(bytes);
                Input::IntentPut(match (lossy, created) {
                    (true, _) => Outcome::Unclear,
                    (_, true) => Outcome::Created,
                    _ => Outcome::Exists,
                })
            }
            Effect::ReadBack(key) => Input::ReadBack(world.objects.get(&key).cloned()),
            Effect::PutFiles => {
                let sealed = self.machine.sealed.as_ref().expect("a batch");
                if self.sealed.is_empty() {
                    Input::Published
                } else {
                    let key = self.machine.names().file("data/d", sealed.seq, sealed.start, sealed.end, 0);
                    let mine: Vec<u8> =
                        self.sealed.iter().flat_map(|(offset, key)| [&offset.to_be_bytes()[..], key].concat()).collect();
                    let there = world.objects.entry(key.clone()).or_insert_with(|| mine.clone());
                    if *there == mine { Input::Published } else { Input::Conflict(key) }
                }
            }
            Effect::WriteCheckpoint(objects) => {
                world.objects.extend(objects);
                Input::Checkpointed(true)
            }
            Effect::WriteHint(key, bytes) => {
                world.objects.insert(key, bytes);
                return;
            }
            Effect::Discard => {
                self.rows.clear();
                self.sealed.clear();
                return;
            }
            Effect::Mirror(offset) => {
                assert!(offset <= self.machine.end(), "C5");
                return;
            }
            Effect::Halt(halt) => {
                self.halt = Some(halt);
                return;
            }
        };
        self.feed(input);
    }

    /// One step: an effect if there is one, else a message, else cut what is open. False when there is nothing to do.
    fn step(&mut self, world: &mut World, lossy: bool, cut: bool) -> bool {
        if let Some(effect) = self.todo.pop_front() {
            self.effect(world, effect, lossy);
            return true;
        }
        let at = self.read_at as usize;
        if self.machine.must_seal() || (self.machine.can_seal() && !self.machine.is_redoing() && (cut || at >= world.log.len())) {
            self.feed(Input::Seal(Reason::Age));
            return true;
        }
        if !self.machine.is_open() || at >= world.log.len() {
            return false;
        }
        let (key, value) = world.log[at].clone();
        let message = Message { partition: 0, offset: at as u64, timestamp: at as i64, key: &key, value: &value };
        match self.machine.message(&message) {
            Verdict::NeedsDay(day, object) => self.effect(world, Effect::LoadDay(day, object), false),
            Verdict::Record(_) | Verdict::End(..) | Verdict::Altered(..) | Verdict::Foreign => {
                self.rows.push((at as u64, key));
                self.read_at += 1;
            }
            Verdict::Skip => self.read_at += 1,
            Verdict::Halt(halt) => self.halt = Some(halt),
        }
        true
    }

    fn settle(&mut self, world: &mut World) {
        for _ in 0..100_000 {
            if !self.step(world, false, false) {
                return;
            }
        }
        panic!("no end");
    }
}

/// Every (offset, key) in the table's files.
fn rows(world: &World) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for (_, file) in world.objects.range("data/".to_owned()..) {
        let mut rest = &file[..];
        while rest.len() > 8 {
            // Keys are `<32 hex>/<digits or end>`; offsets are 8 bytes with a leading zero byte.
            let body = &rest[8..];
            let len = 33 + body[33..].iter().position(|b| *b == 0).unwrap_or(body.len() - 33);
            keys.push(body[..len].to_vec());
            rest = &body[len..];
        }
    }
    keys.sort();
    keys
}

fn no_repeat(world: &World) {
    let rows = rows(world);
    let mut once = rows.clone();
    once.dedup();
    assert_eq!(rows, once, "C4: a row twice");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    /// Two writers, both sure to be the owner; crashes and lost answers anywhere; files produced twice, cut and interleaved.
    #[test]
    fn the_table_is_exact_whatever_two_writers_and_crashes_do(
        lengths in prop::collection::vec(0u32..4, 1..5),
        order in prop::collection::vec((0usize..10, 0u32..6), 0..60),
        schedule in prop::collection::vec((0usize..2, 0u8..16, 0u8..4), 0..400),
    ) {
        let mut world = World::default();
        // Runs that were cut, in any order, then one complete run of each file.
        for (file, index) in order {
            let file = file % lengths.len();
            if index < lengths[file] { world.log.push(record(file, index)); }
        }
        for (file, &n) in lengths.iter().enumerate() {
            world.log.extend((0..n).map(|index| record(file, index)));
            world.log.push(end(file, n));
        }
        let mut writers = [Writer::start(&world, "a0"), Writer::start(&world, "b0")];
        for (at, (who, dice, cut)) in schedule.into_iter().enumerate() {
            if dice == 0 {
                writers[who] = Writer::start(&world, &format!("w{at}"));
            }
            writers[who].step(&mut world, dice % 3 == 1, cut == 0);
            no_repeat(&world);
            prop_assert_eq!(writers[who].halt.clone(), None);
        }
        let mut last = Writer::start(&world, "last");
        last.settle(&mut world);
        prop_assert_eq!(last.halt.clone(), None);
        let mut expected: Vec<Vec<u8>> = lengths.iter().enumerate()
            .flat_map(|(file, &n)| (0..n).map(move |index| record(file, index).0).chain([end(file, n).0])).collect();
        expected.sort();
        prop_assert_eq!(rows(&world), expected);
        prop_assert_eq!(last.machine.end(), world.log.len() as u64);
        // Anyone who starts now finds nothing to do.
        let before = world.objects.clone();
        Writer::start(&world, "again").settle(&mut world);
        prop_assert_eq!(world.objects.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    }
}

fn table_of(files: usize) -> World {
    let mut world = World::default();
    for file in 0..files {
        world.log.extend([record(file, 0), end(file, 1)]);
    }
    let mut writer = Writer::start(&world, "w");
    while writer.step(&mut world, false, true) {}
    assert_eq!(writer.halt, None);
    world
}

fn halt_at_start(world: &mut World) -> Halt {
    let mut writer = Writer::start(world, "later");
    while writer.halt.is_none() && writer.step(world, false, false) {}
    writer.halt.expect("halts")
}

#[test]
fn a_recreated_topic_halts_with_the_reason() {
    let mut world = table_of(3);
    world.log.truncate(2);
    assert!(matches!(halt_at_start(&mut world), Halt::Shorter { high: 2, end: 6 }));
    world.log = (10..20).flat_map(|file| [record(file, 0), end(file, 1)]).collect();
    assert!(matches!(halt_at_start(&mut world), Halt::Recreated { offset: 5, .. }));
}

#[test]
fn a_chain_that_outgrew_the_watermarks_while_it_was_read_is_no_recreated_topic() {
    let mut world = table_of(3);
    let all = world.log.clone();
    // The watermarks were asked when the log was shorter; the chain was read when another writer had extended it.
    world.log.truncate(2);
    let halt = halt_at_start(&mut world);
    world.log = all;
    let now = Watermarks { low: 0, high: world.log.len() as u64 };
    assert!(halt.outdated_by(now), "{halt}");
    assert!(!halt.outdated_by(Watermarks { high: 2, ..now }), "a topic that stays shorter was made anew");
    let mut writer = Writer::start(&world, "again");
    writer.settle(&mut world);
    assert_eq!(writer.halt, None);
}

#[test]
fn expired_data_halts_with_the_reason() {
    let mut world = table_of(3);
    world.log.extend([record(9, 0), end(9, 1)]);
    world.low = 7;
    assert!(matches!(halt_at_start(&mut world), Halt::Expired { low: 7, needed: 6 }));
}

#[test]
fn a_gap_halts() {
    let world = World { log: vec![record(0, 0), record(0, 1)], ..World::default() };
    let mut writer = Writer::start(&world, "w");
    let mut other = World { log: world.log.clone(), ..World::default() };
    while !writer.todo.is_empty() {
        writer.step(&mut other, false, false);
    }
    let (key, value) = record(0, 1);
    let verdict = writer.machine.message(&Message { partition: 0, offset: 1, timestamp: 0, key: &key, value: &value });
    assert_eq!(verdict, Verdict::Halt(Halt::Gap { expected: 0, got: 1 }));
}

#[test]
fn an_altered_chain_record_is_noticed() {
    let mut world = table_of(3);
    let names = Names { topic: "t".into(), epoch: "0".into(), partition: 0 };
    // Without a checkpoint everything is read, so every link is checked.
    world.objects.retain(|key, _| !key.starts_with("_ckpt/"));
    let key = names.intent(1);
    let altered = String::from_utf8_lossy(&world.objects[&key]).replace("\"duplicate\":0", "\"duplicate\":1");
    world.objects.insert(key, altered.into_bytes());
    assert!(matches!(
        halt_at_start(&mut world),
        Halt::Broken { invariant: crate::protocol::invariants::Invariant::C1OffsetsTile, .. }
    ));
}

#[test]
fn a_lost_or_damaged_checkpoint_costs_nothing_but_time() {
    for damage in ["_ckpt/", "_head/", "day="] {
        let mut world = table_of(9);
        let keys: Vec<String> = world.objects.keys().filter(|key| key.contains(damage)).cloned().collect();
        assert!(!keys.is_empty(), "{damage}");
        for key in keys {
            world.objects.remove(&key);
        }
        world.log.extend((0..9).flat_map(|file| [record(file, 0), end(file, 1)]));
        let before = rows(&world);
        let mut writer = Writer::start(&world, "later");
        writer.settle(&mut world);
        assert_eq!((writer.halt, rows(&world)), (None, before), "{damage}");
    }
}

#[test]
fn a_checkpoint_lost_long_after_the_start_does_not_look_like_a_topic_made_anew() {
    let mut world = table_of(3);
    let mut writer = Writer::start(&world, "long");
    writer.settle(&mut world);
    // The chain grows far beyond the watermarks of the assignment, and the ledger's only day is written out and forgotten.
    for files in [3..8, 8..9] {
        world.log.extend(files.flat_map(|file| [record(file, 0), end(file, 1)]));
        while writer.step(&mut world, false, true) {}
    }
    world.objects.retain(|key, _| !key.starts_with("_ckpt/"));
    world.log.extend([record(0, 0), record(9, 0), end(9, 1)]);
    writer.settle(&mut world);
    assert_eq!((writer.halt.clone(), writer.machine.end()), (None, world.log.len() as u64));
    let expected = (0..10).flat_map(|file| [record(file, 0).0, end(file, 1).0]);
    assert_eq!(rows(&world).len(), expected.count());
}

#[test]
fn a_writer_that_lost_a_race_while_its_checkpoint_was_under_way_writes_another() {
    let mut world = table_of(0);
    world.log.extend((0..2).flat_map(|file| [record(file, 0), end(file, 1)]));
    let mut slow = Writer::start(&world, "slow");
    while !matches!(slow.todo.front(), Some(Effect::WriteCheckpoint(_))) {
        assert!(slow.step(&mut world, false, true), "a checkpoint comes before the end of the log");
    }
    slow.todo.clear();
    world.log.extend([record(2, 0), end(2, 1)]);
    Writer::start(&world, "fast").settle(&mut world);
    slow.settle(&mut world);
    world.objects.retain(|key, _| !key.starts_with("_ckpt/"));
    world.log.extend((3..6).flat_map(|file| [record(file, 0), end(file, 1)]));
    while slow.step(&mut world, false, true) {}
    assert_eq!((slow.halt, slow.machine.end()), (None, world.log.len() as u64));
    assert!(world.objects.keys().any(|key| key.starts_with("_ckpt/")), "none was written after the race");
}
