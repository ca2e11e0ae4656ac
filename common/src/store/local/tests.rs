//! What only the local store promises; the rest is in `common/tests/store_conformance.rs`.

use crate::failure::Class;
use crate::store::{Location, Put, Store};
use bytes::Bytes;
use std::fs;
use std::path::Path;

async fn open(root: &Path) -> Store {
    Store::open(&Location::Local(root.to_owned())).await.expect("a store")
}

#[tokio::test]
async fn a_put_leaves_nothing_behind_but_the_object() {
    let root = tempfile::tempdir().expect("a directory");
    let store = open(root.path()).await;
    assert_eq!(store.put_if_absent("data/d=1/a", Bytes::from_static(b"1")).await.expect("put"), Put::Created);
    assert_eq!(store.put_if_absent("data/d=1/a", Bytes::from_static(b"2")).await.expect("put"), Put::Exists);
    store.put("data/d=1/b", Bytes::from_static(b"3")).await.expect("put");
    assert_eq!(fs::read_dir(root.path().join(".tmp")).expect("listed").count(), 0);
    assert_eq!(fs::read(root.path().join("data/d=1/a")).expect("read"), b"1");
}

#[tokio::test]
async fn opening_removes_what_a_killed_process_left() {
    let root = tempfile::tempdir().expect("a directory");
    fs::create_dir(root.path().join(".tmp")).expect("made");
    fs::write(root.path().join(".tmp/dead"), "half").expect("written");
    open(root.path()).await;
    assert!(!root.path().join(".tmp/dead").exists());
}

#[tokio::test]
async fn a_root_that_is_only_read_gets_no_staging_directory() {
    let root = tempfile::tempdir().expect("a directory");
    let store = open(root.path()).await;
    assert_eq!(store.get("a").await.expect("asked"), None);
    assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 0);
}

#[tokio::test]
async fn a_root_that_is_a_file_is_a_matter_of_configuration() {
    let root = tempfile::tempdir().expect("a directory");
    let file = root.path().join("file");
    fs::write(&file, "x").expect("written");
    let error = Store::open(&Location::Local(file)).await.expect_err("refused");
    assert_eq!(error.class, Class::Config);
}

#[tokio::test]
async fn a_file_in_the_way_of_a_directory_is_told_and_not_retried() {
    let root = tempfile::tempdir().expect("a directory");
    let store = open(root.path()).await;
    store.put("a", Bytes::new()).await.expect("put");
    assert_eq!(store.put("a/b", Bytes::new()).await.expect_err("refused").class, Class::Config);
    assert_eq!(store.get("a/b").await.expect("asked"), None);
    store.put("c/d", Bytes::new()).await.expect("put");
    assert_eq!(store.put_if_absent("c", Bytes::new()).await.expect_err("refused").class, Class::Config);
    assert_eq!(store.get("c").await.expect("asked"), None);
    assert_eq!(store.head("c").await.expect("asked"), None);
}

#[tokio::test]
async fn directories_that_vanish_are_made_again() {
    let root = tempfile::tempdir().expect("a directory");
    let store = open(root.path()).await;
    store.put("data/a", Bytes::new()).await.expect("put");
    fs::remove_dir_all(root.path().join("data")).expect("removed");
    assert_eq!(store.put("data/b", Bytes::new()).await.expect_err("gone").class, Class::Retry);
    store.put("data/b", Bytes::new()).await.expect("put");
}

#[tokio::test]
async fn a_relative_root_stays_where_it_was() {
    let store = open(Path::new("src")).await;
    assert!(Path::new(&store.to_string()).is_absolute(), "{store}");
}
