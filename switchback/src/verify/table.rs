//! The table by itself: stream, chains, files, rows. One pass, with what the rows say added up in [`Accounting`].

use super::accounting::Accounting;
use super::chain::{self, Chains, Link};
use super::findings::{Check, EXAMPLES, Findings};
use super::hints;
use super::notes::{Note, Notes};
use super::orphans::{self, Before};
use super::parquet_file::{FileFacts, examine};
use super::prefetch::{Prefetch, WorkLimits, cores};
use super::read_only::ReadOnlyStore;
use bytes::Bytes;
use common::failure::Class;
use common::store::StoreError;
use persister::decode::RowKind;
use persister::protocol::names::{STREAMS, stream};
use persister::protocol::{Intent, StreamRecord};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: usize = 1000;
/// Assumed for a file that did not exist when the table was listed.
const UNKNOWN_SIZE: u64 = 64 << 20;

/// What was found in the table.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) stream: Option<StreamRecord>,
    pub(crate) findings: Findings,
    pub(crate) accounting: Accounting,
    pub(crate) partitions: u64,
    pub(crate) batches: u64,
    pub(crate) offsets: u64,
    pub(crate) dropped: u64,
    pub(crate) notes: Notes,
}

/// Reads and checks the whole table; `with_values` also hashes every record, to compare it with the source's.
///
/// # Errors
/// When it cannot be read, or is no table.
pub(crate) async fn prove(store: &ReadOnlyStore, with_values: bool) -> anyhow::Result<Proof> {
    let mut findings = Findings::default();
    // Before the chains are read: a file or a hint is put after the record of its batch, so whatever exists now is named by then.
    let before = Before { files: list_files(store).await?, known: hints::newest(store).await? };
    let stream = read_stream(store, before.files.len(), &mut findings).await?;
    let mut chains = Chains::new(store.clone(), stream.clone());
    let mut reader = Reader {
        store: store.clone(),
        with_values,
        partitions: stream.as_ref().map(|stream| stream.partitions),
        before,
        findings,
        accounting: Accounting::default(),
        // One being fetched and one being read for each core.
        prefetch: Prefetch::new(2 * cores()),
        limits: WorkLimits::new(),
        batch: None,
        dropped: 0,
        notes: Notes::default(),
    };
    while let Some(link) = chains.next(&mut reader.findings).await? {
        reader.start(link).await?;
    }
    while reader.take().await? {}
    orphans::report(store, &reader.limits, std::mem::take(&mut reader.before), &chains.newest, &mut reader.findings).await?;
    Ok(Proof {
        stream,
        findings: reader.findings,
        accounting: reader.accounting,
        partitions: chains.partitions,
        batches: chains.batches,
        offsets: chains.offsets,
        dropped: reader.dropped,
        notes: reader.notes,
    })
}

/// The record of the table's stream; `None` when it cannot be read. `files` is the number of Parquet files.
async fn read_stream(store: &ReadOnlyStore, files: usize, findings: &mut Findings) -> anyhow::Result<Option<StreamRecord>> {
    let entries = store.list_after(STREAMS, None, EXAMPLES).await?;
    let Some(first) = entries.first() else {
        let any = store.list_after("_log/", None, 1).await?;
        let text = match any.first().map(|any| chain::parse(&any.key)) {
            Some(Some((names, _))) => {
                format!("{}: missing, and there is a chain in {}", stream(&names.topic, &names.epoch), names.chain())
            }
            Some(None) => format!("there is no stream record below {STREAMS}"),
            None if files > 0 => {
                format!("there is neither a stream record below {STREAMS} nor a chain, and {files} files of a table")
            }
            None => anyhow::bail!("{store} is no table: it has neither {STREAMS} nor _log/, and no files of one"),
        };
        findings.add(Check::Stream, text);
        return Ok(None);
    };
    for other in &entries[1..] {
        findings.add(Check::Stream, format!("{}: one table holds one stream, and {} is there too", other.key, first.key));
    }
    let bytes = store.get(&first.key).await?.unwrap_or_default();
    match serde_json::from_slice::<StreamRecord>(&bytes) {
        Ok(record) if stream(&record.topic, &record.epoch) == first.key && record.partitions > 0 => Ok(Some(record)),
        Ok(record) => {
            let text = format!("{}: says {}/{} with {} partitions", first.key, record.topic, record.epoch, record.partitions);
            findings.add(Check::Stream, text);
            Ok(None)
        }
        Err(error) => {
            findings.add(Check::Stream, format!("{}: does not read: {error}", first.key));
            Ok(None)
        }
    }
}

/// Every object where readers look for rows, with its size.
async fn list_files(store: &ReadOnlyStore) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut files = BTreeMap::new();
    for kind in [RowKind::Data, RowKind::LogFile, RowKind::Rejected] {
        let (prefix, mut after) = (format!("{}/", kind.root()), None);
        loop {
            let entries = store.list_after(&prefix, after.as_deref(), PAGE).await?;
            let is_last = entries.len() < PAGE;
            after = entries.last().map(|entry| entry.key.clone());
            files.extend(entries.into_iter().map(|entry| (entry.key, entry.size)));
            if is_last {
                break;
            }
        }
    }
    Ok(files)
}

enum Outcome {
    /// A batch without files.
    Nothing,
    Missing,
    Unreadable(String),
    Read(Box<FileFacts>),
}

struct Done {
    link: Link,
    file: usize,
    outcome: anyhow::Result<Result<Outcome, StoreError>>,
}

/// A batch of which some files have been read.
struct Batch {
    facts: Vec<(usize, FileFacts)>,
    missing: Vec<usize>,
}

struct Reader {
    store: ReadOnlyStore,
    with_values: bool,
    partitions: Option<u32>,
    before: Before,
    findings: Findings,
    accounting: Accounting,
    prefetch: Prefetch<Done>,
    limits: WorkLimits,
    batch: Option<Batch>,
    dropped: u64,
    notes: Notes,
}

impl Reader {
    /// Starts to read the files of a batch.
    async fn start(&mut self, link: Link) -> anyhow::Result<()> {
        for file in 0..link.intent.files.len().max(1) {
            while self.prefetch.is_full() {
                self.take().await?;
            }
            let Some(entry) = link.intent.files.get(file) else {
                let link = link.clone();
                self.prefetch.push(async move { Done { link, file, outcome: Ok(Ok(Outcome::Nothing)) } });
                continue;
            };
            let size = self.before.files.remove(&entry.key).unwrap_or(UNKNOWN_SIZE);
            let (store, limits, link, with_values) = (self.store.clone(), self.limits.clone(), link.clone(), self.with_values);
            self.prefetch.push(async move {
                let key = link.intent.files[file].key.clone();
                let intent = link.intent.clone();
                let look = move |bytes: Option<Bytes>| match bytes {
                    Some(bytes) => Outcome::Read(Box::new(examine(bytes, &intent, &intent.files[file], with_values))),
                    None => Outcome::Missing,
                };
                let outcome = limits.work(size, store.get(&key), look).await;
                Done { link, file, outcome }
            });
        }
        Ok(())
    }

    /// Adds the oldest result; false when there is none.
    async fn take(&mut self) -> anyhow::Result<bool> {
        let Some(Done { link, file, outcome }) = self.prefetch.next().await? else { return Ok(false) };
        let outcome = match outcome? {
            Ok(outcome) => outcome,
            // No key of ours, or larger than anything of ours: the table's fault, not the store's.
            Err(error) if error.class == Class::Fatal => Outcome::Unreadable(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        let batch = self.batch.get_or_insert_with(|| Batch { facts: Vec::new(), missing: Vec::new() });
        match outcome {
            Outcome::Nothing => {}
            Outcome::Missing => batch.missing.push(file),
            Outcome::Unreadable(why) => self.findings.add(Check::Files, format!("{}: {why}", link.intent.files[file].key)),
            Outcome::Read(facts) => batch.facts.push((file, *facts)),
        }
        if file + 1 >= link.intent.files.len()
            && let Some(batch) = self.batch.take()
        {
            self.close(&link, batch);
        }
        Ok(true)
    }

    /// Adds up a batch all of whose files have been read.
    fn close(&mut self, link: &Link, mut batch: Batch) {
        let intent = &*link.intent;
        let is_in_flight = link.is_head && !batch.missing.is_empty();
        self.missing(intent, &batch.missing, is_in_flight);
        let mut is_sound = batch.missing.is_empty() && batch.facts.len() == intent.files.len();
        for (_, facts) in &mut batch.facts {
            is_sound &= facts.findings.total() == 0;
            self.findings.merge(std::mem::take(&mut facts.findings));
        }
        if is_in_flight {
            // Not all of its rows are there: they are counted once the next persister has completed it.
            return self.accounting.mark_on_its_way(intent);
        }
        self.dropped = self.dropped.saturating_add(intent.dropped.duplicate).saturating_add(intent.dropped.ahead);
        self.once(intent, &batch, is_sound);
        if !is_sound {
            self.accounting.mark_damaged(intent);
        }
        for (file, facts) in &batch.facts {
            self.accounting.add_file(&intent.files[*file].key, facts);
        }
        if let Err(why) = self.accounting.add_ledger(intent) {
            self.findings.add(Check::Ledger, format!("{}: {why}", of(intent)));
        }
    }

    fn missing(&mut self, intent: &Intent, missing: &[usize], is_in_flight: bool) {
        let key = |file: &usize| &intent.files[*file].key;
        if is_in_flight {
            let (first, more) = (missing.first().map_or("", |file| key(file)), missing.len().saturating_sub(1));
            let more = if more > 0 { format!(" and {more} more are") } else { " is".to_owned() };
            let why = format!("{first}{more} not there: a persister is writing it, or the next one to start completes it");
            return self.notes.add(Note::UnfinishedBatches, &of(intent), &why);
        }
        for file in missing {
            let text = format!("{}: missing, and {} names it and is not the newest", key(file), of(intent));
            self.findings.add(Check::Files, text);
        }
    }

    /// Checks that no offset has two rows, that every offset is accounted for, and that each log file is in its own partition.
    fn once(&mut self, intent: &Intent, batch: &Batch, is_sound: bool) {
        let mut offsets: Vec<u64> = batch.facts.iter().flat_map(|(_, facts)| facts.offsets.iter().copied()).collect();
        offsets.sort_unstable();
        let mut twice: Vec<u64> = offsets.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        twice.dedup();
        if let Some(first) = twice.first() {
            let text = format!("{}: {} offsets make more than one row, the first is {first}", of(intent), twice.len());
            self.findings.add_many(Check::Once, twice.len() as u64, text);
        }
        let accounted =
            (offsets.len() as u64).checked_add(intent.dropped.duplicate).and_then(|n| n.checked_add(intent.dropped.ahead));
        if is_sound && accounted != Some(intent.range().len()) {
            let (rows, range, dropped) = (offsets.len(), intent.range().len(), intent.dropped);
            let text = format!(
                "{}: {range} offsets made {rows} rows, {} duplicates and {} left-overs, which do not add up",
                of(intent),
                dropped.duplicate,
                dropped.ahead
            );
            self.findings.add(Check::Once, text);
        }
        if let Some(partitions) = self.partitions {
            let files: BTreeSet<_> = batch.facts.iter().flat_map(|(_, facts)| facts.records.keys()).collect();
            for file in files.into_iter().filter(|file| file.partition(partitions) != intent.partition) {
                self.findings.add(
                    Check::Once,
                    format!("{}: log file {file} belongs to partition {}", of(intent), file.partition(partitions)),
                );
            }
        }
    }
}

fn of(intent: &Intent) -> String {
    format!("batch {} of partition {}", intent.seq, intent.partition)
}
