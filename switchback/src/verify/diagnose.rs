//! What exactly is wrong with the log files that do not agree: a second pass over the table, for the first few of them.

use super::accounting::Accounting;
use super::findings::{Check, EXAMPLES, Findings};
use super::listed::Listed;
use super::log_files::LogFileState;
use super::read_only::ReadOnlyStore;
use super::scan::{Seen, Suspects, scan};
use super::table::Proof;
use common::message::FileId;
use std::collections::BTreeMap;

/// Log files described whose gaps follow from damage that another check describes.
const FOLLOWING: usize = 3;

/// Finds out what exactly is wrong with log files that do not agree. Returns the log files that are unfinished, the first few by name.
///
/// # Errors
/// When the table cannot be read.
pub(crate) async fn diagnose(store: &ReadOnlyStore, proof: &mut Proof, suspects: Suspects) -> anyhow::Result<Listed> {
    let Proof { accounting, findings, .. } = proof;
    let gapped = gapped(accounting, findings);
    let (unfinished, count) = unfinished(accounting);
    let differing: Vec<(FileId, usize)> = suspects.iter().map(|(file, suspect)| (*file, suspect.hashes.len())).collect();
    let mut wanted = suspects;
    for file in &gapped {
        wanted.entry(*file).or_default();
    }
    // Names are in the rows only. A table that is exact so far is not read again for them, but for the files that hold them.
    let mut numbers: Vec<u32> = match wanted.is_empty() {
        true => unfinished.iter().filter_map(|file| accounting.log_files.get(*file)).map(|state| state.seen_in).collect(),
        false => (0..u32::try_from(accounting.files.len()).unwrap_or(u32::MAX)).collect(),
    };
    numbers.sort_unstable();
    numbers.dedup();
    for file in &unfinished {
        wanted.entry(*file).or_default();
    }
    let seen = scan(store, &accounting.files, numbers.into_iter(), wanted).await?;
    let nothing = Seen::default();
    let of = |file: &FileId| seen.get(file).unwrap_or(&nothing);
    let mut diagnosis = Diagnosis { files: &accounting.files, findings };
    for file in &gapped {
        let state = accounting.log_files.get(*file).copied().unwrap_or_default();
        diagnosis.indexes(*file, of(file), &state);
    }
    for (file, records) in differing {
        diagnosis.values(file, of(&file), u32::try_from(records).unwrap_or(u32::MAX));
    }
    let mut listed = Listed { count, first: Vec::new() };
    for file in &unfinished {
        let records = accounting.log_files.get(*file).map_or(0, |state| state.records.count);
        let named = Listed::one(&name(*file, of(file)), &format!("{records} records so far"));
        listed.first.extend(named.first);
    }
    Ok(listed)
}

/// Log files whose indexes are not `0..n` (C6), the first few; the others are counted. The ledger of those that are whole is checked.
fn gapped(accounting: &Accounting, findings: &mut Findings) -> Vec<FileId> {
    let (mut gapped, mut damaged) = (Vec::new(), 0);
    for (file, state) in accounting.log_files.iter() {
        let count = state.records.count;
        if !state.records.is_dense() || state.end.is_some_and(|end| end != count) || state.ends > 1 {
            gapped.push(*file);
        } else if let Some(text) = ledger_differs(state) {
            if state.in_damaged_batch {
                damaged += 1;
            } else {
                findings.add(Check::Ledger, format!("log file {file}: {text}"));
            }
        }
    }
    let text = format!("the ledger knows records or ends of {damaged} log files that were in the damaged files of their batches");
    findings.add_many(Check::Ledger, damaged, text);
    let follows = |file: &FileId| accounting.log_files.get(*file).is_some_and(LogFileState::is_short_by_damage);
    // What nothing else explains comes first. Of what follows from damage that another check describes, a few examples will do.
    gapped.sort_unstable_by_key(|file| (follows(file), *file));
    let explained = gapped.iter().position(follows).unwrap_or(gapped.len());
    let described = gapped.len().min(EXAMPLES).min(explained + FOLLOWING);
    findings.add_undescribed(Check::Dense, (gapped.len() - described) as u64);
    gapped.truncate(described);
    gapped
}

/// How the ledger contradicts the rows of a log file.
fn ledger_differs(state: &LogFileState) -> Option<String> {
    let count = state.records.count;
    let agrees = state.ledger == Some(count) || (state.ledger.is_none() && count == 0);
    if agrees && state.ledger_done == state.end.is_some() {
        return None;
    }
    let end = |is_there: bool| if is_there { ", and its end" } else { "" };
    let ledger = state.ledger.map_or("nothing".to_owned(), |next| format!("{next} records{}", end(state.ledger_done)));
    Some(format!("the rows are {count} records{}; the ledger says {ledger}", end(state.end.is_some())))
}

/// The first log files that have records and no end, or whose batch is being written, and how many there are.
fn unfinished(accounting: &Accounting) -> (Vec<FileId>, u64) {
    let is_unfinished = |state: &LogFileState| state.end.is_none() && (state.records.count > 0 || state.is_on_its_way);
    let mut files: Vec<FileId> =
        accounting.log_files.iter().filter(|(_, state)| is_unfinished(state)).map(|(file, _)| *file).collect();
    files.sort_unstable();
    let count = files.len() as u64;
    files.truncate(EXAMPLES);
    (files, count)
}

fn name(file: FileId, seen: &Seen) -> String {
    seen.name.clone().unwrap_or_else(|| format!("log file {file}"))
}

/// Where what is found is put into words.
struct Diagnosis<'a> {
    /// Keys of the table's files, by number.
    files: &'a [String],
    findings: &'a mut Findings,
}

impl Diagnosis<'_> {
    /// Describes a log file whose indexes are not `0..n`.
    fn indexes(&mut self, file: FileId, seen: &Seen, state: &LogFileState) {
        let because = if state.is_short_by_damage() { ", which follows from the damage to its batch" } else { "" };
        let bound = state.end.unwrap_or_else(|| seen.indexes.last_key_value().map_or(0, |(last, _)| last + 1));
        if !self.not_once(Check::Dense, &name(file, seen), seen, bound, because) {
            let text = format!("{}: {} records, and its end message says {:?}", name(file, seen), state.records.count, state.end);
            self.findings.add(Check::Dense, text);
        }
    }

    /// Describes a log file whose `records` records are not those of the source.
    fn values(&mut self, file: FileId, seen: &Seen, records: u32) {
        let name = name(file, seen);
        for (index, text) in &seen.differing {
            let place = seen.indexes.get(index).and_then(|places| self.files.get(*places.first()? as usize));
            let place = place.map_or("the table", String::as_str);
            self.findings.add(Check::Values, format!("{name} record {index}: {text} ({place})"));
        }
        let is_miscounted = seen.indexes.len() != records as usize || seen.indexes.values().any(|places| places.len() > 1);
        let is_described = is_miscounted && self.not_once(Check::Values, &name, seen, records, "");
        if !is_described && seen.differing.is_empty() {
            self.findings.add(Check::Values, format!("{name}: its records are not those of its rows"));
        }
    }

    /// Describes each index below `bound` that is missing or stands more than once, and those that are not below it; false if none is.
    fn not_once(&mut self, check: Check, name: &str, seen: &Seen, bound: u32, because: &str) -> bool {
        let before = self.findings.of(check).violations;
        let runs = missing(&seen.indexes, bound);
        let missing: u64 = runs.iter().map(|(first, last)| u64::from(last - first) + 1).sum();
        let text = format!("{name}: {missing} of {bound} records are missing: {}{because}", few(&runs));
        self.findings.add_many(check, missing, text);
        for (index, places) in seen.indexes.iter().filter(|(_, places)| places.len() > 1) {
            let keys: Vec<&str> = places.iter().filter_map(|at| self.files.get(*at as usize)).map(String::as_str).collect();
            let text = format!("{name}: record {index} stands in {}", keys.join(" and in "));
            self.findings.add_many(check, places.len() as u64 - 1, text);
        }
        let beyond = seen.indexes.range(bound..).count() as u64;
        let text = format!("{name}: {beyond} records at index {bound} or beyond, and it has {bound} records");
        self.findings.add_many(check, beyond, text);
        self.findings.of(check).violations > before
    }
}

/// The indexes below `bound` that are not there, as runs of first and last.
fn missing<T>(there: &BTreeMap<u32, T>, bound: u32) -> Vec<(u32, u32)> {
    let mut runs = Vec::new();
    let mut next = 0;
    for &index in there.keys().take_while(|index| **index < bound) {
        if index > next {
            runs.push((next, index - 1));
        }
        next = index.saturating_add(1);
    }
    if next < bound {
        runs.push((next, bound - 1));
    }
    runs
}

/// The first few runs.
fn few(runs: &[(u32, u32)]) -> String {
    let text = |(first, last): &(u32, u32)| if first == last { format!("{first}") } else { format!("{first} to {last}") };
    let shown: Vec<String> = runs.iter().take(10).map(text).collect();
    let more = if runs.len() > 10 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_as_runs() {
        let check = |there: &[u32], bound: u32, expect: &str| {
            let there = there.iter().map(|index| (*index, ())).collect();
            assert_eq!(few(&missing(&there, bound)), expect);
        };
        check(&[0, 1, 2], 3, "");
        check(&[], 1, "0");
        check(&[1, 4, 9], 6, "0, 2 to 3, 5");
        check(&[], u32::MAX, "0 to 4294967294");
        check(&(0..40).map(|n| n * 2).collect::<Vec<_>>(), 40, "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, …");
    }
}
