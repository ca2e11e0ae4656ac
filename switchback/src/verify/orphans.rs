//! What shows that chain records are missing: Parquet files where readers look that no record names, and hints of batches beyond the end of
//! their chain. Each such file is described, as far as its footer shows.

use super::columns::kind_of;
use super::findings::{Check, EXAMPLES, Findings};
use super::guard::guarded;
use super::hints::Known;
use super::prefetch::WorkLimits;
use super::read_only::ReadOnlyStore;
use bytes::Bytes;
use persister::decode::RowKind;
use persister::protocol::{Intent, Names};
use persister::sink::parquet::Footer;
use std::collections::BTreeMap;

/// What was known before the chains were read.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Parquet files that no record has named so far, with their sizes.
    pub(crate) files: BTreeMap<String, u64>,
    /// The newest batch that a hint knows, by the folder of its chain.
    pub(crate) known: BTreeMap<String, (Names, Known)>,
}

/// Reports every file that is left, and every chain that ends too early; `newest` are the last records of the chains, by folder.
pub(crate) async fn report(
    store: &ReadOnlyStore,
    limits: &WorkLimits,
    before: Before,
    newest: &BTreeMap<String, u64>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    // Records beyond the end of their chain, and how many files are witnesses of each.
    let mut beheaded = BTreeMap::<String, (u64, String)>::new();
    let is_beyond = |names: &Names, seq: u64| newest.get(&names.chain()).is_none_or(|newest| seq > *newest);
    for (names, known) in before.known.into_values() {
        if is_beyond(&names, known.seq) {
            beheaded.insert(names.intent(known.seq), (0, known.key));
        }
    }
    for (at, (key, size)) in before.files.into_iter().enumerate() {
        let mut text = format!(
            "{key}: no batch names it, and readers that list {}/ read it",
            kind_of(&key).map_or("the table", RowKind::root)
        );
        if at < EXAMPLES && key.ends_with(".parquet") {
            let look =
                |bytes: Option<Bytes>| bytes.map(|bytes| (bytes.len(), guarded(|| Footer::read(&bytes).ok()).ok().flatten()));
            match limits.work(size, store.get(&key), look).await? {
                Ok(Some((0, _))) => text.push_str("; it is empty (0 bytes)"),
                Ok(Some((_, None))) => text.push_str("; it does not read as a file of a table"),
                Ok(Some((_, Some(footer)))) => {
                    text.push_str(&origin(store, &footer).await?);
                    let names = names(&footer);
                    if is_beyond(&names, footer.seq) {
                        beheaded.entry(names.intent(footer.seq)).or_default().0 += 1;
                    }
                }
                Ok(None) | Err(_) => {}
            }
        }
        findings.add(Check::Orphans, text);
    }
    for (record, (files, hint)) in beheaded {
        let witness = match files {
            0 => format!("{hint} knows of its batch"),
            _ => format!("{files} files say that they are of its batch"),
        };
        findings.add(Check::Chain, format!("{record}: missing at the end of its chain, and {witness}"));
    }
    Ok(())
}

fn names(footer: &Footer) -> Names {
    Names { topic: footer.topic.clone(), epoch: footer.epoch.clone(), partition: footer.partition }
}

/// Where a file comes from by its footer, and what its batch says to that.
async fn origin(store: &ReadOnlyStore, footer: &Footer) -> anyhow::Result<String> {
    let Footer { seq, partition, topic, epoch, start, end, .. } = footer;
    let origin = format!(
        "; its footer says that it is of batch {seq} of partition {partition} of {topic}/{epoch}, offsets {start} to {end}"
    );
    let record = names(footer).intent(*seq);
    let Some(bytes) = store.get(&record).await? else {
        return Ok(format!("{origin}, whose record {record} is missing"));
    };
    let Ok(intent) = Intent::from_bytes(&bytes) else {
        return Ok(format!("{origin}, whose record {record} does not read"));
    };
    let digest = hex::encode(footer.rows_sha256);
    Ok(match intent.files.iter().find(|file| file.rows_sha256 == digest) {
        Some(file) => format!("{origin}, and its rows are those of {}: they are read twice", file.key),
        None => format!("{origin}, which names no file with these rows"),
    })
}
