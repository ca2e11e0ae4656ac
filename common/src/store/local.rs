//! (being built)
/// A local directory as a store.
#[derive(Debug, Clone)]
pub struct LocalStore;
