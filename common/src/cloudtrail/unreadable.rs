//! Why a log file as a whole cannot be read, as opposed to one record of it.

/// The reason to quarantine a log file; its text is the detail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It does not begin as a gzip member does (RFC 1952: `1f 8b 08`).
    #[error("the object does not begin with a gzip header")]
    NotGzip,
    /// The gzip stream ends before its trailer. An empty object is one, as is every other beginning of a gzip file.
    #[error("the gzip stream ends after {0} bytes, before its trailer")]
    Truncated(usize),
    /// A gzip stream that is damaged, or followed by something else.
    #[error("damaged gzip stream: {0}")]
    Corrupt(String),
    /// More than a limit allows.
    #[error("more than {limit} bytes {what}")]
    TooLarge {
        /// What there is too much of: "after inflating".
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The inflated content is not one JSON document, or is cut.
    #[error("not a JSON document: {what} at byte {at}")]
    NotJson {
        /// What is wrong.
        what: &'static str,
        /// Where in the inflated content.
        at: usize,
    },
    /// A document without an array of records: a digest file, another service's object.
    #[error("{0}")]
    NoRecords(&'static str),
    /// `Records` stands more than once, and nobody can say which one is meant.
    #[error("Records stands more than once")]
    RepeatedRecords,
}

impl Unreadable {
    /// The reason as the topic contract spells it.
    pub fn reason(&self) -> &'static str {
        match self {
            Unreadable::NotGzip => "not_gzip",
            Unreadable::Truncated(_) => "truncated",
            Unreadable::Corrupt(_) => "corrupt",
            Unreadable::TooLarge { .. } => "too_large",
            Unreadable::NotJson { .. } => "not_json",
            Unreadable::NoRecords(_) => "no_records",
            Unreadable::RepeatedRecords => "repeated_records",
        }
    }
}
