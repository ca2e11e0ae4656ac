//! What is checked: worlds that are small enough to be gone through whole, each with its own kind of trouble, and for each broken design the
//! world in which it is seen to break.

use super::design::{Design, Flaw};
use super::properties::{
    CLOSED_BEFORE_NEXT, FILES_BEFORE_NEXT, INDEXES_DENSE, NAME_FIXES_ROWS, NOTHING_LOST, NOTHING_UNSEEN, PARTITION_OF_FILE,
    ROW_ONCE,
};
use super::system::{Budget, System};

/// Nothing happens.
const PEACE: Budget = Budget { crashes: 0, recreated: 0, expired: 0, grown: 0, copied: 0, lost: 0, cut_runs: 0, needless: 0 };

/// A topic of one partition that two processes know, and the log file whose records lie in two hive partitions.
const TOPIC: System =
    System { design: Design::CORRECT, files: &[0], partitions: 1, embedded: false, processes: 2, budget: PEACE };

/// The log file that changes its partition with their number.
const MOVES: &[u8] = &[1];

/// The log file of which half a batch leaves a hole.
const HOLED: &[u8] = &[2];

/// The first two.
const BOTH: &[u8] = &[0, 1];

/// The worlds, with their names.
pub const SMALL: &[(&str, System)] = &[
    ("a topic recreated, a crash", System { budget: Budget { crashes: 1, recreated: 1, ..PEACE }, ..TOPIC }),
    (
        "a topic recreated with fewer partitions, a crash",
        System { files: MOVES, partitions: 2, budget: Budget { crashes: 1, recreated: 1, ..PEACE }, ..TOPIC },
    ),
    ("a topic expired, a crash", System { budget: Budget { crashes: 1, expired: 1, ..PEACE }, ..TOPIC }),
    ("a topic grown, a crash", System { files: MOVES, budget: Budget { crashes: 1, grown: 1, ..PEACE }, ..TOPIC }),
    (
        "messages copied to another partition, a crash",
        System { files: MOVES, partitions: 2, budget: Budget { crashes: 1, copied: 1, ..PEACE }, ..TOPIC },
    ),
    ("acknowledged messages lost", System { budget: Budget { lost: 1, ..PEACE }, ..TOPIC }),
    ("an operator who acts without need, a crash", System { budget: Budget { crashes: 1, needless: 1, ..PEACE }, ..TOPIC }),
    ("a run that breaks off, a needless epoch", System { budget: Budget { cut_runs: 1, needless: 1, ..PEACE }, ..TOPIC }),
    (
        "an embedded log gone, a crash",
        System { embedded: true, processes: 1, budget: Budget { crashes: 1, recreated: 1, ..PEACE }, ..TOPIC },
    ),
    (
        "an embedded log restored from an old copy, a crash",
        System { embedded: true, processes: 1, budget: Budget { crashes: 1, lost: 1, ..PEACE }, ..TOPIC },
    ),
    ("two embedded logs on one table, a crash", System { embedded: true, budget: Budget { crashes: 1, ..PEACE }, ..TOPIC }),
    (
        "a table moved to another log and back",
        System { files: MOVES, embedded: true, budget: Budget { needless: 1, ..PEACE }, ..TOPIC },
    ),
    (
        "a topic grown under aggregators that do not know it, a crash",
        System { files: MOVES, budget: Budget { crashes: 1, grown: 1, copied: 1, ..PEACE }, ..TOPIC },
    ),
    ("a hole in a log file, a topic recreated", System { files: HOLED, budget: Budget { recreated: 1, ..PEACE }, ..TOPIC }),
    (
        "three processes, a topic recreated",
        System { files: MOVES, processes: 3, budget: Budget { recreated: 1, ..PEACE }, ..TOPIC },
    ),
];

/// More of everything, for a machine with time to spare.
pub const LARGE: &[(&str, System)] = &[
    ("two log files, a topic recreated", System { files: BOTH, budget: Budget { recreated: 1, ..PEACE }, ..TOPIC }),
    ("two log files, a topic grown", System { files: BOTH, budget: Budget { grown: 1, ..PEACE }, ..TOPIC }),
    ("two log files, acknowledged messages lost", System { files: BOTH, budget: Budget { lost: 1, ..PEACE }, ..TOPIC }),
    ("acknowledged messages lost, a crash", System { budget: Budget { crashes: 1, lost: 1, ..PEACE }, ..TOPIC }),
    ("a topic recreated twice", System { budget: Budget { recreated: 2, ..PEACE }, ..TOPIC }),
    ("a topic recreated, two crashes", System { budget: Budget { crashes: 2, recreated: 1, ..PEACE }, ..TOPIC }),
    ("a topic recreated, messages lost", System { budget: Budget { recreated: 1, lost: 1, ..PEACE }, ..TOPIC }),
    ("a topic recreated, messages expired", System { budget: Budget { recreated: 1, expired: 1, ..PEACE }, ..TOPIC }),
    (
        "a topic recreated, a needless epoch, a crash",
        System { budget: Budget { crashes: 1, recreated: 1, needless: 1, ..PEACE }, ..TOPIC },
    ),
    (
        "two embedded logs on one table, one of them gone, a crash",
        System { embedded: true, budget: Budget { crashes: 1, recreated: 1, ..PEACE }, ..TOPIC },
    ),
    ("two embedded logs on one table, one restored", System { embedded: true, budget: Budget { lost: 1, ..PEACE }, ..TOPIC }),
    (
        "a hole in a log file, a batch given up, a crash",
        System { files: HOLED, budget: Budget { crashes: 1, needless: 1, ..PEACE }, ..TOPIC },
    ),
    ("three processes, a needless epoch", System { processes: 3, budget: Budget { needless: 1, ..PEACE }, ..TOPIC }),
    ("messages lost twice", System { budget: Budget { lost: 2, ..PEACE }, ..TOPIC }),
];

/// What is assumed not to happen, because nobody could see it: a log loses messages that were taken, gets others in their place, and these
/// expire up to the chain's end before anybody has looked. No anchor is left then.
pub const UNSEEN: System = System { files: BOTH, budget: Budget { expired: 1, lost: 1, ..PEACE }, ..TOPIC };

/// The world in which a broken design is tried, and the promises it is seen to break: the worst first.
pub fn breaks(flaw: Flaw) -> (System, &'static [&'static str]) {
    let recreated = Budget { recreated: 1, ..PEACE };
    let half = Budget { crashes: 1, recreated: 1, ..PEACE };
    let topic = |budget| System { budget, ..TOPIC };
    let (system, promises): (System, &'static [&'static str]) = match flaw {
        Flaw::PartitionNotChecked => {
            let budget = Budget { copied: 1, ..PEACE };
            (System { files: MOVES, partitions: 2, ..topic(budget) }, &[ROW_ONCE, PARTITION_OF_FILE])
        }
        Flaw::PartitionCountNotCompared => {
            (System { files: BOTH, ..topic(Budget { grown: 1, ..PEACE }) }, &[NOTHING_UNSEEN, NOTHING_LOST])
        }
        Flaw::StreamComparedOnlyAtStart => (System { files: BOTH, ..topic(recreated) }, &[NOTHING_UNSEEN]),
        Flaw::AnchorNotCompared | Flaw::StartAtParentsEnd => {
            (System { files: BOTH, ..topic(Budget { lost: 1, ..PEACE }) }, &[NOTHING_UNSEEN])
        }
        Flaw::ExpiryBeforeFirstBatchUnseen => (topic(Budget { expired: 1, ..PEACE }), &[NOTHING_UNSEEN]),
        Flaw::MarksOfAnotherStreamBelieved => (topic(recreated), &[NOTHING_UNSEEN]),
        Flaw::StreamNamedByTopic => (System { embedded: true, ..TOPIC }, &[ROW_ONCE]),
        Flaw::EpochBegunEarly => (System { files: MOVES, partitions: 2, ..topic(recreated) }, &[ROW_ONCE, CLOSED_BEFORE_NEXT]),
        Flaw::LedgersNotInherited => (topic(recreated), &[ROW_ONCE]),
        Flaw::LedgerInheritedByNumber => (System { files: MOVES, partitions: 2, ..topic(recreated) }, &[ROW_ONCE]),
        Flaw::HoleNotNamed => (topic(Budget { expired: 1, ..PEACE }), &[NOTHING_UNSEEN]),
        Flaw::EndTakenWhileWanted => (topic(Budget { needless: 1, ..PEACE }), &[INDEXES_DENSE]),
        Flaw::VoidedFileNotFilled => (topic(half), &[ROW_ONCE, FILES_BEFORE_NEXT]),
        Flaw::FilledBeforeVoid => (topic(Budget { crashes: 1, needless: 1, ..PEACE }), &[NOTHING_UNSEEN, NAME_FIXES_ROWS]),
        Flaw::WantedForgotten => (topic(half), &[NOTHING_UNSEEN, NOTHING_LOST]),
        Flaw::VoidForgetsWhatIsThere => (topic(half), &[ROW_ONCE]),
        Flaw::LogFilesFirst => (topic(half), &[NOTHING_UNSEEN, INDEXES_DENSE]),
    };
    (System { design: Design::broken(flaw), ..system }, promises)
}
