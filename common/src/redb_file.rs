//! A redb database in a file of its own, as the embedded log and the aggregator keep one.
//!
//! redb writes the magic number of a new file last, so a process that dies while it creates one would leave a file that no
//! later process can open. Here the file appears under its name only once it is a whole, empty database.

use redb::Database;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Opens the database at `path` with a page cache of `cache_bytes`. Creates it, and the directories above it, where nothing is.
///
/// # Errors
/// [`redb::Error::DatabaseAlreadyOpen`] while another process has it open; any other when the file or its directory cannot be used.
pub fn open(path: &Path, cache_bytes: usize) -> Result<Database, redb::Error> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    create(path)?;
    let database = Database::builder().set_cache_size(cache_bytes).create(path)?;
    // The file's name must survive a power cut as its content does.
    File::open(directory)?.sync_all()?;
    Ok(database)
}

/// Makes an empty database under another name, then links it to `path`. Of several processes that do so at the same time the
/// first one's file stays.
fn create(path: &Path) -> Result<(), redb::Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if path.try_exists()? {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    // Left by a process of the same id that died here.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    drop(Database::create(&new)?);
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CACHE: usize = 1 << 20;

    #[test]
    fn a_new_file_opens_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("deep/x.redb");
        drop(open(&path, CACHE).expect("is created"));
        drop(open(&path, CACHE).expect("is opened again"));
        assert_eq!(fs::read_dir(dir.path().join("deep")).expect("reads").count(), 1);
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.redb");
        fs::write(&path, b"something").expect("is written");
        assert!(open(&path, CACHE).is_err());
        assert_eq!(fs::read(&path).expect("reads"), b"something");
    }
}
