//! A database file appears whole or not at all: redb writes a new file's magic number last, so that a process which dies in
//! its first moments would leave a file that no later process can open.

use redb::Database;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes an empty database at `path` where nothing is: elsewhere first, then linked to its name. Of several that try at the same
/// time the first one's file stays.
///
/// # Errors
/// When the directory cannot be written.
pub fn make_whole(path: &Path) -> Result<(), redb::Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if path.try_exists()? {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    // Left by a process of the same id that died here.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    drop(Database::create(&new)?);
    let linked = std::fs::hard_link(&new, path);
    std::fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_opens_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.redb");
        make_whole(&path).expect("is made");
        drop(Database::open(&path).expect("opens"));
        assert_eq!(std::fs::read_dir(dir.path()).expect("reads").count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_left_as_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.redb");
        std::fs::write(&path, b"something").expect("is written");
        make_whole(&path).expect("nothing to do");
        assert_eq!(std::fs::read(&path).expect("reads"), b"something");
    }
}
