//! A proxy before the S3 server that makes it as bad as S3 may be, and not worse. Plain HTTP/1.1; requests pass unchanged, `Host` included,
//! since their signatures cover it.
//!
//! What S3's contract allows, and so is done here (AWS, "Error responses", "Conditional writes", "Amazon S3 data consistency model"):
//! - a connection breaks before the request is taken, or after it, and nobody tells which (`reset`, `answer lost`, `answer cut`);
//! - a request that its sender has given up takes effect later (`landed late`): it was on its way;
//! - 503 for a request that was not taken, 500 for one that was or was not: both mean "not known";
//! - 409 for a conditional put that was not taken, since another request for the key was under way;
//! - 412 for an object that is there. It may be the sender's own: something between sent the request twice (`sent twice`).
//!
//! What it does not allow, and so is never done: 412 for an object that is not there, 409 or 503 after a conditional put was taken,
//! two winners, a stale answer to a get or a listing, an answer that is not the object's.
//!
//! Keys of the start-up probe are never sent twice: the probe asks whether conditions hold, and takes no for an answer.

use ::tests::chance::Chance;
use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, IF_MATCH, IF_NONE_MATCH, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// One request in so many has a fault.
const ONE_IN: u64 = 10;

/// Longest delay of a request, and of one whose sender has given up, in milliseconds.
const LATE: u64 = 1_500;
const VERY_LATE: u64 = 4_000;

/// The proxy; it serves until the runtime ends.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    chance: Mutex<Chance>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    calm: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Delayed,
    Reset,
    AnswerLost,
    LandedLate,
    AnswerCut,
    SlowDown,
    InternalError,
    Conflict,
    SentTwice,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::Delayed => "delayed",
            Fault::Reset => "reset",
            Fault::AnswerLost => "answer lost",
            Fault::LandedLate => "landed late",
            Fault::AnswerCut => "answer cut",
            Fault::SlowDown => "503",
            Fault::InternalError => "500 after it was done",
            Fault::Conflict => "409",
            Fault::SentTwice => "sent twice",
        }
    }
}

impl Proxy {
    /// Starts one before the server at `endpoint` (`http://host:port`).
    pub(crate) fn start(runtime: &Runtime, endpoint: &str, chance: Chance) -> Proxy {
        let upstream = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared =
            Arc::new(Shared { upstream, chance: Mutex::new(chance), counts: Mutex::default(), calm: AtomicBool::new(false) });
        runtime.spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(serve(client, Arc::clone(&shared)));
                }
            }
        });
        Proxy { address, shared }
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// No more faults.
    pub(crate) fn calm(&self) {
        self.shared.calm.store(true, Ordering::Relaxed);
    }

    /// Faults done, by kind; `412` counts those of `sent twice` that were answered so.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn below(&self, bound: u64) -> u64 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).below(bound)
    }

    fn millis(&self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }

    fn count(&self, kind: &'static str) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    fn fault(&self, request: &Request<Bytes>) -> Option<Fault> {
        let of = applicable(request);
        if self.calm.load(Ordering::Relaxed) || self.below(ONE_IN) != 0 {
            return None;
        }
        let fault = of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)];
        self.count(fault.name());
        Some(fault)
    }

    /// Asks the server, on a connection of the request's own.
    async fn forward(&self, request: &Request<Bytes>) -> anyhow::Result<Response<Content>> {
        let server = TcpStream::connect(&self.upstream).await?;
        let (mut server, connection) = hyper::client::conn::http1::handshake(TokioIo::new(server)).await?;
        // Ends with the answer, which has its error as well.
        tokio::spawn(connection);
        let (head, body) = server.send_request(request.clone().map(Full::new)).await?.into_parts();
        Ok(Response::from_parts(head, Content::whole(body.collect().await?.to_bytes())))
    }
}

/// The content of an answer. It is cut when it ends before the length that its head tells; hyper closes the connection there.
#[derive(Debug)]
struct Content {
    rest: Bytes,
    is_cut: bool,
}

impl Content {
    fn whole(bytes: Bytes) -> Content {
        Content { rest: bytes, is_cut: false }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.rest);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // Of an unknown length, so that hyper believes the head.
        if self.is_cut { SizeHint::default() } else { SizeHint::with_exact(self.rest.len() as u64) }
    }
}

/// What S3 may do to such a request.
fn applicable(request: &Request<Bytes>) -> Vec<Fault> {
    let mut faults = vec![Fault::Delayed, Fault::Reset, Fault::AnswerLost, Fault::SlowDown];
    match *request.method() {
        Method::PUT => {
            faults.extend([Fault::LandedLate, Fault::LandedLate, Fault::AnswerLost, Fault::InternalError]);
            if [IF_NONE_MATCH, IF_MATCH].iter().any(|condition| request.headers().contains_key(condition)) {
                faults.push(Fault::Conflict);
            }
            if !request.uri().path().contains("/_probe/") {
                faults.push(Fault::SentTwice);
            }
        }
        Method::GET => faults.push(Fault::AnswerCut),
        _ => {}
    }
    faults
}

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| take(request, Arc::clone(&shared)));
    // An error is a connection that one side has closed, or that we have closed without a word.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(client), service).await;
}

/// Takes a whole request and answers it; an error closes the connection without a word.
async fn take(request: Request<Incoming>, shared: Arc<Shared>) -> anyhow::Result<Response<Content>> {
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, body.collect().await?.to_bytes());
    // A request that was taken is on its way, even when its sender gives it up or dies: a task of its own, which hyper does not drop.
    tokio::spawn(async move {
        let fault = shared.fault(&request);
        answer(request, fault, &shared).await
    })
    .await?
    .and_then(|answer| answer.context("closed without a word"))
}

/// What the client is told; `None`: its connection is closed without a word.
async fn answer(
    request: Request<Bytes>,
    fault: Option<Fault>,
    shared: &Arc<Shared>,
) -> anyhow::Result<Option<Response<Content>>> {
    let Some(fault) = fault else { return shared.forward(&request).await.map(Some) };
    Ok(match fault {
        Fault::Delayed => {
            tokio::time::sleep(shared.millis(LATE)).await;
            Some(shared.forward(&request).await?)
        }
        Fault::Reset => None,
        Fault::AnswerLost => {
            shared.forward(&request).await?;
            None
        }
        Fault::LandedLate => {
            let (shared, late) = (Arc::clone(shared), shared.millis(VERY_LATE));
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                // Nobody waits for this answer.
                let _ = shared.forward(&request).await;
            });
            None
        }
        Fault::AnswerCut => Some(cut(shared.forward(&request).await?)),
        Fault::SlowDown => Some(error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown")),
        Fault::InternalError => {
            shared.forward(&request).await?;
            Some(error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"))
        }
        Fault::Conflict => Some(error(StatusCode::CONFLICT, "ConditionalRequestConflict")),
        Fault::SentTwice => {
            shared.forward(&request).await?;
            let second = shared.forward(&request).await?;
            if second.status() == StatusCode::PRECONDITION_FAILED {
                shared.count("412");
            }
            Some(second)
        }
    })
}

/// The first half of an answer that says how long the whole one is.
fn cut(mut answer: Response<Content>) -> Response<Content> {
    let length = answer.body().rest.len();
    answer.headers_mut().remove(TRANSFER_ENCODING);
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer.map(|content| Content { rest: content.rest.slice(..length.div_ceil(2)), is_cut: true })
}

/// An error as S3 tells it.
fn error(status: StatusCode, code: &str) -> Response<Content> {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>chaos</Message></Error>");
    let mut answer = Response::new(Content::whole(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

#[cfg(test)]
mod tests;
