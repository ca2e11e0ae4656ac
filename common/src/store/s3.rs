//! (being built)
/// A bucket as a store.
#[derive(Debug, Clone)]
pub struct S3Store;
