//! The table: messages in, rows in typed columns, Parquet files out. Pure: arrow and parquet, nothing that waits.
//!
//! ```text
//!   message ──decode──▶ values ──append──▶ Rows: the rows of each directory ──take_chunk──▶ FileWriter: columns, in order ──▶ file
//!      └─ does not decode, or is not ours ──▶ a row of rejected/
//! ```
//!
//! Read in this order:
//!
//! 1. [`RowKind`]: the three kinds of rows; [`schema`]: their columns and field ids; [`structs`]: the objects taken apart;
//! 2. [`take_apart`], [`decode`]: from the bytes of a message to its values, whoever wrote it; `quick`: the same in one
//!    pass for what the aggregator writes, and nothing else; `span`: how a value is noted down;
//! 3. [`layout`]: which directory a row belongs to;
//! 4. [`rows`], [`pending`]: rows kept as they came until they are written, and the digest that fixes them ([`digest`]);
//! 5. `calls` (their order), `column`, `properties`, [`footer`], [`file`]: the columns and the Parquet file.

mod calls;
mod column;
pub mod decode;
pub mod digest;
pub mod file;
pub mod footer;
pub mod layout;
pub mod pending;
mod prefetch;
mod properties;
mod quick;
pub mod row_kind;
pub mod rows;
pub mod schema;
mod span;
mod strings;
pub(crate) mod structs;
pub mod take_apart;

pub use digest::{RowsDigest, rows_digest_of_file};
pub use file::{FileError, FileWriter};
pub use footer::Footer;
pub use layout::{LAYOUT_VERSION, Layout};
pub use pending::Pending;
pub use row_kind::{LogFileStatus, RowKind};
pub use rows::{Chunk, Part, Rows};
pub use schema::SCHEMA_VERSION;
