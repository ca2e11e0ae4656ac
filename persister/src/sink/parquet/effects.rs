//! Performs the protocol's effects on the store. No decision is made here: each effect has one answer.

#![expect(clippy::disallowed_methods, reason = "an unclear put is asked about again, until a deadline")]

use super::batch::File;
use super::footer::Footer;
use crate::failpoint;
use crate::protocol::Names;
use crate::protocol::machine::{Effect, Input, Outcome};
use bytes::Bytes;
use common::failure::Class;
use common::store::retry::{Backoff, with_retry};
use common::store::{Put, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long an effect is tried before the partition gives up: longer than a store's restart or a regional hiccup, shorter than
/// anyone's retention. What was given up is found and finished by whoever starts next.
const DEADLINE: Duration = Duration::from_secs(900);

/// Pause after an unclear answer to a conditional put, before looking what became of it; for a file the first of growing ones.
const UNCLEAR_PAUSE: Duration = Duration::from_millis(200);

/// The longest such pause for a file: a server that is in trouble is not sent 128 MiB again and again without one.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Objects of one effect under way at a time.
const CONCURRENCY: usize = 8;

/// Performs an effect that concerns the store. `files` are those of the batch on its way.
/// `None` for best-effort effects that nobody waits for.
pub async fn perform(store: &Store, names: &Names, effect: Effect, files: Arc<Vec<File>>) -> Option<Input> {
    match attempt(store, names, effect, files).await {
        Ok(input) => input,
        Err(error) => Some(Input::GaveUp(error.to_string())),
    }
}

async fn attempt(store: &Store, names: &Names, effect: Effect, files: Arc<Vec<File>>) -> Result<Option<Input>, StoreError> {
    Ok(Some(match effect {
        Effect::ReadHint => Input::Hint(get(store, &names.hint()).await?.and_then(|bytes| parse_hint(&bytes))),
        Effect::Exists(seq) => {
            let key = names.intent(seq);
            Input::Exists(seq, with_retry(DEADLINE, || store.head(&key)).await?.is_some())
        }
        Effect::ReadCheckpoint => Input::Checkpoint(get(store, &names.checkpoint()).await?.map(Into::into)),
        Effect::ReadIntents { from, to } => Input::Intents(read_intents(store, names, from, to).await?),
        Effect::CheckFiles(keys) => {
            let found = each(keys, |key| {
                let store = store.clone();
                async move { Ok(with_retry(DEADLINE, || store.head(&key)).await?.is_some()) }
            });
            Input::Present(found.await?)
        }
        Effect::LoadDay(day, key) => Input::Day(day, get(store, &key).await?.map(Into::into)),
        Effect::PutIntent(key, bytes) => Input::IntentPut(put_intent(store, &key, bytes.into()).await?),
        Effect::ReadBack(key) => Input::ReadBack(get(store, &key).await?.map(Into::into)),
        Effect::PutFiles => put_files(store, &files).await?,
        Effect::WriteCheckpoint(objects) => Input::Checkpointed(write_all(store, objects).await),
        Effect::WriteHint(key, bytes) => {
            // A lost hint costs the next start a few existence checks.
            let _ = failpoint::attempt("hint", Class::Retry, store.put(&key, bytes.into())).await;
            return Ok(None);
        }
        Effect::Begin(_) | Effect::Encode { .. } | Effect::Mirror(_) | Effect::Discard | Effect::Halt(_) => return Ok(None),
    }))
}

async fn get(store: &Store, key: &str) -> Result<Option<Bytes>, StoreError> {
    with_retry(DEADLINE, || store.get(key)).await
}

fn parse_hint(bytes: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(bytes).ok()?.get("seq")?.as_u64()
}

async fn read_intents(store: &Store, names: &Names, from: u64, to: u64) -> Result<Vec<Vec<u8>>, StoreError> {
    each((from..to).map(|seq| names.intent(seq)).collect(), |key| {
        let store = store.clone();
        async move {
            let found = get(&store, &key).await?;
            let gone = || StoreError {
                class: Class::Fatal,
                what: format!("read {key}"),
                why: "the chain has a hole here; chain records are never deleted".to_owned(),
            };
            found.map(Into::into).ok_or_else(gone)
        }
    })
    .await
}

async fn put_intent(store: &Store, key: &str, body: Bytes) -> Result<Outcome, StoreError> {
    let put = || failpoint::attempt("intent", Class::Unclear, store.put_if_absent(key, body.clone()));
    match with_retry(DEADLINE, put).await {
        Ok(Put::Created) => Ok(Outcome::Created),
        Ok(Put::Exists) => Ok(Outcome::Exists),
        Err(error) if error.class == Class::Unclear => {
            tracing::warn!(%error, "an intent's put was not answered: reading it back");
            tokio::time::sleep(UNCLEAR_PAUSE).await;
            Ok(Outcome::Unclear)
        }
        Err(error) => Err(error),
    }
}

async fn put_files(store: &Store, files: &Arc<Vec<File>>) -> Result<Input, StoreError> {
    let conflicts = each((0..files.len()).collect(), |at| {
        let (store, files) = (store.clone(), Arc::clone(files));
        async move { put_file(&store, &files[at]).await }
    });
    Ok(match conflicts.await?.into_iter().flatten().next() {
        None => Input::Published,
        Some(conflict) => Input::Conflict(conflict),
    })
}

/// Puts one file; where one is, it must hold the same rows. Returns what is wrong with it otherwise.
async fn put_file(store: &Store, file: &File) -> Result<Option<String>, StoreError> {
    let key = &file.entry.key;
    let mut pauses = Backoff::new(UNCLEAR_PAUSE, LONGEST_PAUSE, DEADLINE, u64::from(std::process::id()));
    loop {
        let put = || failpoint::attempt("file", Class::Unclear, store.put_if_absent(key, file.bytes.clone()));
        let error = match with_retry(DEADLINE, put).await {
            Ok(Put::Created) => return Ok(None),
            Ok(Put::Exists) => break,
            Err(error) => error,
        };
        let pause = pauses.next().filter(|_| error.class == Class::Unclear).ok_or(error)?;
        tokio::time::sleep(pause).await;
        // Perhaps it came through: looking costs less than sending it all again. The name fixes the rows, so that would be right too.
        if with_retry(DEADLINE, || store.head(key)).await?.is_some() {
            break;
        }
    }
    let Some(there) = get(store, key).await? else {
        return Ok(Some(format!("{key} was there and is gone")));
    };
    Ok(match Footer::read(&there) {
        Ok(footer) if footer.rows == file.entry.rows && hex::encode(footer.rows_sha256) == file.entry.rows_sha256 => None,
        Ok(footer) => Some(format!(
            "{key} is there with {} rows of digest {} instead of {} rows of digest {}",
            footer.rows,
            hex::encode(footer.rows_sha256),
            file.entry.rows,
            file.entry.rows_sha256
        )),
        Err(error) => Some(format!("{key} is there and does not read: {error}")),
    })
}

async fn write_all(store: &Store, objects: Vec<(String, Vec<u8>)>) -> bool {
    // One after the other: the index names the others, so it goes last.
    for (key, bytes) in objects {
        let body = Bytes::from(bytes);
        let put = || failpoint::attempt("checkpoint", Class::Retry, store.put(&key, body.clone()));
        if let Err(error) = with_retry(Duration::from_secs(60), put).await {
            tracing::warn!(%error, "a ledger checkpoint was not written; the next one is");
            return false;
        }
    }
    true
}

/// Runs `work` for each of `items`, a few at a time; the answers in the order of the items.
async fn each<I, T, F>(items: Vec<I>, work: impl Fn(I) -> F) -> Result<Vec<T>, StoreError>
where
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    let mut answers: Vec<Option<T>> = items.iter().map(|_| None).collect();
    let mut items = items.into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < CONCURRENCY
            && let Some((at, item)) = items.next()
        {
            let future = work(item);
            running.spawn(async move { (at, future.await) });
        }
        match running.join_next().await {
            Some(Ok((at, answer))) => answers[at] = Some(answer?),
            Some(Err(error)) => {
                return Err(StoreError { class: Class::Fatal, what: "run a store task".to_owned(), why: error.to_string() });
            }
            None => break,
        }
    }
    Ok(answers.into_iter().flatten().collect())
}
