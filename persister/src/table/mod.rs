//! stub
pub mod schema {
    //! stub
    /// stub
    pub const SCHEMA_VERSION: u32 = 1;
}
