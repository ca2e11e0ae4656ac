//! Reading how far a partition's chain goes, for those who only watch.

use crate::protocol::search::HeadSearch;
use crate::protocol::{Intent, Names};
use common::failure::Class;
use common::store::retry::with_retry;
use common::store::{Store, StoreError};
use std::time::Duration;

/// How long an unreachable store is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

/// The end of the chain: the first offset that no batch covers; `None` while there is no batch.
///
/// # Errors
/// When the store does not answer or the newest record does not read.
pub async fn end(store: &Store, names: &Names) -> Result<Option<u64>, StoreError> {
    let mut search = HeadSearch::new(0);
    while let Some(seq) = search.next() {
        let key = names.intent(seq);
        let there = with_retry(DEADLINE, || store.head(&key)).await?.is_some();
        search.answer(seq, there);
    }
    let Some(head) = search.found().and_then(|length| length.checked_sub(1)) else { return Ok(None) };
    let key = names.intent(head);
    let record = with_retry(DEADLINE, || store.get(&key)).await?.unwrap_or_default();
    let intent = Intent::from_bytes(&record).map_err(|damage| StoreError {
        class: Class::Fatal,
        what: format!("read {key}"),
        why: damage.to_string(),
    })?;
    Ok(Some(intent.end))
}
