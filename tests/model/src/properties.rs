//! What must hold in every state (C1 to C6, as in `DESIGN.md`), and what must be seen to happen.
//!
//! That nothing is lost is an `always` property too. The checker's `eventually` would not do: where two paths meet in one state it remembers
//! only the path it came by first, and can miss a run that never ends well. Instead it is demanded that a writer that stands at the log's end
//! has everything behind it, and that wherever no step is left, all writers stand there. As each step either uses up the adversary's budget or brings
//! a writer closer to the end of a finite log, every run comes to such a state.

use stateright::{Model, Property};

use crate::batch::{DataFile, cut};
use crate::ledger::Ledger;
use crate::log::{Body, LOG};
use crate::system::{State, System, Witness};
use crate::writer::Phase;

/// Record N starts where record N-1 ends, and no number is missing.
pub const OFFSETS_TILE: &str = "C1 offsets tile";
/// Record N+1 is there only if all files of N are.
pub const FILES_BEFORE_NEXT: &str = "C2 files before the next intent";
/// A file is there only if a record names it, with the rows that follow from the log, the offsets and the ledger before.
pub const NAME_FIXES_ROWS: &str = "C3 a name fixes its rows";
/// Whoever lists the data files sees no record twice.
pub const ROW_ONCE: &str = "C4 no row twice";
/// Kafka's committed offset is at or before the chain's end.
pub const COMMIT_MIRRORS_CHAIN: &str = "C5 committed offset within the chain";
/// Once a log file's end is taken and the batch is in the table, its rows are 0..n-1.
pub const INDEXES_DENSE: &str = "C6 indexes dense";
/// Who has gone through the log has put every record of every complete log file into the table.
pub const NOTHING_LOST: &str = "nothing is lost";
/// No writer finds a reason to stop.
pub const NOBODY_HALTS: &str = "nobody halts";

/// All of them.
pub fn all() -> Vec<Property<System>> {
    vec![
        Property::always(OFFSETS_TILE, |_, state| offsets_tile(state)),
        Property::always(FILES_BEFORE_NEXT, |_, state| files_before_next(state)),
        Property::always(NAME_FIXES_ROWS, names_fix_rows),
        Property::always(ROW_ONCE, |_, state| visible(state).windows(2).all(|pair| pair[0] != pair[1])),
        Property::always(COMMIT_MIRRORS_CHAIN, |_, state: &State| state.committed <= state.store.chain_end()),
        Property::always(INDEXES_DENSE, |_, state| indexes_dense(state)),
        Property::always(NOTHING_LOST, nothing_lost),
        Property::always(NOBODY_HALTS, |_, state: &State| !state.writers.contains(&Phase::Halted)),
        Property::sometimes("a redo", |_, state| saw(state, Witness::Redo)),
        Property::sometimes("a lost race", |_, state| saw(state, Witness::RaceLost)),
        Property::sometimes("a put that landed late", |_, state| saw(state, Witness::LatePutLanded)),
        Property::sometimes("a refusal by one's own record", |_, state| saw(state, Witness::OwnRefused)),
        Property::sometimes("half a batch in the table", |_, state| half_a_batch(state)),
        Property::sometimes("everything in the table", |_, state| everything_there(state)),
    ]
}

fn offsets_tile(state: &State) -> bool {
    let mut end = 0;
    state.store.chain.iter().enumerate().all(|(place, (&seq, intent))| {
        let starts = usize::from(seq) == place && intent.start == end && intent.start < intent.end;
        end = intent.end;
        starts
    })
}

fn files_before_next(state: &State) -> bool {
    state.store.chain.values().rev().skip(1).all(|intent| state.store.has_all(&intent.files))
}

fn names_fix_rows(system: &System, state: &State) -> bool {
    let named = |file: DataFile| state.store.chain.get(&file.0.seq).is_some_and(|intent| intent.files.contains(&file));
    let mut ledger = Ledger::EMPTY;
    let follows = state.store.chain.iter().all(|(&seq, intent)| {
        let (again, after) = cut(system.design, ledger, seq, intent.start, intent.end);
        ledger = after;
        again.files == intent.files && again.delta == intent.delta
    });
    follows && state.store.files.iter().all(|(&key, &rows)| named((key, rows)))
}

/// The identities of the records in the files that are there, in order, each as often as it is there.
fn visible(state: &State) -> Vec<(u8, u8)> {
    let offsets = state.store.files.values().flat_map(|rows| rows.offsets());
    let mut identities: Vec<_> = offsets.filter_map(|offset| LOG[offset].identity()).collect();
    identities.sort_unstable();
    identities
}

fn indexes_dense(state: &State) -> bool {
    let store = &state.store;
    let published = store.chain.iter().rev().find(|(_, intent)| store.has_all(&intent.files)).map_or(0, |(seq, _)| seq + 1);
    let rows = visible(state);
    store.ledger_before(published).done().all(|file| {
        let indexes = rows.iter().filter(|row| row.0 == file).map(|row| row.1);
        indexes.eq(0..count(file))
    })
}

fn nothing_lost(system: &System, state: &State) -> bool {
    if state.writers.iter().any(Phase::is_drained) && !everything_there(state) {
        return false;
    }
    let mut steps = Vec::new();
    system.actions(state, &mut steps);
    !steps.is_empty() || state.writers.iter().all(Phase::is_drained)
}

/// Whether the table has every record of every log file that the log has the end of.
fn everything_there(state: &State) -> bool {
    let ends = LOG.iter().filter(|message| matches!(message.body, Body::End { .. }));
    let rows = visible(state);
    ends.flat_map(|end| (0..count(end.file)).map(|index| (end.file, index))).all(|identity| rows.contains(&identity))
}

fn saw(state: &State, witness: Witness) -> bool {
    state.witnessed == Some(witness)
}

fn half_a_batch(state: &State) -> bool {
    let head = state.store.chain.values().next_back();
    head.is_some_and(|head| {
        let there = head.files.iter().filter(|(key, _)| state.store.files.contains_key(key)).count();
        there > 0 && there < head.files.len()
    })
}

/// How many records a log file has, by its end message.
fn count(file: u8) -> u8 {
    let counts = LOG.iter().filter(|message| message.file == file).filter_map(|message| match message.body {
        Body::End { count } => Some(count),
        Body::Record { .. } => None,
    });
    counts.max().unwrap_or(0)
}
