//! The Parquet table: decoded messages in, rows in typed columns, files out, and what puts them.
//!
//! ```text
//!   message ──decode──▶ Rows: the rows of each directory ──take_chunk──▶ FileWriter: columns, in order ──▶ file ──▶ store
//!      └─ does not decode, or is not ours ──▶ a row of rejected/
//! ```
//!
//! Read in this order:
//!
//! 1. [`schema`]: the columns of each kind of rows and their field ids; [`layout`]: which directory a row belongs to;
//! 2. [`rows`], [`pending`]: rows kept as they came until they are written, and the digest that fixes them ([`digest`]);
//! 3. `sort_keys` (their order), `column`, `strings`, `properties`, [`footer`], [`mod@file`]: the columns and the Parquet file;
//! 4. [`batch`]: the files of one batch; with the feature `engine`, [`effects`] and `encode`: the store and the encoder threads.

pub mod batch;
mod column;
pub mod digest;
#[cfg(feature = "engine")]
pub mod effects;
#[cfg(feature = "services")]
pub(crate) mod encode;
mod error;
pub mod file;
pub mod footer;
pub mod layout;
pub mod pending;
mod prefetch;
mod properties;
pub mod rows;
pub mod schema;
mod sort_keys;
mod strings;

pub use batch::File;
pub use digest::{RowsDigest, rows_digest_of_file};
pub use error::FileError;
pub use file::FileWriter;
pub use footer::Footer;
pub use layout::{LAYOUT_VERSION, Layout};
pub use pending::Pending;
pub use rows::{Chunk, Part, Rows};
pub use schema::SCHEMA_VERSION;
