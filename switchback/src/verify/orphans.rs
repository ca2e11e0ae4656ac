//! Parquet files where readers look that no record of a chain names: what each one is, as far as its footer shows.

use super::columns::kind_of;
use super::findings::{Check, EXAMPLES, Findings};
use super::prefetch::WorkLimits;
use super::read_only::ReadOnlyStore;
use bytes::Bytes;
use persister::decode::RowKind;
use persister::protocol::{Intent, Names};
use persister::sink::parquet::Footer;
use std::collections::BTreeMap;

/// Reports every one of `files` (with their sizes); `heads` are the newest sequences of the chains, by partition.
pub(crate) async fn report(
    store: &ReadOnlyStore,
    limits: &WorkLimits,
    files: BTreeMap<String, u64>,
    heads: &BTreeMap<u32, u64>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    // Records beyond the end of their chain, and how many files are witnesses of each.
    let mut beheaded = BTreeMap::<String, u64>::new();
    for (at, (key, size)) in files.into_iter().enumerate() {
        let mut text = format!(
            "{key}: no batch names it, and readers that list {}/ read it",
            kind_of(&key).map_or("the table", RowKind::root)
        );
        if at < EXAMPLES && key.ends_with(".parquet") {
            let look = |bytes: Option<Bytes>| bytes.map(|bytes| (bytes.len(), Footer::read(&bytes).ok()));
            match limits.work(size, store.get(&key), look).await? {
                Ok(Some((0, _))) => text.push_str("; it is empty (0 bytes)"),
                Ok(Some((_, None))) => text.push_str("; it does not read as a file of a table"),
                Ok(Some((_, Some(footer)))) => {
                    text.push_str(&origin(store, &footer).await?);
                    if heads.get(&footer.partition).is_none_or(|head| footer.seq > *head) {
                        *beheaded.entry(names(&footer).intent(footer.seq)).or_default() += 1;
                    }
                }
                Ok(None) | Err(_) => {}
            }
        }
        findings.add(Check::Orphans, text);
    }
    for (record, witnesses) in beheaded {
        let text = format!("{record}: missing at the end of its chain, and {witnesses} files say that they are of its batch");
        findings.add(Check::Chain, text);
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
