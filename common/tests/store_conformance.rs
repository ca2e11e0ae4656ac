//! One suite for every store: the local directory always, S3 when `SWITCHBACK_TEST_BUCKET` (and the usual `AWS_*`) name a server.

#![expect(clippy::disallowed_methods, reason = "names of its own, by the clock")]
#![cfg(feature = "s3")]

mod store_suite;

use common::store::{Location, Store};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_directory_keeps_every_promise_of_a_store() {
    let root = tempfile::tempdir().expect("a directory");
    run_all(&Location::Local(root.path().to_owned())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_keeps_every_promise_of_a_store() {
    let Ok(bucket) = std::env::var("SWITCHBACK_TEST_BUCKET") else {
        let required = std::env::var("SWITCHBACK_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "SWITCHBACK_TEST_BUCKET is not set, and SWITCHBACK_REQUIRE_SERVICES=1 asks for it");
        println!("skipped: SWITCHBACK_TEST_BUCKET is not set");
        return;
    };
    // A prefix of this run's own, so that runs neither meet nor need to clean up.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let prefix = format!("store-conformance/{now}-{}", std::process::id());
    run_all(&Location::S3 { bucket, prefix }).await;
}

async fn run_all(location: &Location) {
    let open = async |number: usize| Store::open(&location.join(&format!("check {number}"))).await.expect("a store");
    store_suite::run_all(open).await;
}
