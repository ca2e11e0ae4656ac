//! A directory, walked one directory at a time in whatever order the system gives. The tree may change, loop or refuse meanwhile: whatever
//! is not seen is named.

use super::shape::from_tree;
use super::{Found, Object, PAGE, Page};
use common::failure::Class;
use common::store::{Content, StoreError};
use std::fmt;
use std::fs::{self, DirEntry, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Levels below the root that are walked: CloudTrail's own trees have ten.
const MAX_DEPTH: usize = 256;

/// A directory.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    root: PathBuf,
    /// The root's own path from `AWSLogs/` on, ending in `/`, where it lies inside such a tree; else empty.
    lead: String,
}

impl Directory {
    pub(super) fn open(root: &Path) -> Result<Directory, StoreError> {
        let refused = |error: io::Error| refused(&format!("list {}", root.display()), &error);
        let absolute = root.canonicalize().map_err(refused)?;
        fs::read_dir(&absolute).map_err(refused)?;
        let lead = absolute.to_str().and_then(|path| from_tree(&format!("{path}/")).map(str::to_owned)).unwrap_or_default();
        Ok(Directory { root: absolute, lead })
    }

    pub(super) fn list(&self, pages: &mpsc::Sender<Page>) {
        let mut page = Vec::with_capacity(PAGE);
        let mut walk = Walk { directory: self, pending: vec![Pending { path: PathBuf::new(), above: None, depth: 0 }] };
        let mut send = |found: Found| {
            page.push(found);
            page.len() < PAGE || pages.blocking_send(Ok(std::mem::replace(&mut page, Vec::with_capacity(PAGE)))).is_ok()
        };
        while let Some(next) = walk.pending.pop() {
            if !walk.enter(next, &mut send) {
                return;
            }
        }
        // Whoever no longer listens needs no rest.
        let _ = pages.blocking_send(Ok(page));
    }

    pub(super) async fn get(&self, path: String, room: u64) -> Result<Content, StoreError> {
        let whole = self.root.join(&path);
        let what = format!("read {path}");
        let read = tokio::task::spawn_blocking(move || read(&whole, room)).await;
        match read {
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(Content::Gone),
            Ok(content) => content.map_err(|error| refused(&what, &error)),
            Err(panic) => Err(StoreError { class: Class::Fatal, what, why: panic.to_string() }),
        }
    }

    /// The name in the table of what lies at a path below the root. An `AWSLogs/` below the root goes before one above it.
    fn name_of(&self, path: &str) -> String {
        from_tree(path).map_or_else(|| format!("{}{path}", self.lead), str::to_owned)
    }
}

fn refused(what: &str, error: &io::Error) -> StoreError {
    StoreError { class: Class::Config, what: what.to_owned(), why: error.to_string() }
}

fn read(path: &Path, room: u64) -> io::Result<Content> {
    // Opening a pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    // One byte more than there is room for shows what has grown.
    file.take(room.saturating_add(1)).read_to_end(&mut bytes)?;
    let size = bytes.len() as u64;
    Ok(if size > room { Content::Larger(size) } else { Content::Whole(bytes.into()) })
}

/// A directory that is still to be read.
struct Pending {
    /// Below the root.
    path: PathBuf,
    above: Option<Arc<Above>>,
    depth: usize,
}

/// The directories that one lies in, by device and inode: a link back to one of them is a loop.
struct Above {
    id: (u64, u64),
    above: Option<Arc<Above>>,
}

struct Walk<'a> {
    directory: &'a Directory,
    pending: Vec<Pending>,
}

impl Walk<'_> {
    /// Reads one directory; false when nobody listens any more.
    fn enter(&mut self, next: Pending, send: &mut impl FnMut(Found) -> bool) -> bool {
        let whole = self.directory.root.join(&next.path);
        let trouble = |error: &io::Error| trouble(&next.path, &error.to_string());
        let (id, entries) = match fs::metadata(&whole).and_then(|is| Ok(((is.dev(), is.ino()), fs::read_dir(&whole)?))) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::NotFound && next.depth > 0 => return true,
            Err(error) => return send(trouble(&error)),
        };
        let mut above = next.above.as_ref();
        while let Some(at) = above {
            if at.id == id {
                return send(Found::Loop);
            }
            above = at.above.as_ref();
        }
        if next.depth > MAX_DEPTH {
            return send(self::trouble(&next.path, "too deep to be a tree of log files"));
        }
        let here = Arc::new(Above { id, above: next.above.clone() });
        for entry in entries {
            let goes_on = match entry {
                Ok(entry) => self.look_at(&entry, &next, &here, send),
                Err(error) => return send(trouble(&error)),
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn look_at(&mut self, entry: &DirEntry, parent: &Pending, above: &Arc<Above>, send: &mut impl FnMut(Found) -> bool) -> bool {
        let path = parent.path.join(entry.file_name());
        let Some(text) = path.to_str().map(str::to_owned) else { return send(trouble(&path, "its name is not UTF-8")) };
        // A link is what it leads to.
        match fs::metadata(entry.path()) {
            Ok(is) if is.is_dir() => {
                self.pending.push(Pending { path, above: Some(Arc::clone(above)), depth: parent.depth + 1 });
                true
            }
            Ok(is) if is.is_file() => send(self.object(text, &is)),
            Ok(_) => send(trouble(&path, "neither a file nor a directory")),
            // Deleted since; a link to nowhere is still there.
            Err(error) if error.kind() == ErrorKind::NotFound && fs::symlink_metadata(entry.path()).is_err() => true,
            Err(error) => send(trouble(&path, &error.to_string())),
        }
    }

    fn object(&self, path: String, is: &Metadata) -> Found {
        Found::Object(Object { name: self.directory.name_of(&path), size: is.len(), path })
    }
}

fn trouble(path: &Path, why: &str) -> Found {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Found::Trouble { path: path.display().to_string(), why: why.to_owned() }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root.display())
    }
}

#[cfg(test)]
mod tests;
