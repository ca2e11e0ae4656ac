//! Listing a directory tree in the byte order of full keys, as S3 lists a bucket; only the directories on the way are held in memory.

use crate::store::Entry;
use crate::store::key::STAGING;
use crate::store::wanted::Wanted;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The first `limit` files below `root` with this prefix, after `after`. Files only: links to files are followed, links to directories are
/// not (they may form rings), everything else is left out.
pub(super) fn list(root: &Path, prefix: &str, after: Option<&str>, limit: usize) -> io::Result<Vec<Entry>> {
    let wanted = Wanted::new(prefix, after, limit);
    let mut found = Vec::new();
    if limit > 0 {
        walk(root, wanted.start(), &wanted, &mut found)?;
    }
    Ok(found)
}

/// `directory` is empty or ends in `/`.
fn walk(root: &Path, directory: &str, wanted: &Wanted<'_>, found: &mut Vec<Entry>) -> io::Result<()> {
    for key in names(root, directory, wanted)? {
        if key.ends_with('/') {
            walk(root, &key, wanted, found)?;
        } else {
            found.extend(entry(root, key)?);
        }
        if found.len() >= wanted.limit {
            break;
        }
    }
    Ok(())
}

/// The keys in one directory that matter, sorted; those of directories with a `/` at the end.
fn names(root: &Path, directory: &str, wanted: &Wanted<'_>) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(root.join(directory)) {
        Ok(entries) => entries,
        Err(error) if absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(key) = key_of(&entry, directory)?
            && (if key.ends_with('/') { wanted.may_hold(&key) } else { wanted.has(&key) })
        {
            keys.push(key);
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

fn key_of(entry: &DirEntry, directory: &str) -> io::Result<Option<String>> {
    let name = entry.file_name();
    let Some(name) = name.to_str() else {
        tracing::warn!(path = ?entry.path(), "left out of the listing: its name is not UTF-8");
        return Ok(None);
    };
    if directory.is_empty() && name == STAGING {
        return Ok(None);
    }
    let slash = if entry.file_type()?.is_dir() { "/" } else { "" };
    Ok(Some(format!("{directory}{name}{slash}")))
}

fn entry(root: &Path, key: String) -> io::Result<Option<Entry>> {
    match fs::metadata(root.join(&key)) {
        Ok(is) if is.is_file() => {
            let etag = format!("{:x}-{:x}.{:09}", is.len(), is.mtime(), is.mtime_nsec());
            Ok(Some(Entry { key, size: is.len(), etag }))
        }
        Ok(_) => Ok(None),
        // Removed since it was listed, or a link to nowhere.
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Answers of the file system that mean "no such object": also a path through a file, which in S3 is a key like any other.
pub(super) fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory)
}

#[cfg(test)]
mod tests {
    use super::list;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::fs;

    fn keys(root: &std::path::Path, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        list(root, prefix, after, limit).expect("a listing").into_iter().map(|entry| entry.key).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_tree_is_listed_like_a_sorted_set_of_keys(
            names in prop::collection::btree_set("[ab.0=]{1,2}(/[ab.0=]{1,2}){0,3}", 0..25),
            prefix in "([ab.0]{1,2}/?){0,2}",
            after in prop::option::of("[ab.0]{1,2}(/[ab.0]{1,2}){0,2}"),
            limit in 0_usize..9,
        ) {
            let root = tempfile::tempdir().expect("a directory");
            let mut expect = BTreeSet::new();
            for name in names.iter().filter(|name| !name.split('/').any(|segment| matches!(segment, "." | ".."))) {
                let path = root.path().join(name);
                // A directory may be in the way of a file and the other way round.
                if path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok()) && fs::write(&path, name).is_ok() {
                    expect.insert(name.clone());
                }
            }
            prop_assume!(!prefix.split('/').any(|segment| matches!(segment, "." | "..")));
            let expect: Vec<String> = expect
                .into_iter()
                .filter(|key| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| key > after))
                .take(limit)
                .collect();
            prop_assert_eq!(keys(root.path(), &prefix, after.as_deref(), limit), expect);
        }
    }

    #[test]
    fn rings_of_links_and_unfinished_files_are_left_out() {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join(".tmp")).expect("made");
        fs::write(root.path().join(".tmp/x"), "half").expect("written");
        fs::write(root.path().join("a"), "a").expect("written");
        std::os::unix::fs::symlink(root.path(), root.path().join("ring")).expect("linked");
        std::os::unix::fs::symlink("nowhere", root.path().join("dangling")).expect("linked");
        std::os::unix::fs::symlink("a", root.path().join("b")).expect("linked");
        assert_eq!(keys(root.path(), "", None, 9), ["a", "b"]);
        assert_eq!(keys(root.path(), ".tm", None, 9), Vec::<String>::new());
    }
}
