//! Each rule of the protocol is needed: without it, the checker finds a run that breaks a promise, and says which.

use model::check::counterexample;
use model::design::{Design, Flaw};
use model::properties::{
    COMMIT_MIRRORS_CHAIN, FILES_BEFORE_NEXT, INDEXES_DENSE, NAME_FIXES_ROWS, NOBODY_HALTS, NOTHING_LOST, OFFSETS_TILE, ROW_ONCE,
};
use model::system::{Budget, System};

fn check(flaw: Flaw, promises: &[&'static str]) {
    for promise in promises {
        let steps = counterexample(System { design: Design::broken(flaw), budget: Budget::SMALL }, promise);
        let steps = steps.unwrap_or_else(|| panic!("{flaw:?} keeps the promise \"{promise}\""));
        println!("{flaw:?} breaks \"{promise}\" in {} steps: {steps:?}", steps.len());
    }
}

#[test]
fn a_plain_put_of_the_intent_repeats_rows() {
    check(Flaw::PlainIntentPut, &[ROW_ONCE, NAME_FIXES_ROWS, COMMIT_MIRRORS_CHAIN]);
}

#[test]
fn a_refusal_taken_as_ones_own_success_repeats_rows() {
    check(Flaw::RefusalTakenAsMine, &[ROW_ONCE]);
}

#[test]
fn a_timeout_taken_as_failure_tears_the_chain_and_loses_rows() {
    check(Flaw::TimeoutTakenAsFailure, &[OFFSETS_TILE, NOTHING_LOST]);
}

#[test]
fn files_put_before_their_intent_repeat_rows() {
    check(Flaw::FilesBeforeIntent, &[ROW_ONCE]);
}

#[test]
fn a_head_that_is_not_redone_loses_rows() {
    check(Flaw::NoRedo, &[NOTHING_LOST, FILES_BEFORE_NEXT]);
}

#[test]
fn starting_from_the_offset_committed_to_kafka_overlaps_batches() {
    check(Flaw::StartAtCommittedOffset, &[OFFSETS_TILE]);
}

#[test]
fn a_chain_whose_records_expire_repeats_rows() {
    check(Flaw::ChainExpires, &[ROW_ONCE]);
}

#[test]
fn an_index_taken_above_the_next_one_leaves_a_hole() {
    check(Flaw::GapAccepted, &[INDEXES_DENSE, NOTHING_LOST]);
}

#[test]
fn another_number_of_partitions_repeats_rows() {
    check(Flaw::PartitionCountChanged, &[ROW_ONCE]);
}

#[test]
fn an_intent_put_before_the_files_of_the_one_before_hides_missing_files() {
    check(Flaw::NextIntentBeforeFiles, &[FILES_BEFORE_NEXT, NOTHING_LOST]);
}

#[test]
fn a_hive_partition_picked_by_the_clock_repeats_rows_in_a_redo() {
    check(Flaw::ClockPicksHivePartition, &[ROW_ONCE, NAME_FIXES_ROWS]);
}

#[test]
fn a_redo_that_yields_other_rows_than_the_intent_says_halts() {
    check(Flaw::TimeoutTakenAsFailure, &[NOBODY_HALTS]);
}
