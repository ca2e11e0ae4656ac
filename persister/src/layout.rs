//! stub
pub const LAYOUT_VERSION: u32 = 1;
/// stub
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// date
    Date,
}
impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("date")
    }
}
