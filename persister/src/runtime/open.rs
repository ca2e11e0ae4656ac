//! Opening a table: prove the store, pin the stream, refuse what would break the promise.

use crate::protocol::names;
use crate::protocol::stream::{Pinned, StreamRecord};
use bytes::Bytes;
use common::failure::Class;
use common::service::ConfigError;
use common::store::{Store, StoreError, retry::with_retry};
use std::time::Duration;

/// How long an unreachable store is waited for at start.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why a table could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store does not do what is needed, or does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The table is pinned to something else.
    #[error("{table}: {pinned}")]
    Pinned {
        /// Where the table is.
        table: String,
        /// What differs.
        pinned: Pinned,
    },
    /// The table belongs to another stream.
    #[error("{table} already holds the stream {found}; one table holds one stream (topic and epoch): choose another table")]
    OtherStream {
        /// Where the table is.
        table: String,
        /// What was found.
        found: String,
    },
    /// The stream record does not read.
    #[error("{table}/{key} does not read: {why}")]
    Damaged {
        /// Where the table is.
        table: String,
        /// The record.
        key: String,
        /// Why.
        why: String,
    },
}

impl OpenError {
    /// The error as a program prints it: what the operator must change is a configuration error of the table.
    pub fn for_people(self) -> anyhow::Error {
        match self {
            OpenError::Store(error) => error.into(),
            other => ConfigError::at("table", other.to_string()).into(),
        }
    }

    /// What the caller must do.
    pub fn class(&self) -> Class {
        match self {
            OpenError::Store(error) => error.class,
            _ => Class::Config,
        }
    }
}

/// Proves that the store honours conditional puts, and pins the table to this stream or checks that it already is.
///
/// # Errors
/// When the store is not fit, or the table is pinned to something else.
pub async fn open(store: &Store, told: &StreamRecord) -> Result<(), OpenError> {
    with_retry(DEADLINE, || store.probe()).await?;
    let key = names::stream(&told.topic, &told.epoch);
    alone(store, &key).await?;
    let body = Bytes::from(serde_json::to_vec_pretty(told).unwrap_or_default());
    // Whatever the answer, what stands there afterwards decides.
    let put = with_retry(DEADLINE, || store.put_if_absent(&key, body.clone())).await;
    if let Err(error) = put
        && error.class != Class::Unclear
    {
        return Err(error.into());
    }
    let found = with_retry(DEADLINE, || store.get(&key)).await?.unwrap_or_default();
    let damaged = |why: String| OpenError::Damaged { table: store.to_string(), key: key.clone(), why };
    let pinned: StreamRecord = serde_json::from_slice(&found).map_err(|error| damaged(error.to_string()))?;
    pinned.agrees_with(told).map_err(|pinned| OpenError::Pinned { table: store.to_string(), pinned })?;
    alone(store, &key).await
}

/// Two streams in one table could each take the same log file: their ledgers do not know of each other.
async fn alone(store: &Store, key: &str) -> Result<(), OpenError> {
    let streams = with_retry(DEADLINE, || store.list_after(names::STREAMS, None, 2)).await?;
    match streams.into_iter().find(|entry| entry.key != key) {
        None => Ok(()),
        Some(other) => {
            let found = other.key.trim_start_matches(names::STREAMS).trim_end_matches("/stream.json").to_owned();
            Err(OpenError::OtherStream { table: store.to_string(), found })
        }
    }
}
