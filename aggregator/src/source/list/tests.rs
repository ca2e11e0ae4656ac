//! Listings of trees that behave and of trees that do not.

use super::*;
use crate::progress::Progress;
use crate::source::{Source, Wanted};
use bytes::Bytes;
use common::store::{Content, Location};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

fn write(root: &Path, path: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"content").unwrap();
}

async fn list(source: &Source) -> (Vec<LogFile>, Arc<Progress>) {
    let progress = Arc::new(Progress::default());
    let mut pages = source.list(Arc::clone(&progress), None);
    let mut files = Vec::new();
    while let Some(page) = pages.recv().await {
        files.extend(page.unwrap());
    }
    (files, progress)
}

fn local(root: &Path) -> LocalSource {
    LocalSource::open(root).unwrap()
}

fn paths(files: &[LogFile]) -> Vec<&str> {
    files.iter().map(|file| file.path.as_str()).collect()
}

#[tokio::test]
async fn files_come_in_the_byte_order_of_their_whole_paths() {
    let dir = tempfile::tempdir().unwrap();
    // As keys, '-' < '.' < '/' < '0': a directory sorts by the slash after its name.
    for path in ["a/z.json.gz", "a-b.json.gz", "a.json.gz", "a0.json.gz", "a/b/c.json.gz", "B.json.gz", "é.json.gz"] {
        write(dir.path(), path);
    }
    let mut expect = ["a/z.json.gz", "a-b.json.gz", "a.json.gz", "a0.json.gz", "a/b/c.json.gz", "B.json.gz", "é.json.gz"];
    expect.sort_unstable();
    // A lot of one name: every directory is read again and again, with the same outcome.
    for lot in [1, 2, 1000] {
        let (files, _) = list(&Source::Local(local(dir.path()).with_lot(lot))).await;
        assert_eq!(paths(&files), expect, "lot {lot}");
    }
}

#[tokio::test]
async fn what_is_not_a_log_file_is_counted_by_kind() {
    let dir = tempfile::tempdir().unwrap();
    let tree = "in/AWSLogs/111122223333";
    write(dir.path(), &format!("{tree}/CloudTrail/us-east-1/2023/07/10/a.json.gz"));
    write(dir.path(), &format!("{tree}/CloudTrail-Digest/us-east-1/2023/07/10/a.json.gz"));
    write(dir.path(), &format!("{tree}/Config/us-east-1/a.json.gz"));
    write(dir.path(), "README.md");
    write(dir.path(), "b.json");
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff.json.gz")), b"x").unwrap();
    symlink(dir.path(), dir.path().join("in/loop")).unwrap();
    symlink("/no/such/target", dir.path().join("dangling.json.gz")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s.json.gz")).unwrap();

    let (files, progress) = list(&Source::open(&Location::Local(dir.path().to_owned())).await.unwrap()).await;
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].source_object, "AWSLogs/111122223333/CloudTrail/us-east-1/2023/07/10/a.json.gz");
    assert_eq!((files[0].size, files[0].path.starts_with("in/AWSLogs/")), (7, true));
    let expect = [
        ("digest", 1),
        ("other_folder", 1),
        ("other_name", 2),
        ("unfit_name", 1),
        ("special", 1),
        ("loop", 1),
        ("dangling_link", 1),
    ];
    let notes = progress.summary().notes;
    for (reason, count) in expect {
        let note = notes.iter().find(|note| note.reason == reason).unwrap();
        assert_eq!((note.count, note.examples.is_empty()), (count, false), "{reason}");
    }
    assert_eq!(notes.len(), expect.len());
}

#[tokio::test]
async fn links_to_files_and_directories_are_followed() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(other.path(), "x/a.json.gz");
    symlink(other.path().join("x"), dir.path().join("d")).unwrap();
    symlink(other.path().join("x/a.json.gz"), dir.path().join("e.json.gz")).unwrap();
    let (files, _) = list(&Source::Local(local(dir.path()))).await;
    assert_eq!(paths(&files), ["d/a.json.gz", "e.json.gz"]);
}

#[tokio::test]
async fn a_root_inside_a_tree_gives_the_same_names_as_one_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let object = "AWSLogs/111122223333/CloudTrail/us-east-1/2023/07/10/a.json.gz";
    write(dir.path(), object);
    for root in ["", "AWSLogs", "AWSLogs/111122223333/CloudTrail/us-east-1"] {
        let (files, _) = list(&Source::Local(local(&dir.path().join(root)))).await;
        assert_eq!(files.len(), 1, "{root}");
        assert_eq!(files[0].source_object, object, "{root}");
    }
    write(dir.path(), "loose/b.json.gz");
    let (files, _) = list(&Source::Local(local(dir.path()))).await;
    assert_eq!(files[1].source_object, "loose/b.json.gz");
}

#[tokio::test]
async fn a_fingerprint_changes_with_path_and_content_only() {
    let file = LogFile { path: "a".into(), etag: "1".into(), size: 1, source_object: "x".into() };
    let same = LogFile { size: 2, source_object: "y".into(), ..file.clone() };
    assert_eq!(file.fingerprint(), same.fingerprint());
    assert_ne!(file.fingerprint(), LogFile { etag: "2".into(), ..file.clone() }.fingerprint());
    assert_ne!(file.fingerprint(), LogFile { path: "b".into(), ..file.clone() }.fingerprint());
}

#[tokio::test]
async fn files_are_read_whole_and_each_of_a_batch_has_its_own_answer() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.json.gz");
    write(dir.path(), "d/b.json.gz");
    let source = Source::Local(local(dir.path()));
    let (files, _) = list(&source).await;
    assert_eq!(source.get(&files[1]).await.unwrap(), Content::Whole(Bytes::from_static(b"content")));
    fs::remove_file(dir.path().join("d/b.json.gz")).unwrap();
    let wanted = |path: &str, room| Wanted { path: path.into(), room };
    let wanted = vec![wanted("a.json.gz", 7), wanted("a.json.gz", 6), wanted("d/b.json.gz", 7), wanted("d", 7)];
    let answers: Vec<Content> = source.read(wanted).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [Content::Whole(Bytes::from_static(b"content")), Content::Larger(7), Content::Gone, Content::Gone]);
}

#[tokio::test]
async fn a_root_that_goes_away_is_a_gap_and_not_an_empty_tree() {
    let dir = tempfile::tempdir().unwrap();
    let source = Source::Local(local(dir.path()));
    dir.close().unwrap();
    let mut pages = source.list(Arc::default(), None);
    assert!(matches!(pages.recv().await, Some(Err(Trouble::Gap(_)))));
    assert!(pages.recv().await.is_none());
}

#[tokio::test]
async fn a_root_that_is_not_there_is_a_config_error_naming_it() {
    let error = Source::open(&Location::Local("/no/such/root".into())).await.unwrap_err();
    assert_eq!(error.class, common::failure::Class::Config);
    assert!(error.to_string().contains("/no/such/root"), "{error}");
}
