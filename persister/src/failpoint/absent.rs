//! No points: what stands between them is done, and nothing else.

use common::failure::Class;
use common::store::StoreError;

/// Does `work`.
pub(crate) async fn attempt<T>(
    _effect: &'static str,
    _unknown: Class,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    work.await
}

/// Does `work`.
#[cfg(feature = "services")]
pub(crate) fn encoding<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Does `work`.
#[cfg(feature = "services")]
pub(crate) fn mirroring(work: impl FnOnce()) {
    work();
}
