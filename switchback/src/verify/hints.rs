//! What hints and checkpoints know. They are made from the chain after its records, so they may be lost or old, but a batch that they know
//! and the chain does not have was removed from its end.

use super::read_only::ReadOnlyStore;
use persister::protocol::Names;
use std::collections::BTreeMap;

const PAGE: usize = 1000;

/// The newest batch that anything derived knows of.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) seq: u64,
    /// The object that knows it.
    pub(crate) key: String,
}

/// The newest batch of each partition, by its names.
pub(crate) async fn newest(store: &ReadOnlyStore) -> anyhow::Result<BTreeMap<String, (Names, Known)>> {
    let mut newest: BTreeMap<String, (Names, Known)> = BTreeMap::new();
    for root in ["_head/", "_ckpt/"] {
        let mut after: Option<String> = None;
        loop {
            let entries = store.list_after(root, after.as_deref(), PAGE).await?;
            let is_last = entries.len() < PAGE;
            after = entries.last().map(|entry| entry.key.clone());
            for key in entries.into_iter().map(|entry| entry.key) {
                let Some(names) = names_of(&key, root) else { continue };
                let seq = match of_bucket(&key) {
                    Some(seq) => Some(seq),
                    None => said(&store.get(&key).await?.unwrap_or_default()),
                };
                let Some(seq) = seq else { continue };
                let known = newest.entry(names.chain()).or_insert_with(|| (names, Known { seq, key: key.clone() }));
                if seq > known.1.seq {
                    known.1 = Known { seq, key };
                }
            }
            if is_last {
                break;
            }
        }
    }
    Ok(newest)
}

/// The partition in `ROOT/TOPIC/EPOCH/p=00007…`.
fn names_of(key: &str, root: &str) -> Option<Names> {
    let mut parts = key.strip_prefix(root)?.split('/');
    let (topic, epoch, partition) = (parts.next()?, parts.next()?, parts.next()?);
    let partition = partition.strip_prefix("p=")?.trim_end_matches(".json").parse().ok()?;
    Some(Names { topic: topic.to_owned(), epoch: epoch.to_owned(), partition })
}

/// The batch in the name of a day of the ledger.
fn of_bucket(key: &str) -> Option<u64> {
    key.rsplit('/').next()?.strip_suffix(".bin")?.parse().ok()
}

/// The batch that a hint or an index of a checkpoint says.
fn said(bytes: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(bytes).ok()?.get("seq")?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocols_own_names_are_read() {
        let names = Names { topic: "t".into(), epoch: "0".into(), partition: 7 };
        let day = persister::protocol::Day::parse("2023-07-10").unwrap();
        assert_eq!(names_of(&names.hint(), "_head/"), Some(names.clone()));
        assert_eq!(names_of(&names.checkpoint(), "_ckpt/"), Some(names.clone()));
        assert_eq!(names_of(&names.bucket(day, 42), "_ckpt/"), Some(names.clone()));
        assert_eq!((of_bucket(&names.bucket(day, 42)), of_bucket(&names.checkpoint())), (Some(42), None));
        assert_eq!((said(br#"{"v":1,"seq":3}"#), said(b"{")), (Some(3), None));
    }
}
