//! A bucket as a store, through the AWS SDK: S3 itself and servers that speak its protocol.
//!
//! An object goes up in one `PutObject` from memory: one atomic call, no multipart upload that could be left half done. The SDK's own
//! retries are off: a retried conditional put could be refused because of its own first attempt, and one layer of retries is ours.

mod list;
mod refusal;

use super::{Answer, Content, Entry, Objects, Put, StoreError};
use crate::failure::Class;
use crate::limits::MAX_OBJECT_BYTES;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, ProvideCredentials, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;
use refusal::Request;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fmt};

/// Time to reach the server at all.
const CONNECT: Duration = Duration::from_secs(3);
/// Time for an attempt that carries next to nothing: what a busy server may need to answer.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Bytes for which an attempt gets one second more, so that a sealed file (about 128 MiB) may take two minutes instead of failing for
/// ever on a slow link: 8 Mbit/s is the slowest that we put up with.
const BYTES_PER_SECOND: u64 = 1024 * 1024;
/// A bucket as a store.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    bucket: String,
    /// Put before every key: empty, or ending in `/`.
    prefix: String,
    /// Whether listings come in the byte order of keys.
    in_key_order: bool,
    /// Where requests go and which setting says so, for errors that come from nobody.
    endpoint: String,
}

impl fmt::Display for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.place.bucket, self.place.prefix.trim_end_matches('/'))
    }
}

impl S3Store {
    pub(super) async fn open(bucket: String, prefix: String) -> Result<S3Store, StoreError> {
        let what = format!("open s3://{bucket}/{prefix}");
        if bucket.ends_with("--x-s3") {
            let why = "directory buckets (S3 Express One Zone) cannot be listed in key order; use a general purpose bucket";
            return Err(StoreError::new(Class::Config, what, why));
        }
        let (client, endpoint) = client(&what).await?;
        // Amazon's own endpoints may be named too (a VPC's, FIPS).
        let in_key_order = endpoint.as_ref().is_none_or(|url| url.contains(".amazonaws.com"));
        let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
        let endpoint = match endpoint {
            Some(url) => format!("asked {url} (AWS_ENDPOINT_URL)"),
            None => "asked AWS (the bucket's name and AWS_REGION say where)".to_owned(),
        };
        Ok(S3Store { client, place: Arc::new(Place { bucket, prefix, in_key_order, endpoint }) })
    }

    /// One attempt with its time-out. The future is boxed: the SDK's are kilobytes large and live inside every caller's.
    async fn within<T>(
        &self,
        patience: Duration,
        request: Request,
        what: impl Fn() -> String,
        attempt: impl Future<Output = T> + Send,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(patience, Box::pin(attempt)).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                let why = format!("no answer within {} s; {}", patience.as_secs(), self.place.endpoint);
                Err(StoreError::new(request.unknown(), what(), why))
            }
        }
    }

    fn refused<E>(&self, error: &SdkError<E>, request: Request, what: String) -> StoreError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        refusal::error(error, request, what, &self.place.endpoint)
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.place.prefix)
    }
}

impl Objects for S3Store {
    fn put_if_absent<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, Put> {
        Box::pin(async move {
            let what = || format!("put {key} in {self}");
            let patience = patience(body.len() as u64);
            let request = self.client.put_object().bucket(&self.place.bucket).key(self.full(key));
            let request = request.if_none_match("*").body(ByteStream::from(body));
            match self.within(patience, Request::PutIfAbsent, &what, request.send()).await? {
                Ok(_) => Ok(Put::Created),
                Err(error) if status(&error) == Some(412) => Ok(Put::Exists),
                Err(error) => Err(self.refused(&error, Request::PutIfAbsent, what())),
            }
        })
    }

    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, ()> {
        Box::pin(async move {
            let what = || format!("put {key} in {self}");
            let patience = patience(body.len() as u64);
            let request = self.client.put_object().bucket(&self.place.bucket).key(self.full(key)).body(ByteStream::from(body));
            match self.within(patience, Request::Put, &what, request.send()).await? {
                Ok(_) => Ok(()),
                Err(error) => Err(self.refused(&error, Request::Put, what())),
            }
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>> {
        Box::pin(async move {
            match self.get_listed(key, MAX_OBJECT_BYTES).await? {
                Content::Whole(bytes) => Ok(Some(bytes)),
                Content::Gone => Ok(None),
                Content::Larger(_) => {
                    let why = format!("it is larger than {MAX_OBJECT_BYTES} bytes");
                    Err(StoreError::new(Class::Fatal, format!("get {key} from {self}"), why))
                }
            }
        })
    }

    fn head<'a>(&'a self, key: &'a str) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let what = || format!("look for {key} in {self}");
            let request = self.client.head_object().bucket(&self.place.bucket).key(self.full(key));
            match self.within(ATTEMPT, Request::Read, &what, request.send()).await? {
                Ok(object) => Ok(Some(object.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0))),
                // The answer to HEAD has no body and so no code: a missing bucket looks the same here, and shows at the next other call.
                Err(error) if status(&error) == Some(404) => Ok(None),
                Err(error) => Err(self.refused(&error, Request::Read, what())),
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let what = || format!("delete {key} from {self}");
            let request = self.client.delete_object().bucket(&self.place.bucket).key(self.full(key));
            match self.within(ATTEMPT, Request::Delete, &what, request.send()).await? {
                Ok(_) => Ok(()),
                Err(error) => Err(self.refused(&error, Request::Delete, what())),
            }
        })
    }

    fn get_listed<'a>(&'a self, key: &'a str, room: u64) -> Answer<'a, Content> {
        Box::pin(async move {
            let what = || format!("get {key} from {self}");
            let request = self.client.get_object().bucket(&self.place.bucket).key(self.full(key));
            let object = match self.within(ATTEMPT, Request::Read, &what, request.send()).await? {
                Ok(object) => object,
                // A missing bucket is also a 404, and not the same thing at all.
                Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(Content::Gone),
                Err(error) => return Err(self.refused(&error, Request::Read, what())),
            };
            let size = object.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
            if size > room {
                return Ok(Content::Larger(size));
            }
            self.within(patience(size), Request::Read, &what, collect(object.body, size, room, &what)).await?
        })
    }

    fn list_after<'a>(&'a self, prefix: &'a str, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<Entry>> {
        Box::pin(self.list(prefix, after, limit))
    }
}

/// A client from the environment, like that of every AWS tool, and the endpoint where it was told to go.
async fn client(what: &str) -> Result<(Client, Option<String>), StoreError> {
    let config = |why: String| StoreError::new(Class::Config, what, why);
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let shared = Box::pin(aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http).load()).await;
    let of_s3 = env::var("AWS_ENDPOINT_URL_S3").ok().filter(|url| !url.is_empty());
    let endpoint = of_s3.or_else(|| shared.endpoint_url().map(str::to_owned));

    match shared.credentials_provider() {
        Some(provider) => match provider.provide_credentials().await {
            Ok(_) => {}
            Err(error) => {
                return Err(config(format!("no AWS credentials: {}; {}", refusal::chain(&error), refusal::CREDENTIALS)));
            }
        },
        None => return Err(config(format!("no AWS credentials; {}", refusal::CREDENTIALS))),
    }

    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
    let mut builder = Builder::from(&shared).retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    if endpoint.is_some() {
        // Few servers but Amazon's serve a bucket as a host name, or understand the checksums that the SDK adds since January 2025 (some
        // store the framing of the trailing checksum inside the object).
        builder = builder
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    match shared.region() {
        Some(_) => {}
        // Signatures need one; other servers rarely care which.
        None if endpoint.is_some() => builder = builder.region(Region::from_static("us-east-1")),
        None => return Err(config("no AWS region; set AWS_REGION to the bucket's".to_owned())),
    }
    Ok((Client::from_conf(builder.build()), endpoint))
}

async fn collect(mut body: ByteStream, size: u64, room: u64, what: impl Fn() -> String) -> Result<Content, StoreError> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(error) => return Err(StoreError::new(Class::Retry, what(), refusal::chain(&error))),
        }
        // The server need not have said the length, or may have said it wrongly.
        if bytes.len() as u64 > room {
            return Ok(Content::Larger(bytes.len() as u64));
        }
    }
    Ok(Content::Whole(bytes.into()))
}

fn patience(bytes: u64) -> Duration {
    ATTEMPT.saturating_add(Duration::from_secs(bytes / BYTES_PER_SECOND))
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests;
