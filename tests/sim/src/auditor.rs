//! Looks at every object as it becomes visible, and at every mirrored offset: whatever is wrong is wrong at that moment, not only in
//! the end. What must be there it knows from [`Expected`], not from the product.

use crate::expected::{Dropped, Expected, Row};
use crate::file_rows;
use crate::store::Change;
use crate::violation::Violation;
use bytes::Bytes;
use common::message::FileId;
use persister::protocol::intent::sha256_hex;
use persister::protocol::invariants::Invariant;
use persister::protocol::{FileEntry, Intent, Names};
use persister::sink::parquet::{Footer, rows_digest_of_file};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Below these lie rows.
const TABLE: [&str; 3] = ["data/", "rejected/", "log_files/"];

#[derive(Debug)]
struct Link {
    start: u64,
    end: u64,
    sha256: String,
    /// Files that are not there yet.
    missing: BTreeSet<String>,
}

/// A file that an intent names.
#[derive(Debug)]
struct Named {
    partition: usize,
    seq: usize,
    entry: FileEntry,
}

/// What is visible, and what of it was seen.
#[derive(Debug)]
pub struct Auditor {
    names: Vec<Names>,
    chains: Vec<Vec<Link>>,
    files: HashMap<String, Named>,
    /// Rows seen, by where they come from: partition and offset.
    places: HashSet<(u32, u64)>,
    /// Rows seen of records, by what they are.
    records: HashSet<(FileId, u32)>,
    /// Rows seen of log files taken as complete.
    complete: HashSet<FileId>,
}

type Finding = Result<(), Violation>;

impl Auditor {
    /// Nothing is visible yet.
    pub fn new(names: Vec<Names>) -> Auditor {
        let chains = names.iter().map(|_| Vec::new()).collect();
        Auditor {
            names,
            chains,
            files: HashMap::new(),
            places: HashSet::new(),
            records: HashSet::new(),
            complete: HashSet::new(),
        }
    }

    /// Something became visible, or is gone.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn change(&mut self, change: &Change, expected: &[Expected], wide: bool) -> Finding {
        let Change { key, before, after } = change;
        let of_table = TABLE.iter().any(|root| key.starts_with(root));
        if !key.starts_with("_log/") && !of_table {
            return Ok(());
        }
        let broken = if of_table { Invariant::C3NameFixesRows } else { Invariant::C1OffsetsTile };
        match (before, after) {
            (_, None) => Err(Violation::of(broken, format!("{key} was deleted"))),
            (Some(before), Some(after)) if before != after => Err(Violation::of(broken, format!("{key} was overwritten"))),
            (Some(_), Some(_)) => Ok(()),
            (None, Some(after)) if of_table => self.file(key, after, expected, wide),
            (None, Some(after)) => self.intent(key, after, expected),
        }
    }

    fn intent(&mut self, key: &str, bytes: &Bytes, expected: &[Expected]) -> Finding {
        let intent =
            Intent::from_bytes(bytes).map_err(|error| Violation::of(Invariant::C1OffsetsTile, format!("{key}: {error}")))?;
        let at = intent.partition as usize;
        let (Some(names), Some(chain), Some(expected)) = (self.names.get(at), self.chains.get_mut(at), expected.get(at)) else {
            return Err(Violation::of(Invariant::C1OffsetsTile, format!("{key} is of partition {at}")));
        };
        let c1 = |detail: String| Err(Violation::of(Invariant::C1OffsetsTile, format!("{key}: {detail}")));
        if *key != names.intent(intent.seq) || intent.seq != chain.len() as u64 {
            return c1(format!("it says it is number {}, and the chain has {}", intent.seq, chain.len()));
        }
        let (end, sha256) = chain.last().map_or((0, None), |last| (last.end, Some(&last.sha256)));
        if intent.start != end || intent.prev_sha256.as_ref() != sha256 {
            return c1(format!(
                "it starts at {} after {:?}; the chain ends at {end} with {sha256:?}",
                intent.start, intent.prev_sha256
            ));
        }
        if let Some(missing) = chain.last().and_then(|last| last.missing.first()) {
            return Err(Violation::of(Invariant::C2FilesBeforeNext, format!("{key} is there and {missing} is not")));
        }
        let files: BTreeSet<String> = intent.files.iter().map(|file| file.key.clone()).collect();
        chain.push(Link { start: intent.start, end: intent.end, sha256: sha256_hex(bytes), missing: files });
        for entry in &intent.files {
            let named = Named { partition: at, seq: chain.len() - 1, entry: entry.clone() };
            self.files.insert(entry.key.clone(), named);
        }
        as_expected(names, &intent, expected)
    }

    fn file(&mut self, key: &str, bytes: &Bytes, expected: &[Expected], wide: bool) -> Finding {
        let c3 = |detail: String| Violation::of(Invariant::C3NameFixesRows, format!("{key}: {detail}"));
        let Some(named) = self.files.get(key) else {
            return Err(Violation::of(Invariant::C2FilesBeforeNext, format!("{key} is there and no intent names it")));
        };
        let link = &mut self.chains[named.partition][named.seq];
        link.missing.remove(key);
        let dir = key.rsplit_once('/').map_or("", |(dir, _)| dir);
        let rows = file_rows::read(bytes).map_err(|error| c3(format!("it does not read: {error}")))?;
        let footer = Footer::read(bytes).map_err(|error| c3(format!("its footer does not read: {error}")))?;
        let digest: String = footer.rows_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        if (rows.len() as u64, &digest) != (named.entry.rows, &named.entry.rows_sha256) {
            return Err(c3(format!("{} rows of digest {digest}, not what its intent says", rows.len())));
        }
        if wide && rows_digest_of_file(bytes.clone()).ok() != Some((footer.rows, footer.rows_sha256)) {
            return Err(c3("its rows have not the digest that its footer says".to_owned()));
        }
        for row in rows {
            let expected = expected.get(named.partition).and_then(|all| all.at(row.offset));
            let wanted = expected.and_then(|row| row.as_ref().ok());
            let inside = row.partition as usize == named.partition && (link.start..link.end).contains(&row.offset);
            let Some(wanted) = wanted.filter(|_| inside) else {
                let what = format!("{key}: offset {} of partition {} must make no row here", row.offset, row.partition);
                return Err(Violation::of(Invariant::C6IndexesDense, what));
            };
            let status = row.status.as_deref();
            if (wanted.identity, wanted.dir.as_str(), wanted.status) != (row.identity, dir, status) {
                return Err(c3(format!("{row:?} stands there instead of {wanted:?}")));
            }
            let new = match (row.identity, status) {
                (Some((file, Some(index))), _) => self.records.insert((file, index)),
                (Some((file, None)), Some("complete")) => self.complete.insert(file),
                _ => true,
            };
            if !new || !self.places.insert((row.partition, row.offset)) {
                return Err(Violation::of(Invariant::C4RowOnce, format!("{key} repeats {row:?}")));
            }
        }
        Ok(())
    }

    /// An offset was committed to the log's group.
    ///
    /// # Errors
    /// When it is beyond what is in the table.
    pub fn mirrored(&self, partition: u32, offset: u64) -> Finding {
        let (_, end) = self.settled(partition);
        if offset <= end {
            return Ok(());
        }
        let detail = format!("partition {partition}: offset {offset} was committed, and the table has everything up to {end}");
        Err(Violation::of(Invariant::C5CommitMirrorsChain, detail))
    }

    /// Number of intents of a partition whose files are all there, and where they end.
    pub fn settled(&self, partition: u32) -> (u64, u64) {
        let chain = &self.chains[partition as usize];
        let settled = chain.len() - usize::from(chain.last().is_some_and(|last| !last.missing.is_empty()));
        (settled as u64, settled.checked_sub(1).map_or(0, |last| chain[last].end))
    }

    /// A reader's listing shows only what was looked at.
    ///
    /// # Errors
    /// When it shows something else.
    pub fn listed(&self, keys: impl IntoIterator<Item = String>) -> Finding {
        match keys.into_iter().find(|key| !self.files.contains_key(key)) {
            None => Ok(()),
            Some(key) => {
                Err(Violation::of(Invariant::C2FilesBeforeNext, format!("a reader is shown {key}, which no intent names")))
            }
        }
    }

    /// In the end: everything that the log holds is in the table. `files` has each acknowledged log file with its number of records.
    ///
    /// # Errors
    /// What is missing.
    pub fn finish<'a>(
        &self,
        expected: &[Expected],
        high: &[u64],
        files: impl Iterator<Item = (&'a str, FileId, u32)>,
    ) -> Finding {
        for (partition, (expected, high)) in expected.iter().zip(high).enumerate() {
            let partition = partition as u32;
            let (_, end) = self.settled(partition);
            if end != *high {
                let detail = format!("partition {partition}: the chain ends at {end}, the log at {high}");
                return Err(Violation::other("everything is taken in the end", detail));
            }
            let lost = (0..*high).find(|offset| {
                let is_row = matches!(expected.at(*offset), Some(Ok(_)));
                is_row && !self.places.contains(&(partition, *offset))
            });
            if let Some(offset) = lost {
                let detail = format!("offset {offset} of partition {partition} is in no file: {:?}", expected.at(offset));
                return Err(Violation::other("every record is a row or a rejection", detail));
            }
        }
        for (object, file, records) in files {
            let lost = (0..records).find(|index| !self.records.contains(&(file, *index)));
            if let Some(index) = lost {
                let detail = format!("record {index} of {records} of {object} is in no file");
                return Err(Violation::other("every record is a row or a rejection", detail));
            }
            if !self.complete.contains(&file) || self.records.contains(&(file, records)) {
                let detail = format!("{object} is not told of as complete with {records} records");
                return Err(Violation::of(Invariant::C6IndexesDense, detail));
            }
        }
        Ok(())
    }
}

/// The intent's files, clock and counts are those that follow from the log.
fn as_expected(names: &Names, intent: &Intent, expected: &Expected) -> Finding {
    let c3 = |detail: String| Violation::of(Invariant::C3NameFixesRows, format!("{}: {detail}", names.intent(intent.seq)));
    let mut dirs: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut duplicate, mut ahead) = (0, 0);
    for message in expected.range(intent.start, intent.end) {
        match message {
            Ok(Row { dir, .. }) => *dirs.entry(dir).or_default() += 1,
            Err(Dropped::Duplicate) => duplicate += 1,
            Err(Dropped::Ahead) => ahead += 1,
        }
    }
    let file = |(k, (dir, rows)): (usize, (&&str, &u64))| (names.file(dir, intent.seq, intent.start, intent.end, k), *rows);
    let wanted: Vec<(String, u64)> = dirs.iter().enumerate().map(file).collect();
    let told: Vec<(String, u64)> = intent.files.iter().map(|file| (file.key.clone(), file.rows)).collect();
    if wanted != told {
        return Err(c3(format!("its files are {told:?}, the log's are {wanted:?}")));
    }
    if (intent.dropped.duplicate, intent.dropped.ahead) != (duplicate, ahead) {
        return Err(c3(format!("{:?} is said, {duplicate} are duplicates and {ahead} are ahead", intent.dropped)));
    }
    if expected.clock_at(intent.end - 1) != Some(intent.clock) {
        let detail = format!("{}: its clock is {}, not the log's", names.intent(intent.seq), intent.clock);
        return Err(Violation::of(Invariant::C7NoWallClock, detail));
    }
    Ok(())
}
