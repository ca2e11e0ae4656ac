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

use crate::proxy_http::{Answer, Request, read_answer, read_request};
use ::tests::chance::Chance;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
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
                    // A connection that ends in an error is one that somebody has closed.
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

    fn fault(&self, request: &Request) -> Option<Fault> {
        let of = applicable(request);
        if self.calm.load(Ordering::Relaxed) || self.below(ONE_IN) != 0 {
            return None;
        }
        let fault = of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)];
        self.count(fault.name());
        Some(fault)
    }

    async fn forward(&self, request: &Request) -> std::io::Result<Answer> {
        let mut server = TcpStream::connect(&self.upstream).await?;
        server.write_all(&request.head).await?;
        server.write_all(&request.body).await?;
        read_answer(&mut server, &request.method).await
    }
}

/// What S3 may do to such a request.
fn applicable(request: &Request) -> Vec<Fault> {
    let mut faults = vec![Fault::Delayed, Fault::Reset, Fault::AnswerLost, Fault::SlowDown];
    match request.method.as_str() {
        "PUT" => {
            faults.extend([Fault::LandedLate, Fault::LandedLate, Fault::AnswerLost, Fault::InternalError]);
            if request.is_conditional {
                faults.push(Fault::Conflict);
            }
            if !request.path.contains("/_probe/") {
                faults.push(Fault::SentTwice);
            }
        }
        "GET" => faults.push(Fault::AnswerCut),
        _ => {}
    }
    faults
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    while let Some(request) = read_request(&mut client).await? {
        let Some(answer) = answer(request, &shared).await? else { return Ok(()) };
        client.write_all(&answer.bytes).await?;
        if answer.is_last {
            return Ok(());
        }
    }
    Ok(())
}

/// What the client is told; `None`: its connection is closed without a word.
async fn answer(request: Request, shared: &Arc<Shared>) -> std::io::Result<Option<Answer>> {
    let Some(fault) = shared.fault(&request) else { return shared.forward(&request).await.map(Some) };
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
        Fault::AnswerCut => {
            let mut whole = shared.forward(&request).await?;
            whole.bytes.truncate(whole.head_length + (whole.bytes.len() - whole.head_length) / 2);
            whole.is_last = true;
            Some(whole)
        }
        Fault::SlowDown => Some(Answer::error(503, "SlowDown")),
        Fault::InternalError => {
            shared.forward(&request).await?;
            Some(Answer::error(500, "InternalError"))
        }
        Fault::Conflict => Some(Answer::error(409, "ConditionalRequestConflict")),
        Fault::SentTwice => {
            shared.forward(&request).await?;
            let second = shared.forward(&request).await?;
            if second.status == 412 {
                shared.count("412");
            }
            Some(second)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, is_conditional: bool) -> Request {
        Request { head: Vec::new(), body: Vec::new(), method: method.to_owned(), path: path.to_owned(), is_conditional }
    }

    #[test]
    fn a_request_meets_only_faults_that_s3_may_have() {
        let of = |method: &str, path: &str, conditional| applicable(&request(method, path, conditional));
        let put = of("PUT", "/b/_log/x", true);
        assert!(put.contains(&Fault::Conflict) && put.contains(&Fault::SentTwice) && !put.contains(&Fault::AnswerCut));
        assert!(!of("PUT", "/b/_head/x", false).contains(&Fault::Conflict), "nothing conflicts with a put without condition");
        assert!(!of("PUT", "/b/_probe/x", true).contains(&Fault::SentTwice));
        for method in ["GET", "HEAD", "DELETE"] {
            let faults = of(method, "/b/x", false);
            assert!(!faults.contains(&Fault::Conflict) && !faults.contains(&Fault::LandedLate), "{method}: {faults:?}");
        }
    }
}
