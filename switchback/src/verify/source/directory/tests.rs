use super::*;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

fn write(root: &Path, path: &str) {
    fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
    fs::write(root.join(path), b"content").unwrap();
}

fn list(root: &Path) -> Vec<Found> {
    let directory = Directory::open(root).unwrap();
    let (pages, mut receiver) = mpsc::channel(64);
    directory.list(&pages);
    drop(pages);
    std::iter::from_fn(|| receiver.blocking_recv()).flat_map(Result::unwrap).collect()
}

fn names(found: &[Found]) -> BTreeSet<&str> {
    let objects = found.iter().filter_map(|found| if let Found::Object(object) = found { Some(object) } else { None });
    objects.map(|object| object.name.as_str()).collect()
}

#[test]
fn everything_is_listed_and_what_cannot_be_seen_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let many: Vec<String> = (0..2 * PAGE).map(|n| format!("AWSLogs/1/CloudTrail/{n}.json.gz")).collect();
    many.iter().for_each(|path| write(root, path));
    write(root, "README.md");
    symlink(root, root.join("AWSLogs/up")).unwrap();
    symlink(root.join("README.md"), root.join("link")).unwrap();
    symlink("/no/such/target", root.join("dangling.json.gz")).unwrap();
    symlink("ring", root.join("ring")).unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"\xff.json.gz")), b"x").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();

    let found = list(root);
    let expect: BTreeSet<&str> = many.iter().map(String::as_str).chain(["README.md", "link"]).collect();
    assert_eq!(names(&found), expect);
    assert_eq!(found.iter().filter(|found| **found == Found::Loop).count(), 1);
    let mut troubles: Vec<String> = found
        .iter()
        .filter_map(|found| if let Found::Trouble { path, why } = found { Some(format!("{path}: {why}")) } else { None })
        .collect();
    troubles.sort();
    let expect =
        ["dangling.json.gz: No such file", "ring: Too many levels", "socket: neither a file", "\u{fffd}.json.gz: its name"];
    assert_eq!(troubles.len(), expect.len(), "{troubles:?}");
    assert!(troubles.iter().zip(expect).all(|(told, expect)| told.starts_with(expect)), "{troubles:?}");
}

#[test]
fn a_root_inside_a_tree_gives_the_same_names_as_one_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let object = "AWSLogs/111122223333/CloudTrail/us-east-1/2023/07/10/a.json.gz";
    write(dir.path(), object);
    for root in ["", "AWSLogs", "AWSLogs/111122223333/CloudTrail/us-east-1"] {
        assert_eq!(names(&list(&dir.path().join(root))), [object].into(), "{root}");
    }
    write(dir.path(), "copy/AWSLogs/1/x");
    write(dir.path(), "loose/b.json.gz");
    assert_eq!(names(&list(dir.path())), [object, "AWSLogs/1/x", "loose/b.json.gz"].into());
}

#[tokio::test]
async fn an_object_is_read_within_its_room() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a");
    let directory = Directory::open(dir.path()).unwrap();
    assert_eq!(directory.get("a".into(), 7).await.unwrap(), Content::Whole("content".into()));
    assert_eq!(directory.get("a".into(), 6).await.unwrap(), Content::Larger(7));
    assert_eq!(directory.get("b".into(), 6).await.unwrap(), Content::Gone);
    assert!(directory.get(".".into(), 6).await.is_err());
}
