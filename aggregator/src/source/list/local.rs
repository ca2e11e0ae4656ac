//! A directory as a source. The tree may change, loop or refuse while it is walked. A place that cannot be looked at is a gap, which the
//! listing tells; it does not keep the others from being read.

#![expect(clippy::disallowed_methods, reason = "waits a moment for file descriptors, on a thread that may block")]

use super::{PAGE, Page, Trouble, skip};
use crate::progress::{Progress, Skip, Skipped};
use crate::source::{LogFile, Wanted};
use common::cloudtrail::source_object;
use common::failure::Class;
use common::store::{Content, StoreError};
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Names of one directory held at a time (a lot); a larger directory is read again for each further lot. A day of one account and
/// region has a few thousand files, so this is for trees that were flattened.
const LOT: usize = 32 * 1024;

/// Files that are read in one go: handing one to another thread costs more than reading a small one.
pub(in crate::source) const FILES_PER_READ: usize = 16;

/// Levels below the root. CloudTrail's own trees have ten.
const MAX_DEPTH: usize = 64;

/// How long one listing waits, all in all, for trouble that may pass (no file descriptors are left) before it makes a gap of it; the next
/// listing looks again.
const WAITS: Duration = Duration::from_secs(5);
/// One such wait.
const WAIT: Duration = Duration::from_millis(100);

/// A directory.
#[derive(Debug, Clone)]
pub struct LocalSource {
    root: PathBuf,
    /// The root's own path from `AWSLogs/` on, ending in `/`, when it lies inside such a tree; else empty.
    lead: String,
    lot: usize,
}

impl LocalSource {
    pub(in crate::source) fn open(root: &Path) -> Result<LocalSource, StoreError> {
        let shown = root.display().to_string();
        let absolute = root.canonicalize().map_err(|error| refused("open", &shown, &error))?;
        fs::read_dir(&absolute).map_err(|error| refused("list", &shown, &error))?;
        let path = absolute.to_str().unwrap_or_default();
        let lead = match source_object(&format!("{path}/")) {
            inside if inside.starts_with("AWSLogs/") => inside.to_owned(),
            _ => String::new(),
        };
        Ok(LocalSource { root: absolute, lead, lot: LOT })
    }

    #[cfg(test)]
    pub(super) fn with_lot(mut self, lot: usize) -> LocalSource {
        self.lot = lot;
        self
    }

    /// The name in messages and rows of the file at `path` below the root. An `AWSLogs/` below the root comes before one above it.
    pub fn name_of(&self, path: &str) -> String {
        match source_object(path) {
            own if own.starts_with("AWSLogs/") => own.to_owned(),
            own => format!("{}{own}", self.lead),
        }
    }

    pub(in crate::source) fn list(&self, progress: &Progress, pages: &mpsc::Sender<Page>) {
        let mut walk = Walk { source: self, stack: Vec::new(), skipped: Skipped::default(), gaps: Vec::new(), waits_left: WAITS };
        walk.enter(String::new());
        loop {
            let files: Vec<LogFile> = std::iter::from_fn(|| walk.next_file()).take(PAGE).collect();
            progress.raise_skipped(&walk.skipped);
            let is_end = files.is_empty();
            let gaps = walk.gaps.drain(..).map(|gap| Err(Trouble::Gap(gap)));
            for page in gaps.chain((!is_end).then_some(Ok(files))) {
                if pages.blocking_send(page).is_err() {
                    return;
                }
            }
            if is_end {
                return;
            }
        }
    }

    /// Reads files together on a thread that may block. Fewer answers than files only if that thread panics.
    pub(in crate::source) async fn read(&self, files: Vec<Wanted>) -> Vec<Result<Content, StoreError>> {
        let root = self.root.clone();
        let read = move || files.iter().map(|file| answer(&file.path, read(&root.join(&file.path), file.room))).collect();
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }
}

fn answer(path: &str, read: io::Result<Content>) -> Result<Content, StoreError> {
    match read {
        Err(error) if is_gone(&error) => Ok(Content::Gone),
        other => other.map_err(|error| refused("read", path, &error)),
    }
}

fn read(path: &Path, room: u64) -> io::Result<Content> {
    // Opening a pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Ok(Content::Gone);
    }
    let file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    if size > room {
        return Ok(Content::Larger(size));
    }
    // Of a file that grows while it is read, one byte more than the room shows it.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(room.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        read if read > room => Ok(Content::Larger(read)),
        _ => Ok(Content::Whole(bytes.into())),
    }
}

impl fmt::Display for LocalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root.display())
    }
}

/// Trouble with a local path, in the store's words.
fn refused(verb: &str, path: &str, error: &io::Error) -> StoreError {
    let class = match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::InvalidFilename => Class::Config,
        // No file descriptors, no memory, a network file system that does not answer: it may pass.
        _ => Class::Retry,
    };
    StoreError { class, what: format!("{verb} {path}"), why: error.to_string() }
}

/// Removed since its name was read.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

/// Links that lead to themselves (`ELOOP`, for which the standard library has no stable name).
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(if cfg!(target_os = "linux") { 40 } else { 62 })
}

/// A listing under way: the directories from the root to where we are.
struct Walk<'a> {
    source: &'a LocalSource,
    stack: Vec<Level>,
    skipped: Skipped,
    /// Not yet told.
    gaps: Vec<StoreError>,
    waits_left: Duration,
}

/// One directory being listed.
struct Level {
    /// Path below the root, empty or ending in `/`.
    path: String,
    /// Device and inode, by which a loop of symbolic links is recognized.
    id: (u64, u64),
    /// Names not yet looked at, in order; those of directories end in `/`, because that is how their keys sort.
    names: VecDeque<String>,
    /// The last name of the lots before, when there is more to read after `names`.
    after: Option<String>,
}

impl Walk<'_> {
    fn next_file(&mut self) -> Option<LogFile> {
        loop {
            let level = self.stack.last_mut()?;
            let Some(name) = level.names.pop_front() else {
                let level = self.stack.pop()?;
                if let Some(after) = level.after {
                    self.read_lot(level.path, level.id, Some(after));
                }
                continue;
            };
            let path = format!("{}{name}", level.path);
            if name.ends_with('/') {
                self.enter(path);
            } else if let Some(file) = self.look_at(path) {
                return Some(file);
            }
        }
    }

    /// Opens a directory below (or the root itself).
    fn enter(&mut self, path: String) {
        let id = match fs::metadata(self.source.root.join(&path)) {
            Ok(metadata) => (metadata.dev(), metadata.ino()),
            Err(error) => return self.leave_out(&path, &error),
        };
        if self.stack.len() >= MAX_DEPTH || self.stack.iter().any(|level| level.id == id) {
            return self.pass_over(Skip::Loop, &path, &"a directory inside itself");
        }
        self.read_lot(path, id, None);
    }

    /// Reads the next lot of names of a directory: the smallest ones after `after`.
    fn read_lot(&mut self, path: String, id: (u64, u64), after: Option<String>) {
        let smallest = loop {
            match self.smallest_names(&path, after.as_deref()) {
                Ok(smallest) => break smallest,
                Err(error) if refused("list", &path, &error).class == Class::Retry && !self.waits_left.is_zero() => {
                    self.waits_left = self.waits_left.saturating_sub(WAIT);
                    std::thread::sleep(WAIT);
                }
                Err(error) => return self.leave_out(&path, &error),
            }
        };
        let more = smallest.len() > self.source.lot;
        let mut names: VecDeque<String> = smallest.into_sorted_vec().into();
        names.truncate(self.source.lot);
        let after = if more { names.back().cloned() } else { None };
        self.stack.push(Level { path, id, names, after });
    }

    /// The smallest names after `after` in a directory: a lot, and one more if there are more.
    fn smallest_names(&mut self, path: &str, after: Option<&str>) -> io::Result<BinaryHeap<String>> {
        let mut smallest: BinaryHeap<String> = BinaryHeap::new();
        for entry in fs::read_dir(self.source.root.join(path))? {
            let entry = entry?;
            let Ok(mut name) = entry.file_name().into_string() else {
                if after.is_none() {
                    self.pass_over(Skip::UnfitName, &entry.path().display().to_string(), &"its name is not UTF-8");
                }
                continue;
            };
            match is_directory(&entry) {
                Ok(true) => name.push('/'),
                Ok(false) => {}
                Err(error) if is_gone(&error) => continue,
                Err(error) => {
                    self.leave_out(&format!("{path}{name}"), &error);
                    continue;
                }
            }
            if after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            smallest.push(name);
            if smallest.len() > self.source.lot + 1 {
                smallest.pop();
            }
        }
        Ok(smallest)
    }

    /// A file by its name; `None` when it is not for us.
    fn look_at(&mut self, path: String) -> Option<LogFile> {
        let name = self.source.name_of(&path);
        if let Some(kind) = skip(&name) {
            self.skipped.count(kind, &path);
            return None;
        }
        let full = self.source.root.join(&path);
        match fs::metadata(&full) {
            Ok(metadata) if metadata.is_file() => {
                return Some(LogFile { etag: tag(&metadata), size: metadata.len(), source_object: name, path });
            }
            Ok(_) => self.pass_over(Skip::Special, &path, &"it is neither a file nor a directory"),
            // The link is there, so it is what it points to that is not.
            Err(error) if is_gone(&error) && fs::symlink_metadata(&full).is_ok() => {
                self.pass_over(Skip::DanglingLink, &path, &error);
            }
            Err(error) if is_loop(&error) => self.pass_over(Skip::Loop, &path, &error),
            Err(error) => self.leave_out(&path, &error),
        }
        None
    }

    fn pass_over(&mut self, kind: Skip, path: &str, why: &dyn fmt::Display) {
        self.skipped.count(kind, path);
        tracing::debug!(path, kind = kind.as_str(), %why, "passed over");
    }

    /// A place that cannot be looked at is a gap in the listing, unless it was removed in the meantime. The root is never that.
    fn leave_out(&mut self, path: &str, error: &io::Error) {
        if path.is_empty() {
            self.gaps.push(refused("list", &self.source.to_string(), error));
        } else if !is_gone(error) {
            self.gaps.push(refused("list", path, error));
        }
    }
}

/// A link is what it points to; one that points nowhere is looked at as a file, and counted there.
fn is_directory(entry: &fs::DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    if !kind.is_symlink() {
        return Ok(kind.is_dir());
    }
    match fs::metadata(entry.path()) {
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(error) if is_gone(&error) || is_loop(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file has no entity tag; size and modification time change when it does.
fn tag(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{:x}-{:x}", metadata.len(), modified.as_nanos())
}
