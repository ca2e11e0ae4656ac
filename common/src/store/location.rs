//! (being built)
/// Where a tree of objects lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {}
