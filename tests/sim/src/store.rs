//! A simulated S3. Every call of a process waits as a request until the world serves it, in any order and with any [`Fate`]; what a
//! process that died had sent may still land. Conditional puts, gets and heads are strongly consistent, listings may lag, as S3's.

use crate::fate::Fate;
use bytes::Bytes;
use common::failure::Class;
use common::store::{Answer, Entry, Objects, Put, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What is asked of the store.
#[derive(Debug, Clone)]
pub enum Op {
    /// Put where nothing is.
    PutIfAbsent(Bytes),
    /// Put in place of what is there.
    Put(Bytes),
    /// The bytes.
    Get,
    /// The size.
    Head,
    /// A listing of keys below a prefix, after a key, so many at most.
    List(Option<String>, usize),
    /// Remove.
    Delete,
}

impl Op {
    /// Whether it changes the store.
    pub fn writes(&self) -> bool {
        matches!(self, Op::PutIfAbsent(_) | Op::Put(_) | Op::Delete)
    }

    /// Its name in a trace.
    pub fn name(&self) -> &'static str {
        match self {
            Op::PutIfAbsent(_) => "put-if-absent",
            Op::Put(_) => "put",
            Op::Get => "get",
            Op::Head => "head",
            Op::List(..) => "list",
            Op::Delete => "delete",
        }
    }
}

#[derive(Debug)]
enum Reply {
    Put(Put),
    Done,
    Bytes(Option<Bytes>),
    Size(Option<u64>),
    Entries(Vec<Entry>),
}

/// Who asks, and what it is asked for: the order in which requests are offered to the world, whatever order they came in (waits between
/// attempts have a jitter that is not the world's).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asker {
    /// Number of the process.
    pub process: u32,
    /// Number of its effect.
    pub effect: u64,
    /// The object.
    pub key: String,
    number: u64,
}

#[derive(Debug)]
struct Request {
    op: Op,
    answer: oneshot::Sender<Result<Reply, StoreError>>,
}

/// An object that changed.
#[derive(Debug)]
pub struct Change {
    /// Its key.
    pub key: String,
    /// What was there.
    pub before: Option<Bytes>,
    /// What is there; `None` when it was deleted.
    pub after: Option<Bytes>,
}

/// Objects, and requests that wait.
#[derive(Debug, Default)]
pub struct State {
    /// Every object.
    pub objects: BTreeMap<String, Bytes>,
    waiting: BTreeMap<Asker, Request>,
    /// Puts whose callers gave up; they may land yet.
    late: Vec<(String, Op)>,
    /// Keys that listings do not show yet.
    unlisted: BTreeSet<String>,
    /// Tags of objects: how often a key was written.
    versions: BTreeMap<String, u64>,
    number: u64,
    at_once: bool,
}

impl State {
    /// Requests that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Puts that may land late.
    pub fn late(&self) -> usize {
        self.late.len()
    }

    /// The `at`th request that waits.
    pub fn request(&self, at: usize) -> Option<(&Asker, &Op)> {
        self.waiting.iter().nth(at).map(|(asker, request)| (asker, &request.op))
    }

    /// Requests made so far: tells whether anything moved.
    pub fn activity(&self) -> u64 {
        self.number
    }

    /// Serves a request. What changed, if anything did.
    pub fn serve(&mut self, asker: &Asker, fate: Fate) -> Option<Change> {
        let request = self.waiting.remove(asker)?;
        let conditional = matches!(request.op, Op::PutIfAbsent(_));
        let error = |class, why: &str| {
            Err(StoreError { class, what: format!("{} {}", request.op.name(), asker.key), why: why.to_owned() })
        };
        let lost = || error(if conditional { Class::Unclear } else { Class::Retry }, "no answer");
        let (change, answer) = match fate {
            Fate::Served => self.apply(&asker.key, &request.op),
            Fate::LostAfter => (self.apply(&asker.key, &request.op).0, lost()),
            Fate::LostBefore => (None, lost()),
            Fate::Late => {
                self.late.push((asker.key.clone(), request.op.clone()));
                (None, lost())
            }
            Fate::Busy => (None, error(Class::Retry, "503 SlowDown")),
            Fate::Conflict => (None, error(Class::Retry, "409 ConditionalRequestConflict")),
        };
        // Whoever asked may have died.
        let _ = request.answer.send(answer);
        change
    }

    /// The end of a process: nobody waits for its requests any more. `lands` decides which of its puts may still land.
    pub fn orphan(&mut self, process: u32, mut lands: impl FnMut() -> bool) {
        let orphans: Vec<Asker> = self.waiting.keys().filter(|asker| asker.process == process).cloned().collect();
        for asker in orphans {
            if let Some(request) = self.waiting.remove(&asker)
                && request.op.writes()
                && lands()
            {
                self.late.push((asker.key, request.op));
            }
        }
    }

    /// A late put lands. `None` when it changed nothing: something was there before it.
    pub fn land_late(&mut self, at: usize) -> (String, Option<Change>) {
        let (key, op) = self.late.swap_remove(at);
        let change = self.apply(&key, &op).0;
        (key, change)
    }

    /// Replaces or removes an object from outside.
    pub fn tamper(&mut self, key: &str, body: Option<Bytes>) {
        match body {
            Some(body) => drop(self.objects.insert(key.to_owned(), body)),
            None => drop(self.objects.remove(key)),
        }
    }

    /// Listings catch up with all objects but those that `lags` picks among the ones they did not show.
    pub fn catch_up(&mut self, mut lags: impl FnMut() -> bool) {
        self.unlisted.retain(|_| lags());
    }

    fn apply(&mut self, key: &str, op: &Op) -> (Option<Change>, Result<Reply, StoreError>) {
        let before = self.objects.get(key).cloned();
        let (body, reply) = match op {
            Op::Get => return (None, Ok(Reply::Bytes(before))),
            Op::Head => return (None, Ok(Reply::Size(before.map(|body| body.len() as u64)))),
            Op::List(after, limit) => return (None, Ok(Reply::Entries(self.list(key, after.as_deref(), *limit)))),
            Op::PutIfAbsent(_) if before.is_some() => return (None, Ok(Reply::Put(Put::Exists))),
            Op::PutIfAbsent(body) => (body.clone(), Reply::Put(Put::Created)),
            Op::Put(body) => (body.clone(), Reply::Done),
            Op::Delete => {
                self.objects.remove(key);
                return (Some(Change { key: key.to_owned(), before, after: None }), Ok(Reply::Done));
            }
        };
        self.objects.insert(key.to_owned(), body.clone());
        *self.versions.entry(key.to_owned()).or_default() += 1;
        if !self.at_once {
            self.unlisted.insert(key.to_owned());
        }
        (Some(Change { key: key.to_owned(), before, after: Some(body) }), Ok(reply))
    }

    /// What a listing shows.
    pub fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Entry> {
        let from = self.objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let shown = from.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after) && !self.unlisted.contains(*key));
        let tag = |key: &String| self.versions.get(key).copied().unwrap_or_default().to_string();
        shown.take(limit).map(|(key, body)| Entry { key: key.clone(), size: body.len() as u64, etag: tag(key) }).collect()
    }
}

/// The store of a world. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SimStore(Arc<Mutex<State>>);

impl SimStore {
    /// A store without faults that answers at once: what the conformance suite holds to the promises of a store.
    pub fn honest() -> Store {
        let store = SimStore::default();
        store.state().at_once = true;
        store.client(0, 0)
    }

    /// Objects and requests.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store as one effect of one process sees it.
    pub fn client(&self, process: u32, effect: u64) -> Store {
        Store::new(Client { store: self.clone(), process, effect })
    }
}

#[derive(Debug)]
struct Client {
    store: SimStore,
    process: u32,
    effect: u64,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated store")
    }
}

impl Client {
    async fn ask(&self, key: &str, op: Op) -> Result<Reply, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError { class: Class::Fatal, what: format!("ask for {key}"), why: "the world has ended".to_owned() };
        {
            let mut state = self.store.state();
            state.number += 1;
            let asker = Asker { process: self.process, effect: self.effect, key: key.to_owned(), number: state.number };
            state.waiting.insert(asker.clone(), Request { op, answer });
            if state.at_once {
                state.serve(&asker, Fate::Served);
            }
        }
        answered.await.map_err(|_| gone())?
    }
}

/// Each call has one kind of reply.
fn mixed_up<T>() -> Result<T, StoreError> {
    Err(StoreError { class: Class::Fatal, what: "ask the simulated store".to_owned(), why: "another call's reply".to_owned() })
}

impl Objects for Client {
    fn put_if_absent<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, Put> {
        Box::pin(async move {
            match self.ask(key, Op::PutIfAbsent(body)).await? {
                Reply::Put(put) => Ok(put),
                _ => mixed_up(),
            }
        })
    }

    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> Answer<'a, ()> {
        Box::pin(async move { self.ask(key, Op::Put(body)).await.map(drop) })
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>> {
        Box::pin(async move {
            match self.ask(key, Op::Get).await? {
                Reply::Bytes(bytes) => Ok(bytes),
                _ => mixed_up(),
            }
        })
    }

    fn head<'a>(&'a self, key: &'a str) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            match self.ask(key, Op::Head).await? {
                Reply::Size(size) => Ok(size),
                _ => mixed_up(),
            }
        })
    }

    fn list_after<'a>(&'a self, prefix: &'a str, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<Entry>> {
        Box::pin(async move {
            match self.ask(prefix, Op::List(after.map(str::to_owned), limit)).await? {
                Reply::Entries(entries) => Ok(entries),
                _ => mixed_up(),
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.ask(key, Op::Delete).await.map(drop) })
    }
}
