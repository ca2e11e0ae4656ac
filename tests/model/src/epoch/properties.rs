//! What must hold in every state, and what must be seen to happen.
//!
//! Two properties say that nothing is lost. No process may *believe* that all is well while something that was acknowledged is missing: this
//! is about what passes unseen. And wherever the protocol has nothing left to do, everything is in the table: this is about ways
//! out. What the outside world may still do does not count as something left, so the latter is asked whenever things have come to rest.

use stateright::Property;

use super::log::Set;
use super::persist::{self, Phase};
use super::store::{Content, Record, Rows};
use super::system::{State, System, Witness};
use super::work;

/// Record N starts where record N-1 ends, and record 0 where the stream says.
pub const OFFSETS_TILE: &str = "C1 offsets tile";
/// Record N+1 is there only if all files of N are, or if it voids N; the record after a void, only if all names of N are taken.
pub const FILES_BEFORE_NEXT: &str = "C2 files before the next record";
/// A file is there only if a record names it, with the rows of that record, or void after the record that voids the batch.
pub const NAME_FIXES_ROWS: &str = "C3 a name fixes its rows";
/// Whoever lists the files sees no record and no log file twice.
pub const ROW_ONCE: &str = "C4 no row twice";
/// All records of a log file in the list of log files are in the table.
pub const INDEXES_DENSE: &str = "C6 indexes dense";
/// A row stands in a file of its log file's partition.
pub const PARTITION_OF_FILE: &str = "C8 rows in their file's partition";
/// A closed chain grows no more, and an epoch begins only where all of its parent's chains are closed.
pub const CLOSED_BEFORE_NEXT: &str = "C9 closed before the next epoch";
/// A process that has read all there is, compares what the design compares, and knows of nothing missing: then nothing is.
pub const NOTHING_UNSEEN: &str = "nothing is lost unseen";
/// Where the protocol has nothing left to do, every record of every log file is in the table.
pub const NOTHING_LOST: &str = "nothing is lost";

/// All of them.
pub fn all() -> Vec<Property<System>> {
    vec![
        Property::always(OFFSETS_TILE, |_, state: &State| each_chain(state, offsets_tile)),
        Property::always(FILES_BEFORE_NEXT, |_, state: &State| each_chain(state, files_before_next)),
        Property::always(NAME_FIXES_ROWS, |_, state| names_fix_rows(state)),
        Property::always(ROW_ONCE, |_, state| row_once(state)),
        Property::always(INDEXES_DENSE, indexes_dense),
        Property::always(PARTITION_OF_FILE, partition_of_file),
        Property::always(CLOSED_BEFORE_NEXT, |_, state| closed_before_next(state)),
        Property::always(NOTHING_UNSEEN, |system, state| {
            is_everything_there(system, state) || (0..state.processes.len()).all(|me| !is_content(system, state, me))
        }),
        Property::always(NOTHING_LOST, |system, state| {
            let mut work = Vec::new();
            work::actions(system, state, &mut work);
            !work.is_empty() || is_everything_there(system, state)
        }),
        Property::sometimes("everything in the table, over more than one epoch", |system, state: &State| {
            state.store.streams.len() > 1 && is_everything_there(system, state)
        }),
        Property::sometimes("a lost race", |_, state| saw(state, Witness::RaceLost)),
        Property::sometimes("a put that landed late", |_, state| saw(state, Witness::LatePutLanded)),
        Property::sometimes("a file found void by its writer", |_, state| saw(state, Witness::FoundVoid)),
        Property::sometimes("an epoch begun by another", |_, state| saw(state, Witness::EpochBegunByAnother)),
        Property::sometimes("wanted indexes", |_, state: &State| state.store.chains.values().flatten().any(wants)),
        Property::sometimes("a hole named", |_, state: &State| has_hole(state)),
        Property::sometimes("a message of another partition", |_, state: &State| {
            state.store.chains.values().flatten().any(is_foreign)
        }),
    ]
}

fn saw(state: &State, witness: Witness) -> bool {
    state.witnessed == Some(witness)
}

fn each_chain(state: &State, holds: fn(&State, u8, u8) -> bool) -> bool {
    state.store.chains.keys().all(|(epoch, p)| holds(state, *epoch, *p))
}

fn offsets_tile(state: &State, epoch: u8, p: u8) -> bool {
    let mut at = state.store.streams[usize::from(epoch)].starts[usize::from(p)].offset;
    state.store.chain(epoch, p).iter().all(|record| match record {
        Record::Intent { start, end, .. } | Record::Skip { start, end } => {
            *start == std::mem::replace(&mut at, *end) && start < end
        }
        _ => true,
    })
}

fn files_before_next(state: &State, epoch: u8, p: u8) -> bool {
    let chain = state.store.chain(epoch, p);
    (1..chain.len()).all(|seq| match (&chain[seq - 1], &chain[seq]) {
        (Record::Intent { .. }, Record::Void { .. }) => true,
        (Record::Void { .. }, Record::Voided { .. }) => seq >= 2 && state.store.missing(epoch, p, seq as u8 - 2).is_empty(),
        (Record::Void { .. }, _) | (_, Record::Void { .. } | Record::Voided { .. }) => false,
        _ => state.store.missing(epoch, p, seq as u8 - 1).is_empty(),
    })
}

fn names_fix_rows(state: &State) -> bool {
    state.store.files.iter().all(|(key, content)| {
        let chain = state.store.chain(key.epoch, key.p);
        let Some(Record::Intent { files, .. }) = chain.get(usize::from(key.seq)) else { return false };
        match content {
            Content::Rows(rows) => files.contains(&(key.kind, *rows)),
            Content::Void => matches!(chain.get(usize::from(key.seq) + 1), Some(Record::Void { .. })),
        }
    })
}

fn row_once(state: &State) -> bool {
    let mut seen = Rows::default();
    state.store.files.values().filter_map(|content| content.rows()).all(|rows| {
        let again = seen.0 & rows.0 != 0;
        seen = seen.and(rows);
        !again
    })
}

fn indexes_dense(system: &System, state: &State) -> bool {
    let visible = state.store.visible();
    let mut listed = system.files.iter().copied().filter(|file| visible.has(Rows::listed(*file)));
    listed.all(|file| visible.indexes(file) == Set::range(0..super::log::records(file)))
}

fn partition_of_file(system: &System, state: &State) -> bool {
    state.store.files.iter().all(|(key, content)| {
        let partitions = state.store.streams[usize::from(key.epoch)].partitions();
        let rows = content.rows().unwrap_or_default();
        let here = |file: u8| rows.indexes(file) != Set::EMPTY || rows.has(Rows::listed(file));
        system.files.iter().all(|&file| !here(file) || file % partitions == key.p)
    })
}

fn closed_before_next(state: &State) -> bool {
    let only_last = |chain: &Vec<Record>| chain.iter().rev().skip(1).all(|record| record.closes_for().is_none());
    state.store.chains.values().all(only_last)
        && state
            .store
            .streams
            .iter()
            .filter_map(|stream| stream.parent)
            .all(|parent| (0..state.store.streams[usize::from(parent)].partitions()).all(|p| state.store.is_closed(parent, p)))
}

/// Every row that there is to be.
pub fn is_everything_there(system: &System, state: &State) -> bool {
    state.store.visible() == Rows::all(system.files)
}

/// Whether a process would say that all that was sent to its log is in the table.
fn is_content(system: &System, state: &State, me: usize) -> bool {
    let (design, store, name) = (system.design, &state.store, system.name(me));
    let Phase::Open(view) = state.processes[me] else { return false };
    let log = &state.logs[name];
    let compares = !design.has(super::design::Flaw::StreamComparedOnlyAtStart);
    let partitions = store.streams[usize::from(view.epoch)].partitions();
    let compared = || (0..partitions).all(|p| persist::fits(design, store, log, view.epoch, p));
    let at_end = |p: u8| {
        let end = if p == view.p { view.position } else { persist::end(design, store, log, view.epoch, p) };
        let chain = store.chain(view.epoch, p);
        let whole = chain.len().checked_sub(1).is_none_or(|head| store.missing(view.epoch, p, head as u8).is_empty());
        let over = chain.last().is_some_and(|head| matches!(head, Record::Void { .. }) || head.closes_for().is_some());
        whole
            && !over
            && log
                .partition(p)
                .is_some_and(|partition| (partition.low..=partition.high()).contains(&end) && partition.high() == end)
    };
    store.newest(design, name as u8) == Some(view.epoch)
        && store.chain(view.epoch, view.p).len() == usize::from(view.seq)
        && (0..partitions).all(at_end)
        && system.files.iter().all(|&file| log.is_marked(design, file) && !log.hurt.has(file))
        && !is_told(state)
        && (!compares || compared())
}

/// Whether the table itself says that something may be missing: a hole, a foreign message, or a voided log file that has not come again.
fn is_told(state: &State) -> bool {
    let visible = state.store.visible();
    let given_up = |record: &Record| match record {
        Record::Voided { delta, .. } => delta.iter().any(|(file, _)| !visible.has(Rows::listed(*file))),
        record => is_foreign(record),
    };
    has_hole(state) || state.store.chains.values().flatten().any(given_up)
}

fn has_hole(state: &State) -> bool {
    let skips = state.store.chains.values().flatten().any(|record| matches!(record, Record::Skip { .. }));
    skips || state.store.streams.iter().any(|stream| stream.starts.iter().any(|start| start.hole))
}

fn wants(record: &Record) -> bool {
    matches!(record, Record::Voided { delta, .. } if delta.iter().any(|(_, entry)| entry.wanted != Set::EMPTY))
}

fn is_foreign(record: &Record) -> bool {
    matches!(record, Record::Intent { foreign: true, .. })
}
