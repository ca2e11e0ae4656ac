//! Files on their way into the store: written whole and made durable under `.tmp/` before they get their name.
//!
//! A writer holds a lock on its file for as long as it is at work; the system drops the lock when the process dies, however it dies.
//! So a file that nobody has locked is dead, and [`sweep`] may remove it, even while other processes write.

use crate::store::key::STAGING;
use crate::store::nonce;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A temporary file, whole and durable, without its final name. Dropping it removes the temporary name.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) path: PathBuf,
    /// Keeps the lock.
    _file: File,
}

impl Staged {
    /// Writes `body` to a new file below `root` and makes its bytes durable.
    pub(super) fn write(root: &Path, body: &[u8]) -> io::Result<Staged> {
        let directory = root.join(STAGING);
        fs::create_dir_all(&directory)?;
        let (path, mut file) = create_locked(&directory)?;
        let staged = |file| Staged { path, _file: file };
        match file.write_all(body).and_then(|()| file.sync_all()) {
            Ok(()) => Ok(staged(file)),
            Err(error) => {
                drop(staged(file));
                Err(error)
            }
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already after a rename; a name that stays is swept at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

fn create_locked(directory: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let path = directory.join(nonce::name());
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        match file.lock() {
            // A file system without locks: `sweep` cannot lock either and leaves everything alone.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok((path, file)),
            locked => locked?,
        }
        // Between create and lock a sweep may have come by. It holds the lock while it removes, so now the answer is final.
        if file.metadata()?.nlink() > 0 {
            return Ok((path, file));
        }
    }
}

/// Removes what killed processes left under `.tmp/`. Best effort: whatever cannot be opened, locked or removed stays.
pub(super) fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root.join(STAGING)) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if let Some(file) = is_file.then(|| File::open(entry.path()).ok()).flatten()
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> usize {
        fs::read_dir(root.join(STAGING)).map_or(0, Iterator::count)
    }

    #[test]
    fn a_file_in_the_making_survives_a_sweep_and_a_dead_one_does_not() {
        let root = tempfile::tempdir().expect("a directory");
        let alive = Staged::write(root.path(), b"alive").expect("staged");
        fs::write(root.path().join(STAGING).join("left-by-kill-9"), b"half").expect("written");
        sweep(root.path());
        assert_eq!(fs::read(&alive.path).expect("still there"), b"alive");
        assert_eq!(names(root.path()), 1);
        drop(alive);
        assert_eq!(names(root.path()), 0);
    }

    #[test]
    fn writers_and_sweepers_do_not_disturb_each_other() {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path();
        std::thread::scope(|threads| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    threads.spawn(move || {
                        for round in 0..50 {
                            let body = format!("{writer}/{round}");
                            let staged = Staged::write(path, body.as_bytes()).expect("staged");
                            assert_eq!(fs::read(&staged.path).expect("there"), body.as_bytes());
                        }
                    })
                })
                .collect();
            threads.spawn(move || {
                while !writers.iter().all(|writer| writer.is_finished()) {
                    sweep(path);
                }
            });
        });
        assert_eq!(names(path), 0);
    }
}
