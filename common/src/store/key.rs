//! Which keys are valid: every store refuses the same ones, so that a table can move from one store to another and no key leaves its root.

use super::StoreError;
use crate::failure::Class;

/// Where the local store keeps files that are being written; no key starts with it, on any store.
pub(super) const STAGING: &str = ".tmp";

/// S3's bound on a key, in bytes; the prefix of the location counts too, which S3 itself checks.
const MAX_BYTES: usize = 1024;

/// Refuses keys that a directory could not hold or that would leave the root. Such a key is a mistake of the code, not of the operator.
pub(super) fn check(key: &str) -> Result<(), StoreError> {
    let why = if key.is_empty() || key.split('/').any(str::is_empty) {
        "a key has no empty segments"
    } else if key.split('/').any(|segment| matches!(segment, "." | "..")) {
        "a key has no segments '.' and '..'"
    } else if key.split('/').next() == Some(STAGING) {
        "the first segment '.tmp' is kept for files that are being written"
    } else if key.chars().any(char::is_control) {
        // S3 answers listings in XML 1.0, which cannot say most of them.
        "a key has no control characters"
    } else if key.len() > MAX_BYTES {
        "a key has at most 1024 bytes"
    } else {
        return Ok(());
    };
    Err(StoreError::new(Class::Fatal, format!("use the key {key:?}"), why))
}

/// Checks the prefix of a listing: any start of a legal key, the empty one included.
pub(super) fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    match prefix.rsplit_once('/') {
        Some((directory, _)) => check(directory),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{check, check_prefix};

    #[test]
    fn legal_keys_may_look_strange() {
        for key in ["a", "data/event_date=2026-11-22/x y+z%20.parquet", "_log/ü/日本", "a/.tmp/b", ".tmpx", "...", "a.b"] {
            assert!(check(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn keys_that_leave_the_root_or_hide_in_it_are_refused() {
        for key in ["", "/", "/etc/passwd", "a/", "a//b", "..", "a/../b", "./a", "a/.", ".tmp", ".tmp/x", "a\0b", "a\nb"] {
            assert!(check(key).is_err(), "{key:?}");
        }
        assert!(check(&"x".repeat(1024)).is_ok());
        assert!(check(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn a_prefix_is_any_start_of_a_legal_key() {
        for prefix in ["", "a", "a/", "a/b", "a/..x", ".tm"] {
            assert!(check_prefix(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["/", "../", "a//", ".tmp/", "a/../b"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
    }
}
