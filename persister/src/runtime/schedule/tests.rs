//! The schedule by itself: events in, actions out.

use super::*;
use crate::protocol::machine::{Input, Outcome};
use common::cloudtrail::file_id;
use common::log::{Position, Watermarks};
use common::message::{Key, Slot};

const P: u32 = 4;
const MEMORY: MemoryBounds = MemoryBounds { chunk: 100, rows: 400, encoded: 400, full: 500 };
const AGE: Duration = Duration::from_secs(60);

/// A schedule, and what stands in for the log and the store: nothing is there, and everything works.
struct World {
    schedule: Schedule,
    /// What was decided and not carried out here.
    actions: Vec<Action>,
    high: u64,
}

impl World {
    fn new() -> World {
        let seal = SealPolicy { bytes: 390, age: AGE, directories: 10, log_files: 100 };
        let config = Config {
            topic: "t".into(),
            epoch: "0".into(),
            partitions: P,
            format: TableFormat { layout: "date".into(), layout_version: 1, schema_version: 1 },
            writer: "w".into(),
            checkpoint_every: 64,
            ledger_entries: 1_000,
            seal,
            memory: MEMORY,
            encoders: 2,
        };
        World { schedule: Schedule::new(config), actions: Vec::new(), high: 0 }
    }

    /// With these partitions, which are read from the beginning of the log.
    fn reading(numbers: &[u32]) -> World {
        let mut world = World::new();
        world.assign(numbers);
        for number in numbers {
            assert!(world.actions.contains(&Action::Seek(*number, Position::At(0))), "{number} is read: {:?}", world.actions);
        }
        world.actions.clear();
        world
    }

    fn assign(&mut self, numbers: &[u32]) {
        self.schedule.handle(Event::Assigned(numbers.to_vec()));
        self.start();
    }

    /// Answers what a start asks of an empty table.
    fn start(&mut self) {
        while self.schedule.has_actions() {
            for action in self.schedule.take_actions() {
                match action {
                    Action::AskWatermarks(number, generation) => {
                        let watermarks = Watermarks { low: 0, high: self.high };
                        self.schedule.handle(Event::Watermarks(number, generation, watermarks));
                    }
                    Action::Perform { partition, generation, effect: Effect::ReadHint } => {
                        self.schedule.handle(Event::Performed { partition, generation, input: Input::Hint(None) });
                    }
                    Action::Perform { partition, generation, effect: Effect::Exists(seq) } => {
                        self.schedule.handle(Event::Performed { partition, generation, input: Input::Exists(seq, false) });
                    }
                    other => self.actions.push(other),
                }
            }
        }
    }

    /// The log's answer to the partition as it is now.
    fn log_holds(&mut self, number: u32, low: u64, high: u64) {
        let generation = self.schedule.owned(number).expect("owned").generation;
        self.schedule.handle(Event::Watermarks(number, generation, Watermarks { low, high }));
    }

    fn decided(&mut self) -> Vec<Action> {
        let mut decided = std::mem::take(&mut self.actions);
        decided.extend(self.schedule.take_actions());
        decided
    }

    fn take(&mut self, number: u32, offset: u64) -> Row {
        let object = format!("f{number}.json.gz");
        let key = Key { file: file_id(&object), slot: Slot::Record(offset as u32) };
        let value = format!(r#"{{"v":1,"kind":"event","source_object":"{object}","source_index":{offset}}}"#);
        let key = key.to_string();
        self.schedule.message(&Message { partition: number, offset, timestamp: 0, key: key.as_bytes(), value: value.as_bytes() })
    }

    fn rows(&mut self, number: u32, bytes: usize) {
        self.schedule.set_rows(number, RowSizes { bytes, largest_directory: bytes, directories: 1 });
    }

    /// The encoder has so much of the open batch.
    fn encoded(&mut self, number: u32, held: usize) {
        let batch = self.schedule.owned(number).expect("owned").batch;
        self.schedule.handle(Event::Chunked { partition: number, batch, held });
    }

    fn tick(&mut self, seconds: u64) -> Vec<Action> {
        self.schedule.set_now(Duration::from_secs(seconds));
        self.schedule.tick();
        self.decided()
    }

    fn perform(&mut self, number: u32, input: Input) -> Vec<Action> {
        let generation = self.schedule.owned(number).expect("owned").generation;
        self.schedule.handle(Event::Performed { partition: number, generation, input });
        self.decided()
    }

    /// From the encoder's answer to the files in the table.
    fn publish(&mut self, number: u32, bytes: usize) -> Vec<Action> {
        let generation = self.schedule.owned(number).expect("owned").generation;
        let files = Ok((Vec::new(), bytes));
        self.schedule.handle(Event::Finished { partition: number, generation, files });
        self.perform(number, Input::IntentPut(Outcome::Created));
        self.perform(number, Input::Published)
    }
}

fn cuts(actions: &[Action]) -> Vec<u32> {
    let cut = |action: &Action| if let Action::Finish { partition, .. } = action { Some(*partition) } else { None };
    actions.iter().filter_map(cut).collect()
}

fn chunks(actions: &[Action]) -> Vec<u32> {
    let chunk = |action: &Action| if let Action::Chunk(partition, _) = action { Some(*partition) } else { None };
    actions.iter().filter_map(chunk).collect()
}

fn told(actions: &[Action], wanted: impl Fn(&Fact) -> bool) -> bool {
    actions.iter().any(|action| matches!(action, Action::Tell(_, fact) if wanted(fact)))
}

#[test]
fn a_partition_is_read_as_soon_as_its_own_start_is_over_whatever_another_waits_for() {
    let mut world = World::new();
    world.schedule.handle(Event::Assigned(vec![0, 1]));
    assert!(matches!(world.decided()[..], [Action::AskWatermarks(0, _), Action::AskWatermarks(1, _)]));
    // The log does not answer for partition 1.
    world.log_holds(0, 0, 0);
    world.start();
    assert!(world.actions.contains(&Action::Seek(0, Position::At(0))));
    assert_ne!(world.take(0, 0), Row::None);
    assert_eq!(world.take(1, 0), Row::None, "it is held");
}

#[test]
fn a_batch_is_cut_when_its_first_message_is_old_enough_and_not_before() {
    let mut world = World::reading(&[0]);
    world.tick(100);
    world.take(0, 0);
    assert_eq!(cuts(&world.tick(100 + AGE.as_secs() - 1)), Vec::<u32>::new());
    assert_eq!(cuts(&world.tick(100 + AGE.as_secs())), [0]);
}

#[test]
fn an_empty_batch_does_not_age() {
    let mut world = World::reading(&[0]);
    world.take(0, 0);
    assert_eq!(cuts(&world.tick(60)), [0]);
    world.publish(0, 1);
    // A message from before the position makes no row, and no batch.
    assert_eq!(world.take(0, 0), Row::None);
    assert_eq!(cuts(&world.tick(1_000)), Vec::<u32>::new());
    world.take(0, 1);
    assert_eq!(cuts(&world.tick(1_001)), Vec::<u32>::new());
}

#[test]
fn a_batch_that_is_large_enough_is_cut_and_counts_what_is_not_encoded_yet() {
    let mut world = World::reading(&[0]);
    world.take(0, 0);
    world.rows(0, 90);
    world.encoded(0, 384);
    assert_eq!(cuts(&world.tick(0)), Vec::<u32>::new(), "90 bytes of rows are about 5 of Parquet");
    world.encoded(0, 385);
    assert_eq!(cuts(&world.tick(0)), [0]);
}

#[test]
fn a_full_chunk_is_encoded_and_an_encoder_that_has_enough_is_sent_no_more() {
    let mut world = World::reading(&[0, 1, 2]);
    for number in [0, 1, 2] {
        world.take(number, 0);
    }
    for expected in [vec![0, 1], vec![0], vec![]] {
        world.rows(0, 100);
        world.rows(1, if expected.len() == 2 { 100 } else { 99 });
        // Partition 2 shares the encoder of partition 0.
        world.rows(2, if expected.is_empty() { 100 } else { 0 });
        assert_eq!(chunks(&world.tick(0)), expected);
    }
    world.encoded(0, 10);
    world.rows(0, 0);
    world.rows(2, 100);
    assert_eq!(chunks(&world.tick(0)), [2], "one of its jobs has ended");
}

#[test]
fn when_rows_take_too_much_memory_the_partition_with_most_is_encoded_early() {
    let mut world = World::reading(&[0, 1, 2, 3]);
    for number in 0..P {
        world.take(number, 0);
        world.schedule.set_rows(number, RowSizes { bytes: 100 + number as usize, largest_directory: 30, directories: 4 });
    }
    assert_eq!(chunks(&world.tick(0)), [3]);
}

#[test]
fn when_encoded_bytes_take_too_much_memory_the_largest_batch_is_cut_and_a_quarter_on_its_way_is_enough() {
    let mut world = World::reading(&[0, 1, 2]);
    for (number, held) in [(0, 150), (1, 200), (2, 60)] {
        world.take(number, 0);
        world.encoded(number, held);
    }
    assert_eq!(cuts(&world.tick(0)), [1]);
    assert_eq!(world.schedule.intake(), Intake::Open, "the others may go on");
    assert!(told(&world.publish(1, 200), |fact| matches!(fact, Fact::Published { reason: Reason::Memory, .. })));
    assert_eq!(cuts(&world.tick(0)), Vec::<u32>::new());
}

#[test]
fn short_memory_is_sat_out_and_when_it_lasts_every_partition_is_held_until_there_is_room() {
    let mut world = World::reading(&[0, 1]);
    for number in [0, 1] {
        world.take(number, 0);
        world.encoded(number, 300);
    }
    assert_eq!(cuts(&world.tick(10)), [1]);
    assert_eq!(world.schedule.intake(), Intake::Waiting { since: Duration::from_secs(10) });
    assert_eq!(world.tick(11), []);
    let held = world.tick(12);
    assert_eq!(held, [Action::Seek(0, Position::Hold), Action::Seek(1, Position::Hold)]);
    assert_eq!(world.schedule.intake(), Intake::Held);
    assert_eq!(world.take(0, 1), Row::None, "nothing is taken");
    world.publish(1, 300);
    assert_eq!(world.tick(13), [Action::Seek(0, Position::At(1)), Action::Seek(1, Position::At(1))]);
    assert_eq!(world.schedule.intake(), Intake::Open);
    assert_ne!(world.take(0, 1), Row::None);
}

#[test]
fn a_partition_that_starts_while_memory_is_short_is_read_once_there_is_room() {
    let mut world = World::reading(&[0]);
    world.take(0, 0);
    world.encoded(0, 600);
    world.tick(0);
    world.tick(2);
    world.assign(&[1]);
    assert!(!world.decided().iter().any(|action| matches!(action, Action::Seek(1, _))));
    world.publish(0, 600);
    assert!(world.tick(3).contains(&Action::Seek(1, Position::At(0))));
}

#[test]
fn memory_that_nothing_under_way_can_free_keeps_no_message_out() {
    let mut world = World::reading(&[0]);
    world.rows(0, 10_000);
    world.schedule.set_rows(0, RowSizes { bytes: 10_000, largest_directory: 0, directories: 1 });
    world.schedule.jobs = vec![0; 2];
    world.schedule.set_intake();
    assert_eq!(world.schedule.intake(), Intake::Open);
}

#[test]
fn a_batch_of_a_partition_that_was_taken_away_counts_until_it_is_over() {
    let mut world = World::reading(&[0, 1]);
    world.take(0, 0);
    world.encoded(0, 600);
    world.tick(0);
    let generation = world.schedule.owned(0).expect("owned").generation;
    world.schedule.handle(Event::Revoked(vec![0]));
    world.tick(0);
    assert!(matches!(world.schedule.intake(), Intake::Waiting { .. }));
    world.schedule.handle(Event::Finished { partition: 0, generation, files: Ok((Vec::new(), 600)) });
    world.tick(0);
    assert_eq!(world.schedule.intake(), Intake::Open);
}

#[test]
fn a_halted_partition_keeps_nothing_and_the_others_go_on() {
    let mut world = World::reading(&[0, 1]);
    world.take(0, 0);
    world.take(1, 0);
    world.encoded(0, 450);
    // Offset 1 is missing.
    assert_eq!(world.take(0, 2), Row::None);
    let actions = world.decided();
    assert!(actions.contains(&Action::Seek(0, Position::Hold)));
    assert!(actions.iter().any(|action| matches!(action, Action::Drop(0, _))));
    assert!(told(&actions, |fact| matches!(fact, Fact::Halted(Halt::Gap { expected: 1, got: 2 }))));
    assert!(!actions.iter().any(|action| matches!(action, Action::End(_))));
    assert_eq!(cuts(&world.tick(0)), Vec::<u32>::new(), "its bytes are not counted");
    assert_eq!(world.take(0, 1), Row::None);
    assert_ne!(world.take(1, 1), Row::None);
}

#[test]
fn a_process_whose_partitions_have_all_halted_ends_with_their_reasons() {
    let mut world = World::reading(&[0, 1]);
    for number in [0, 1] {
        world.schedule.handle(Event::Lost { partition: number, why: "it is gone".into() });
    }
    let ends: Vec<Action> = world.decided().into_iter().filter(|action| matches!(action, Action::End(_))).collect();
    let [Action::End(Err(why))] = &ends[..] else { panic!("{ends:?}") };
    assert!(why.contains("partition 0: offset 0 cannot be read: it is gone; partition 1: "), "{why}");
}

#[test]
fn what_was_given_up_ends_the_process() {
    let mut world = World::reading(&[0, 1]);
    let actions = world.perform(0, Input::GaveUp("the store is away".into()));
    assert_eq!(actions, [Action::End(Err("partition 0: the store is away".into()))]);
}

#[test]
fn a_result_of_something_begun_before_a_partition_was_given_again_is_not_taken() {
    let mut world = World::reading(&[0]);
    world.take(0, 0);
    world.tick(60);
    let generation = world.schedule.owned(0).expect("owned").generation;
    world.schedule.handle(Event::Revoked(vec![0]));
    world.assign(&[0]);
    world.take(0, 0);
    assert_eq!(cuts(&world.tick(120)), [0]);
    world.schedule.handle(Event::Finished { partition: 0, generation, files: Ok((Vec::new(), 1)) });
    assert_eq!(world.decided(), [], "its own files are still being encoded");
}

#[test]
fn what_the_log_held_before_a_partition_was_given_again_is_not_taken_for_what_it_holds_now() {
    let mut world = World::new();
    world.schedule.handle(Event::Assigned(vec![0]));
    let before = world.schedule.owned(0).expect("owned").generation;
    world.schedule.handle(Event::Revoked(vec![0]));
    world.schedule.handle(Event::Assigned(vec![0]));
    world.decided();
    world.schedule.handle(Event::Watermarks(0, before, Watermarks { low: 0, high: 0 }));
    assert_eq!(world.decided(), [], "it still waits for its own answer");
    world.log_holds(0, 5, 5);
    world.start();
    assert!(world.decided().contains(&Action::Seek(0, Position::At(5))));
}

#[test]
fn a_lost_race_drops_what_is_not_published_and_holds_the_partition_until_it_knows_where_to_go_on() {
    let mut world = World::reading(&[0]);
    world.take(0, 0);
    world.tick(60);
    world.take(0, 1);
    let generation = world.schedule.owned(0).expect("owned").generation;
    world.schedule.handle(Event::Finished { partition: 0, generation, files: Ok((Vec::new(), 1)) });
    world.perform(0, Input::IntentPut(Outcome::Exists));
    let actions = world.perform(0, Input::ReadBack(Some(b"another's".to_vec())));
    assert!(actions.contains(&Action::Seek(0, Position::Hold)) && told(&actions, |fact| *fact == Fact::Dropped));
    assert!(actions.iter().any(|action| matches!(action, Action::Drop(0, _))));
    assert_eq!(world.take(0, 2), Row::None);
}

#[test]
fn a_start_that_the_log_has_outrun_is_done_over_and_one_that_it_has_not_halts() {
    for (high, is_done_over) in [(5, true), (0, false)] {
        let mut world = World::reading(&[1]);
        world.schedule.handle(Event::Assigned(vec![0]));
        world.decided();
        let halt = Halt::Shorter { high: 0, end: 3 };
        world.log_holds(0, 0, 0);
        world.schedule.stopped(0, halt);
        assert!(world.decided().iter().any(|action| matches!(action, Action::AskWatermarks(0, _))));
        world.log_holds(0, 0, high);
        let actions = world.decided();
        assert_eq!(told(&actions, |fact| *fact == Fact::StartedOver), is_done_over, "{actions:?}");
        assert_eq!(told(&actions, |fact| matches!(fact, Fact::Halted(_))), !is_done_over, "{actions:?}");
    }
}

#[test]
fn a_partition_that_has_come_to_where_nothing_more_is_expected_is_cut_at_once() {
    let mut world = World::reading(&[0, 1]);
    world.schedule.handle(Event::DrainTo(vec![2, 2]));
    world.take(0, 0);
    world.take(0, 1);
    world.take(1, 0);
    assert_eq!(cuts(&world.tick(0)), [0]);
}

#[test]
fn whoever_is_asked_to_end_publishes_what_is_open_first() {
    let mut world = World::reading(&[0, 1]);
    world.take(0, 0);
    world.schedule.handle(Event::Ending);
    let actions = world.tick(1);
    assert_eq!(cuts(&actions), [0]);
    assert!(!actions.iter().any(|action| matches!(action, Action::End(_))));
    world.publish(0, 1);
    assert_eq!(world.tick(2), [Action::End(Ok(()))]);
}

#[test]
fn the_end_is_not_waited_for_longer_than_it_may_take() {
    let mut world = World::reading(&[0]);
    world.take(0, 0);
    world.schedule.handle(Event::Ending);
    world.tick(1);
    assert_eq!(world.tick(DRAIN.as_secs() - 1), []);
    assert_eq!(world.tick(DRAIN.as_secs()), [Action::End(Ok(()))]);
}

#[test]
fn a_topic_that_has_grown_is_refused() {
    let mut world = World::new();
    world.schedule.handle(Event::Assigned(vec![0, P]));
    let actions = world.decided();
    let [Action::End(Err(why))] = &actions[..] else { panic!("{actions:?}") };
    assert!(why.contains("grown to more than 4 partitions"), "{why}");
}
