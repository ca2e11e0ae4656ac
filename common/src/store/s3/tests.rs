//! How a server's answers are mapped, against a scripted socket; the conformance suite covers a real server.

use super::{S3Store, patience};
use crate::failure::Class;
use crate::store::{Content, Objects, Put, StoreError};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that answers each connection's first request with `answer`, then hangs up.
async fn serve(answer: &'static str) -> SocketAddr {
    serve_by(move |_| answer.to_owned()).await
}

async fn serve_by(answer: impl Fn(&str) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") && socket.read_buf(&mut request).await.is_ok_and(|n| n > 0) {}
            let _ = socket.write_all(answer(&String::from_utf8_lossy(&request)).as_bytes()).await;
        }
    });
    address
}

fn store(address: SocketAddr) -> S3Store {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .build();
    let place = super::Place { bucket: "b".into(), prefix: "p/".into(), in_key_order: true, endpoint: "asked the test".into() };
    S3Store { client: Client::from_conf(config), place: Arc::new(place) }
}

async fn put_if_absent(answer: &'static str) -> Result<Put, StoreError> {
    store(serve(answer).await).put_if_absent("k", Bytes::new()).await
}

const HANGS_UP: &str = "";
const TORN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort";
const MISSING_BUCKET: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 41\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>\n";
const SLOW_DOWN: &str = "HTTP/1.1 503 Slow Down\r\ncontent-length: 37\r\n\r\n<Error><Code>SlowDown</Code></Error>\n";
const MISSING_KEY: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 38\r\n\r\n<Error><Code>NoSuchKey</Code></Error>\n";

#[tokio::test]
async fn a_conditional_put_tells_won_lost_conflict_and_unclear_apart() {
    let ok = put_if_absent("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(ok.expect("answered"), Put::Created);
    let lost = put_if_absent("HTTP/1.1 412 Precondition Failed\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(lost.expect("answered"), Put::Exists);
    for (answer, class) in [
        ("HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n", Class::Retry),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", Class::Unclear),
        (SLOW_DOWN, Class::Retry),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", Class::Config),
        ("not HTTP at all", Class::Unclear),
        (MISSING_BUCKET, Class::Config),
        (HANGS_UP, Class::Unclear),
    ] {
        let error = put_if_absent(answer).await.expect_err(answer);
        assert_eq!(error.class, class, "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unclear_only_where_it_matters() {
    let address = TcpListener::bind("127.0.0.1:0").await.and_then(|gone| gone.local_addr()).expect("a port");
    let store = store(address);
    assert_eq!(store.put_if_absent("k", Bytes::new()).await.expect_err("nobody").class, Class::Unclear);
    let error = store.put("k", Bytes::new()).await.expect_err("nobody");
    assert_eq!((error.class, error.why.ends_with("; asked the test")), (Class::Retry, true), "{error}");
    assert_eq!(store.get("k").await.expect_err("nobody").class, Class::Retry);
    assert_eq!(store.head("k").await.expect_err("nobody").class, Class::Retry);
    assert_eq!(store.list_after("", None, 1).await.expect_err("nobody").class, Class::Retry);
}

#[tokio::test]
async fn a_missing_object_is_an_answer_and_a_missing_bucket_is_not() {
    assert_eq!(store(serve(MISSING_KEY).await).get("k").await.expect("answered"), None);
    let error = store(serve(MISSING_BUCKET).await).get("k").await.expect_err("refused");
    assert_eq!(error.class, Class::Config);
    assert!(error.why.contains("make the bucket"), "{error}");
}

#[tokio::test]
async fn a_torn_body_is_never_taken_for_the_object() {
    assert_eq!(store(serve(TORN).await).get("k").await.expect_err("torn").class, Class::Retry);
}

#[tokio::test]
async fn an_object_beyond_the_limit_is_refused_before_it_is_read() {
    let error = store(serve("HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n").await).get("k").await.expect_err("refused");
    assert_eq!(error.class, Class::Fatal);
}

#[tokio::test]
async fn an_object_that_has_outgrown_its_room_is_not_held() {
    let said = store(serve("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nlonger").await);
    assert_eq!(said.get_listed("k", 5).await.expect("answered"), Content::Larger(6));
    assert_eq!(said.get_listed("k", 6).await.expect("answered"), Content::Whole(Bytes::from_static(b"longer")));
    let unsaid = store(serve("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nlonger").await);
    assert_eq!(unsaid.get_listed("k", 5).await.expect("answered"), Content::Larger(6));
}

fn page(keys: &[&str], more: &str) -> String {
    let contents: String =
        keys.iter().map(|key| format!("<Contents><Key>p/{key}</Key><Size>1</Size><ETag>\"t\"</ETag></Contents>")).collect();
    let body = format!("<ListBucketResult>{contents}{more}</ListBucketResult>");
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

const MORE: &str = "<IsTruncated>true</IsTruncated><NextContinuationToken>T2</NextContinuationToken>";

#[tokio::test]
async fn a_listing_in_key_order_goes_on_where_the_page_ended_and_leaves_out_folder_markers() {
    let address = serve_by(|request| {
        if request.contains("continuation-token=T2") {
            page(&["b", "c/d"], "")
        } else if request.contains("start-after=p%2F0") && request.contains("prefix=p%2F") {
            page(&["a/", "a/1"], MORE)
        } else {
            page(&[], "")
        }
    })
    .await;
    let entries = store(address).list_after("", Some("0"), 100).await.expect("a listing");
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["a/1", "b", "c/d"]);
    assert_eq!(entries.first().map(|entry| entry.etag.as_str()), Some("t"));
}

#[tokio::test]
async fn a_server_that_never_ends_a_listing_or_hides_its_rest_is_refused() {
    for more in [MORE, "<IsTruncated>true</IsTruncated>"] {
        let address = serve_by(move |_| page(&["a"], more)).await;
        assert_eq!(store(address).list_after("", None, 100).await.expect_err("refused").class, Class::Fatal, "{more}");
    }
}

#[test]
fn an_attempt_gets_time_for_what_it_carries() {
    assert_eq!(patience(0), Duration::from_secs(20));
    assert_eq!(patience(128 * 1024 * 1024), Duration::from_secs(148));
}
