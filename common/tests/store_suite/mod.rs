//! The promises of a store, as checks that any implementation can be held to: the real ones by `common/tests/store_conformance.rs`,
//! the simulated one by `tests/sim/tests/store_conformance.rs`.

use bytes::Bytes;
use common::failure::Class;
use common::store::retry::with_retry;
use common::store::{Content, Put, Store, StoreError};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(60);

type Check = fn(Store) -> Pin<Box<dyn Future<Output = ()>>>;

const CHECKS: &[(&str, Check)] = &[
    ("what is not there is none", |store| Box::pin(what_is_not_there_is_none(store))),
    ("a put is read back and replaced", |store| Box::pin(a_put_is_read_back_and_replaced(store))),
    ("the second put-if-absent is refused", |store| Box::pin(the_second_put_if_absent_is_refused(store))),
    ("of racing puts one wins and its bytes stay", |store| Box::pin(of_racing_puts_one_wins(store))),
    ("a listing is in key order and starts after", |store| Box::pin(a_listing_is_in_key_order(store))),
    ("any listing is that of a sorted set", |store| Box::pin(any_listing_is_that_of_a_sorted_set(store))),
    ("a listing pages through more than 1000 keys", |store| Box::pin(a_listing_pages(store))),
    ("strange but legal keys come back as they were", |store| Box::pin(strange_but_legal_keys(store))),
    ("an empty object is an object", |store| Box::pin(an_empty_object_is_an_object(store))),
    ("what has outgrown its room is told apart", |store| Box::pin(what_has_outgrown_its_room(store))),
    ("a large object comes back whole", |store| Box::pin(a_large_object_comes_back_whole(store))),
    ("refused keys reach no store", |store| Box::pin(refused_keys_reach_no_store(store))),
    ("a deleted object is gone", |store| Box::pin(a_deleted_object_is_gone(store))),
    ("the probe passes and leaves nothing", |store| Box::pin(the_probe_passes_and_leaves_nothing(store))),
    ("entries tell size and a tag that changes", |store| Box::pin(entries_tell_size_and_a_tag(store))),
];

/// Runs every check, each on a store of its own, empty: `open` makes it from the check's number.
pub(crate) async fn run_all(open: impl AsyncFn(usize) -> Store) {
    for (number, (name, check)) in CHECKS.iter().enumerate() {
        let store = open(number).await;
        println!("{name} ({store})");
        check(store).await;
    }
}

async fn put(store: &Store, key: &str, body: &[u8]) {
    let body = Bytes::copy_from_slice(body);
    with_retry(PATIENCE, || store.put(key, body.clone())).await.expect("put");
}

async fn put_if_absent(store: &Store, key: &str, body: &[u8]) -> Put {
    let body = Bytes::copy_from_slice(body);
    with_retry(PATIENCE, || store.put_if_absent(key, body.clone())).await.expect("a definite answer")
}

async fn get(store: &Store, key: &str) -> Option<Bytes> {
    store.get(key).await.expect("an answer")
}

async fn head(store: &Store, key: &str) -> Option<u64> {
    store.head(key).await.expect("an answer")
}

async fn keys(store: &Store, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let entries = store.list_after(prefix, after, limit).await.expect("a listing");
    entries.into_iter().map(|entry| entry.key).collect()
}

async fn what_is_not_there_is_none(store: Store) {
    assert_eq!(get(&store, "a/b").await, None);
    assert_eq!(head(&store, "a/b").await, None);
    assert_eq!(keys(&store, "", None, 10).await, [""; 0]);
    put(&store, "a/b/c", b"x").await;
    assert_eq!(get(&store, "a/b").await, None, "the start of a key is not an object");
    assert_eq!(head(&store, "a/b").await, None, "the start of a key is not an object");
}

async fn a_put_is_read_back_and_replaced(store: Store) {
    for body in ["first", "a longer second", ""] {
        put(&store, "a/b", body.as_bytes()).await;
        assert_eq!(get(&store, "a/b").await, Some(Bytes::from(body)));
        assert_eq!(head(&store, "a/b").await, Some(body.len() as u64));
    }
}

async fn the_second_put_if_absent_is_refused(store: Store) {
    let key = "_log/t/e/p=00007/00000000000000000042.json";
    assert_eq!(put_if_absent(&store, key, b"mine").await, Put::Created);
    for body in ["theirs", "mine", ""] {
        assert_eq!(put_if_absent(&store, key, body.as_bytes()).await, Put::Exists);
    }
    assert_eq!(get(&store, key).await, Some(Bytes::from_static(b"mine")));
}

async fn of_racing_puts_one_wins(store: Store) {
    for round in 0..3 {
        let key = format!("race/{round}");
        let mut racers = JoinSet::new();
        for racer in 0..16 {
            let (store, key, body) = (store.clone(), key.clone(), format!("racer {racer}").repeat(racer + 1));
            racers.spawn(async move { (put_if_absent(&store, &key, body.as_bytes()).await, body) });
        }
        let answers = racers.join_all().await;
        let winners: Vec<_> = answers.into_iter().filter(|(answer, _)| *answer == Put::Created).map(|(_, body)| body).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(get(&store, &key).await, winners.first().cloned().map(Bytes::from));
    }
}

async fn a_listing_is_in_key_order(store: Store) {
    let all = ["a/1", "a/2/x", "a/2/y", "a/3", "b", "c/d/e/f"];
    for key in all.iter().rev() {
        put(&store, key, key.as_bytes()).await;
    }
    assert_eq!(keys(&store, "", None, 100).await, all);
    assert_eq!(keys(&store, "a/", None, 100).await, all[..4]);
    assert_eq!(keys(&store, "a/2", None, 100).await, all[1..3]);
    assert_eq!(keys(&store, "a/2/y", None, 100).await, all[2..3]);
    assert_eq!(keys(&store, "nothing/", None, 100).await, all[..0]);
    for (at, key) in all.iter().enumerate() {
        assert_eq!(keys(&store, "", Some(key), 100).await, all[at + 1..], "after {key}");
    }
    assert_eq!(keys(&store, "a/", Some("a/2"), 100).await, all[1..4], "after a key that is not there");
    assert_eq!(keys(&store, "", Some(""), 100).await, all);
    for limit in 0..=all.len() {
        assert_eq!(keys(&store, "", None, limit).await, all[..limit], "limit {limit}");
    }

    let slash_is_a_byte = ["o/a-b", "o/a.b", "o/a/c", "o/a0"];
    for key in slash_is_a_byte {
        put(&store, key, b"x").await;
    }
    assert_eq!(keys(&store, "o/", None, 100).await, slash_is_a_byte);
    assert_eq!(keys(&store, "o/", Some("o/a.b"), 100).await, slash_is_a_byte[2..]);
}

/// Against a sorted set, with all the neighbours of `/` that trees sort differently.
async fn any_listing_is_that_of_a_sorted_set(store: Store) {
    let names = ["a", "a-", "a.b", "a0", "b+", "b", " "];
    let mut all = BTreeSet::new();
    for (one, first) in names.iter().enumerate() {
        for (two, second) in names.iter().enumerate() {
            // A name is either a directory or an object, as a local directory wants it.
            if (one + two) % 3 != 0 {
                all.insert(format!("{first}/{second}.{two}"));
                all.insert(format!("{first}/{second}/x"));
            }
        }
        all.insert(format!("{first}.{one}"));
    }
    for key in &all {
        put(&store, key, b"x").await;
    }
    let starts = all.iter().flat_map(|key| [key.clone(), format!("{key}!"), key.trim_end_matches("/x").to_owned()]);
    for (number, after) in starts.chain(["a", "a/", "a/a", "b/ "].map(str::to_owned)).enumerate() {
        let limit = [1, 4, 1_000][number % 3];
        for prefix in ["", "a", "a/", "b/a", "a-/a."] {
            let expect: Vec<&String> = all.iter().filter(|key| key.starts_with(prefix) && **key > after).take(limit).collect();
            let listed = keys(&store, prefix, Some(&after), limit).await;
            assert_eq!(listed.iter().collect::<Vec<_>>(), expect, "{prefix:?} after {after:?}, {limit}");
        }
    }
}

async fn a_listing_pages(store: Store) {
    let expect: Vec<String> = (0..1_105).map(|n| format!("_log/p=00000/{n:020}.json")).collect();
    let mut puts = JoinSet::new();
    for chunk in expect.chunks(expect.len().div_ceil(8)) {
        let (store, chunk) = (store.clone(), chunk.to_vec());
        puts.spawn(async move {
            for key in chunk {
                put(&store, &key, b"x").await;
            }
        });
    }
    puts.join_all().await;
    assert_eq!(keys(&store, "_log/", None, usize::MAX).await, expect);
    assert_eq!(keys(&store, "_log/", None, 1_001).await, expect[..1_001]);
    assert_eq!(keys(&store, "_log/", Some(&expect[50]), 1_050).await, expect[51..1_101]);
    assert_eq!(keys(&store, "_log/", Some(&expect[1_104]), 10).await, expect[..0]);
}

async fn what_has_outgrown_its_room(store: Store) {
    put(&store, "s/x", b"content").await;
    let get = async |key, room| store.get_listed(key, room).await.expect("an answer");
    assert_eq!(get("s/x", 7).await, Content::Whole(Bytes::from_static(b"content")));
    assert_eq!(get("s/x", 6).await, Content::Larger(7));
    assert_eq!(get("s/y", 7).await, Content::Gone);
}

async fn strange_but_legal_keys(store: Store) {
    let strange: BTreeSet<&str> = [
        "s/event_date=2026-11-22/a b.parquet",
        "s/plus+plus",
        "s/percent%20percent",
        "s/percent%",
        "s/amp&lt;<>\"'",
        "s/ünï/日本/🦀",
        "s/~!@#$^*()[]{}|:,?",
        "s/.hidden/..x",
        "s/trailing.",
    ]
    .into();
    for key in &strange {
        assert_eq!(put_if_absent(&store, key, key.as_bytes()).await, Put::Created, "{key}");
    }
    for key in &strange {
        assert_eq!(get(&store, key).await.as_deref(), Some(key.as_bytes()), "{key}");
        assert_eq!(head(&store, key).await, Some(key.len() as u64), "{key}");
        assert_eq!(put_if_absent(&store, key, b"").await, Put::Exists, "{key}");
    }
    let listed = keys(&store, "s/", None, 100).await;
    assert_eq!(listed, strange.iter().copied().collect::<Vec<_>>());
    for (at, key) in listed.iter().enumerate() {
        assert_eq!(keys(&store, "s/", Some(key), 100).await, listed[at + 1..], "after {key}");
    }
}

async fn an_empty_object_is_an_object(store: Store) {
    assert_eq!(put_if_absent(&store, "empty", b"").await, Put::Created);
    assert_eq!(put_if_absent(&store, "empty", b"").await, Put::Exists);
    assert_eq!(get(&store, "empty").await, Some(Bytes::new()));
    assert_eq!(head(&store, "empty").await, Some(0));
    assert_eq!(keys(&store, "", None, 10).await, ["empty"]);
}

async fn a_large_object_comes_back_whole(store: Store) {
    // Without a period that the size of a chunk could hide behind.
    let body: Vec<u8> = (0_u32..20 * 1024 * 1024).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(put_if_absent(&store, "large", &body).await, Put::Created);
    assert!(get(&store, "large").await.is_some_and(|read| read == body), "other bytes came back");
    assert_eq!(head(&store, "large").await, Some(body.len() as u64));
}

async fn refused_keys_reach_no_store(store: Store) {
    fn refused<T: Debug>(answer: Result<T, StoreError>, key: &str) {
        assert_eq!(answer.expect_err(key).class, Class::Fatal, "{key:?}");
    }
    for key in ["", "/abs", "a//b", "a/", "../up", "a/../../up", "./a", ".tmp/x", "nul\0", "line\nbreak"] {
        refused(store.put_if_absent(key, Bytes::new()).await, key);
        refused(store.put(key, Bytes::new()).await, key);
        refused(store.get(key).await, key);
        refused(store.head(key).await, key);
        refused(store.delete(key).await, key);
    }
    refused(store.list_after("../", None, 1).await, "../");
    assert_eq!(keys(&store, "", None, 10).await, [""; 0]);
}

async fn a_deleted_object_is_gone(store: Store) {
    put(&store, "a/b", b"x").await;
    for _ in 0..2 {
        store.delete("a/b").await.expect("deleting twice is no error");
        assert_eq!(get(&store, "a/b").await, None);
    }
    assert_eq!(put_if_absent(&store, "a/b", b"").await, Put::Created);
}

async fn the_probe_passes_and_leaves_nothing(store: Store) {
    store.probe().await.expect("an honest store");
    store.probe().await.expect("also a second time");
    assert_eq!(keys(&store, "", None, 10).await, [""; 0]);
}

async fn entries_tell_size_and_a_tag(store: Store) {
    let entry = async || store.list_after("a", None, 1).await.expect("a listing").into_iter().next().expect("an entry");
    put(&store, "a", b"one").await;
    let first = entry().await;
    assert_eq!((first.key.as_str(), first.size), ("a", 3));
    assert!(!first.etag.is_empty() && !first.etag.contains('"'), "{}", first.etag);
    put(&store, "a", b"other").await;
    let second = entry().await;
    assert_eq!(second.size, 5);
    assert_ne!(first.etag, second.etag);
}
