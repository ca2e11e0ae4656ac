//! A local directory as a store, as strict as S3: an object is there whole or not at all, even after a power loss.
//!
//! put-if-absent is `link`, which POSIX lets fail with `EEXIST` atomically; an object is durable when its bytes, its name and every
//! directory above it are fsynced. All of it blocks, so all of it runs on tokio's blocking threads.

mod staged;
mod walk;

use super::{Answer, Entry, Objects, Put, StoreError};
use crate::failure::Class;
use crate::limits::MAX_OBJECT_BYTES;
use bytes::Bytes;
use staged::Staged;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, iter};
use walk::absent;

/// Directories remembered as durable; forgotten together beyond this, which costs a few fsyncs.
const MAX_REMEMBERED: usize = 10_000;

/// A local directory as a store.
#[derive(Debug, Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Directories whose names are known to be durable, so that they are fsynced once and not with every object.
    durable: Mutex<HashSet<PathBuf>>,
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.root.display())
    }
}

impl LocalStore {
    pub(super) async fn open(root: PathBuf) -> Result<LocalStore, StoreError> {
        let what = format!("open {}", root.display());
        blocking(what.clone(), move || {
            // Absolute, so that a later change of the working directory does not move the table.
            let root = std::path::absolute(&root)?;
            if !root.is_dir() {
                fs::create_dir_all(&root)?;
                // As far up as we may: a parent that is not ours to open was there before us.
                root.ancestors().skip(1).for_each(|above| drop(sync(above)));
            }
            staged::sweep(&root);
            Ok(LocalStore { inner: Arc::new(Inner { root, durable: Mutex::default() }) })
        })
        .await
        .map_err(|error| StoreError::new(Class::Config, what, error.why))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.inner.root.join(key)
    }
}

impl Objects for LocalStore {
    fn put_if_absent<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, Put> {
        let (inner, path) = (self.inner.clone(), self.path(key));
        Box::pin(blocking(format!("put {key} in {self}"), move || inner.put_if_absent(&path, &body)))
    }

    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, ()> {
        let (inner, path) = (self.inner.clone(), self.path(key));
        Box::pin(blocking(format!("put {key} in {self}"), move || inner.put(&path, &body)))
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>> {
        let path = self.path(key);
        Box::pin(blocking(format!("get {key} from {self}"), move || read(&path)))
    }

    fn head<'a>(&'a self, key: &'a str) -> Answer<'a, Option<u64>> {
        let path = self.path(key);
        Box::pin(blocking(format!("look for {key} in {self}"), move || match fs::metadata(&path) {
            Ok(is) => Ok(is.is_file().then_some(is.len())),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }))
    }

    fn list_after<'a>(&'a self, prefix: &'a str, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<Entry>> {
        let (inner, asked, after) = (self.inner.clone(), prefix.to_owned(), after.map(str::to_owned));
        Box::pin(blocking(format!("list {prefix} in {self}"), move || {
            Ok(walk::list(&inner.root, &asked, after.as_deref(), limit)?)
        }))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        let path = self.path(key);
        Box::pin(blocking(format!("delete {key} from {self}"), move || match fs::remove_file(&path) {
            Err(error) if !absent(&error) => Err(error.into()),
            _ => Ok(()),
        }))
    }
}

impl Inner {
    fn put_if_absent(&self, path: &Path, body: &[u8]) -> Result<Put, Trouble> {
        let directory = self.make_parent(path)?;
        // The common case of a late duplicate costs no write; `link` below is what decides.
        if !path.exists() {
            let staged = Staged::write(&self.root, body)?;
            match fs::hard_link(&staged.path, path) {
                Ok(()) => return sync(directory).map(|()| Put::Created),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.misplaced(error)),
            }
        }
        if path.is_dir() {
            return Err(io::Error::from(ErrorKind::IsADirectory).into());
        }
        // Whoever made it may have died before the name was durable, and our caller is about to build on it.
        sync(directory).map(|()| Put::Exists)
    }

    fn put(&self, path: &Path, body: &[u8]) -> Result<(), Trouble> {
        let directory = self.make_parent(path)?;
        let staged = Staged::write(&self.root, body)?;
        fs::rename(&staged.path, path).map_err(|error| self.misplaced(error))?;
        sync(directory)
    }

    /// A directory that vanished under us must not be believed in for ever: the next attempt makes it again.
    fn misplaced(&self, error: io::Error) -> Trouble {
        if error.kind() == ErrorKind::NotFound {
            self.remembered().clear();
        }
        error.into()
    }

    /// Makes the directories above `path`, each durable in its parent before anything is put below it.
    fn make_parent<'a>(&self, path: &'a Path) -> Result<&'a Path, Trouble> {
        let above: Vec<&Path> = path.ancestors().skip(1).take_while(|above| above.starts_with(&self.root)).collect();
        let parent = *above.first().ok_or(ErrorKind::InvalidInput)?;
        if self.remembered().contains(parent) {
            return Ok(parent);
        }
        for (directory, holder) in above.iter().rev().skip(1).zip(above.iter().rev()) {
            match fs::create_dir(directory) {
                // Made by somebody else, who may not have come to the fsync yet: so it is done here in any case.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Err(io::Error::from(ErrorKind::NotADirectory).into());
                }
                made => made?,
            }
            sync(holder)?;
        }
        let mut remembered = self.remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.extend(iter::once(parent.to_owned()));
        Ok(parent)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sync(directory: &Path) -> Result<(), Trouble> {
    File::open(directory).and_then(|file| file.sync_all()).map_err(Trouble::Sync)
}

fn read(path: &Path) -> Result<Option<Bytes>, Trouble> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is = file.metadata()?;
    if !is.is_file() {
        return Ok(None);
    }
    let mut body = Vec::with_capacity(usize::try_from(is.len().min(MAX_OBJECT_BYTES)).unwrap_or(0));
    // One byte more than is allowed tells a file that is too large, also one that grows while it is read.
    file.take(MAX_OBJECT_BYTES + 1).read_to_end(&mut body)?;
    if body.len() as u64 > MAX_OBJECT_BYTES {
        return Err(Trouble::TooLarge);
    }
    Ok(Some(body.into()))
}

/// What can go wrong here, by what it means for the caller.
enum Trouble {
    Io(io::Error),
    /// The name of an object was placed, but not known to be durable.
    Sync(io::Error),
    TooLarge,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Io(error)
    }
}

impl From<ErrorKind> for Trouble {
    fn from(kind: ErrorKind) -> Trouble {
        Trouble::Io(kind.into())
    }
}

impl Trouble {
    fn class(&self) -> Class {
        match self {
            Trouble::Io(error) => match error.kind() {
                ErrorKind::PermissionDenied
                | ErrorKind::ReadOnlyFilesystem
                | ErrorKind::NotADirectory
                | ErrorKind::IsADirectory
                | ErrorKind::InvalidFilename
                | ErrorKind::Unsupported => Class::Config,
                // A full disk, an interrupted call, too many open files: nothing was put, and it may pass.
                _ => Class::Retry,
            },
            Trouble::Sync(error) => match error.kind() {
                // Tried again, the put finds its own object and fsyncs again.
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::NotFound | ErrorKind::Interrupted => Class::Retry,
                // Linux reports a failed write-back once and then forgets it: trying again would "succeed" (fsync(2), EIO).
                _ => Class::Fatal,
            },
            Trouble::TooLarge => Class::Fatal,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Io(error) => match error.kind() {
                ErrorKind::PermissionDenied => {
                    write!(f, "{error}; the process needs to read and write there, on a file system with hard links")
                }
                ErrorKind::Unsupported => write!(f, "{error}; use a file system with hard links and fsync"),
                _ => error.fmt(f),
            },
            Trouble::Sync(error) => write!(f, "it is not known to be durable: {error}"),
            Trouble::TooLarge => write!(f, "it is larger than {MAX_OBJECT_BYTES} bytes"),
        }
    }
}

async fn blocking<T: Send + 'static>(
    what: String,
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(trouble)) => Err(StoreError::new(trouble.class(), what, trouble.to_string())),
        Err(error) => Err(StoreError::new(Class::Fatal, what, error.to_string())),
    }
}

#[cfg(test)]
mod tests;
