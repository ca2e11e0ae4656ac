//! (stub until the store branch lands)
use super::StoreError;
use std::time::Duration;
/// Retries.
pub async fn with_retry<T>(_deadline: Duration, mut op: impl AsyncFnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    op().await
}
