//! The chains: every record of every partition in order, each compared with the one before.

use super::findings::{Check, Findings};
use super::prefetch::Prefetch;
use super::read_only::ReadOnlyStore;
use bytes::Bytes;
use common::store::StoreError;
use persister::protocol::intent::sha256_hex;
use persister::protocol::{Intent, Names, StreamRecord};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The folder of all chains.
const CHAINS: &str = "_log/";
/// Records fetched at once; they are small, and the store may be far away.
const WIDTH: usize = 16;
const PAGE: usize = 1000;

/// A chain record that can be read.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) intent: Arc<Intent>,
    /// No record follows.
    pub(crate) is_head: bool,
}

type Fetched = (String, Result<Option<Bytes>, StoreError>);

/// Every record below `_log/`, in the order of keys: partition after partition, sequence after sequence.
#[derive(Debug)]
pub(crate) struct Chains {
    store: ReadOnlyStore,
    stream: Option<StreamRecord>,
    after: Option<String>,
    page: VecDeque<String>,
    listed: bool,
    prefetch: Prefetch<Fetched>,
    waiting: Option<(String, Option<Bytes>)>,
    current: Option<Chain>,
    /// The last record of each chain, whether it can be read or not, by the chain's folder.
    pub(crate) newest: BTreeMap<String, u64>,
    /// Partitions that have a chain.
    pub(crate) partitions: u64,
    /// Records that can be read.
    pub(crate) batches: u64,
    /// Offsets that they cover.
    pub(crate) offsets: u64,
}

/// How far one chain was followed.
#[derive(Debug)]
struct Chain {
    folder: String,
    names: Names,
    seq: u64,
    /// Where the next record must start; `None` after one that cannot be read.
    end: Option<u64>,
    /// What the next record must carry; `None` when the record before is missing.
    sha256: Option<Option<String>>,
}

impl Chains {
    pub(crate) fn new(store: ReadOnlyStore, stream: Option<StreamRecord>) -> Chains {
        Chains {
            store,
            stream,
            after: None,
            page: VecDeque::new(),
            listed: false,
            prefetch: Prefetch::new(WIDTH),
            waiting: None,
            current: None,
            newest: BTreeMap::new(),
            partitions: 0,
            batches: 0,
            offsets: 0,
        }
    }

    /// The next record that can be read; what is wrong on the way is added to `findings`.
    pub(crate) async fn next(&mut self, findings: &mut Findings) -> anyhow::Result<Option<Link>> {
        loop {
            let next = match self.waiting.take() {
                Some(next) => Some(next),
                None => self.fetch().await?,
            };
            let Some((key, bytes)) = next else { return Ok(None) };
            self.waiting = self.fetch().await?;
            let folder = folder(&key);
            let is_head = self.waiting.as_ref().is_none_or(|(next, _)| self::folder(next) != folder);
            let Some((names, seq)) = parse(&key) else {
                findings.add(Check::Chain, format!("{key}: not the name of a chain record"));
                continue;
            };
            self.newest.insert(folder.to_owned(), seq);
            if self.current.as_ref().is_none_or(|chain| chain.folder != folder) {
                self.begin(folder.to_owned(), names, findings);
            }
            let Some(chain) = &mut self.current else { continue };
            if let Some(intent) = chain.follow(&key, seq, bytes.as_deref(), self.stream.as_ref(), findings) {
                self.batches += 1;
                self.offsets = self.offsets.saturating_add(intent.range().len());
                return Ok(Some(Link { intent: Arc::new(intent), is_head }));
            }
        }
    }

    fn begin(&mut self, folder: String, names: Names, findings: &mut Findings) {
        self.partitions += 1;
        if let Some(stream) = &self.stream {
            if (&names.topic, &names.epoch) != (&stream.topic, &stream.epoch) {
                findings.add(Check::Stream, format!("{folder}: a chain of another stream than the table's"));
            } else if names.partition >= stream.partitions {
                let text =
                    format!("{folder}: a chain of partition {}, and the stream has {}", names.partition, stream.partitions);
                findings.add(Check::Stream, text);
            }
        }
        self.current = Some(Chain { folder, names, seq: 0, end: Some(0), sha256: Some(None) });
    }

    async fn fetch(&mut self) -> anyhow::Result<Option<(String, Option<Bytes>)>> {
        while !self.prefetch.is_full() {
            if self.page.is_empty() && !self.listed {
                let entries = self.store.list_after(CHAINS, self.after.as_deref(), PAGE).await?;
                self.listed = entries.len() < PAGE;
                self.after = entries.last().map(|entry| entry.key.clone());
                self.page.extend(entries.into_iter().map(|entry| entry.key));
            }
            let Some(key) = self.page.pop_front() else { break };
            let store = self.store.clone();
            self.prefetch.push(async move {
                let got = store.get(&key).await;
                (key, got)
            });
        }
        match self.prefetch.next().await? {
            Some((key, bytes)) => Ok(Some((key, bytes?))),
            None => Ok(None),
        }
    }
}

fn folder(key: &str) -> &str {
    key.rfind('/').map_or("", |at| &key[..=at])
}

/// Partition and sequence from a record's name; the name must be the one that the protocol writes.
pub(crate) fn parse(key: &str) -> Option<(Names, u64)> {
    let mut parts = key.strip_prefix(CHAINS)?.split('/');
    let (topic, epoch, partition, file) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let partition = partition.strip_prefix("p=")?.parse().ok()?;
    let seq = file.strip_suffix(".json")?.parse().ok()?;
    let names = Names { topic: topic.to_owned(), epoch: epoch.to_owned(), partition };
    (names.intent(seq) == key).then_some((names, seq))
}

impl Chain {
    /// Compares the next record with the chain so far.
    fn follow(
        &mut self,
        key: &str,
        seq: u64,
        bytes: Option<&[u8]>,
        stream: Option<&StreamRecord>,
        findings: &mut Findings,
    ) -> Option<Intent> {
        let mut wrong = |text: String| findings.add(Check::Chain, text);
        let is_after_gap = seq != self.seq;
        if is_after_gap {
            let (first, last) = (self.names.intent(self.seq), seq.saturating_sub(1));
            let records = if last == self.seq { "is missing".to_owned() } else { format!("and all up to {last} are missing") };
            wrong(format!("{first} {records}: the chain continues with {seq}"));
            self.sha256 = None;
        }
        self.seq = seq.saturating_add(1);
        let expected = (self.end.take(), self.sha256.take());
        let Some(bytes) = bytes else {
            wrong(format!("{key}: was listed but no longer exists"));
            return None;
        };
        let intent = match Intent::from_bytes(bytes) {
            Ok(intent) => intent,
            Err(damaged) => {
                // That the next record carries another hash follows from this and is not reported.
                wrong(format!("{key}: {damaged} ({} bytes)", bytes.len()));
                return None;
            }
        };
        self.sha256 = Some(Some(sha256_hex(bytes)));
        self.end = Some(intent.end);
        let says = (&intent.topic, &intent.epoch, intent.partition, intent.seq);
        if says != (&self.names.topic, &self.names.epoch, self.names.partition, seq) {
            let (topic, epoch, partition, seq) = says;
            wrong(format!("{key}: says that it is record {seq} of partition {partition} of {topic}/{epoch}"));
        }
        if expected.1.is_some_and(|sha256| sha256 != intent.prev_sha256) {
            let before = seq.checked_sub(1).map_or("nothing".to_owned(), |before| self.names.intent(before));
            wrong(format!("{key}: does not carry the hash of {before}: one of the two was altered after it was written"));
        }
        // The first record starts where the topic began when the table was created, which may be after expired messages.
        if let Some(end) = expected.0.filter(|end| seq > 0 && *end != intent.start) {
            let gap =
                if is_after_gap { format!("offsets {end} to {} are covered by no record", intent.start) } else { String::new() };
            let jump = format!("starts at offset {}, and the record before ends at {end}", intent.start);
            wrong(format!("{key}: {}", if gap.is_empty() { jump } else { gap }));
        }
        if let Some(text) = stream.and_then(|stream| disagrees(&intent, stream)) {
            wrong(format!("{key}: {text}"));
        }
        self.check_names(key, &intent, findings);
        Some(intent)
    }

    /// A file's name is a function of its batch and its directory.
    fn check_names(&self, key: &str, intent: &Intent, findings: &mut Findings) {
        for (k, file) in intent.files.iter().enumerate() {
            let dir = file.key.rsplit_once('/').map_or("", |(dir, _)| dir);
            if file.key != self.names.file(dir, intent.seq, intent.start, intent.end, k) {
                findings.add(Check::Chain, format!("{key}: names {}, which is not the name of its file {k}", file.key));
            }
        }
    }
}

fn disagrees(intent: &Intent, stream: &StreamRecord) -> Option<String> {
    let ours = (intent.layout.as_str(), intent.layout_version, intent.schema_version);
    let pinned = (stream.layout.as_str(), stream.layout_version, stream.schema_version);
    (ours != pinned).then(|| format!("layout, layout version and schema version are {ours:?}, and the stream's are {pinned:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_protocols_own_names_are_names_of_records() {
        assert!(
            parse("_log/cloudtrail/0/p=00007/00000000000000000042.json")
                .is_some_and(|(names, seq)| names.partition == 7 && seq == 42)
        );
        for bad in [
            "_log/cloudtrail/0/p=7/00000000000000000042.json",
            "_log/cloudtrail/0/p=00007/42.json",
            "_log/cloudtrail/0/p=00007/00000000000000000042.json.bak",
            "_log/cloudtrail/p=00007/00000000000000000042.json",
            "_log/",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
