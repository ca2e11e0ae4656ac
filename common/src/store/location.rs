//! (stub until the store branch lands)
use std::path::PathBuf;
/// Where a tree of objects lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A directory.
    Local(PathBuf),
    /// A bucket.
    S3 {
        /// Bucket.
        bucket: String,
        /// Prefix.
        prefix: String,
    },
}
impl std::str::FromStr for Location {
    type Err = String;
    fn from_str(text: &str) -> Result<Location, String> {
        match text.strip_prefix("s3://") {
            Some(rest) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                Ok(Location::S3 { bucket: bucket.into(), prefix: prefix.into() })
            }
            None => Ok(Location::Local(text.into())),
        }
    }
}
