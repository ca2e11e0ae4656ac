//! A bucket in memory for tests, which refuses what it is told to refuse.

use super::{S3Source, Source};
use bytes::Bytes;
use common::failure::Class;
use common::store::{Answer, Entry, Objects, Put, Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

/// The class of the error with which a request is answered: by its key, empty for a listing, and the number of those for the key before.
type Refuse = Box<dyn Fn(&str, u32) -> Option<Class> + Send + Sync>;

/// The bucket. Clones share it.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Inner>);

struct Inner {
    objects: BTreeMap<String, Bytes>,
    refuse: Refuse,
    asked: Mutex<HashMap<String, u32>>,
}

impl Fake {
    pub(crate) fn new(
        objects: BTreeMap<String, Bytes>,
        refuse: impl Fn(&str, u32) -> Option<Class> + Send + Sync + 'static,
    ) -> Fake {
        Fake(Arc::new(Inner { objects, refuse: Box::new(refuse), asked: Mutex::default() }))
    }

    pub(crate) fn source(&self) -> Source {
        Source::S3(S3Source::over(Store::new(self.clone()), "", self.to_string()))
    }

    /// Requests for this key so far.
    pub(crate) fn asked(&self, key: &str) -> u32 {
        self.0.asked.lock().unwrap().get(key).copied().unwrap_or(0)
    }

    fn answer<T: Send + 'static>(&self, key: &str, answer: T) -> Answer<'_, T> {
        let before = {
            let mut asked = self.0.asked.lock().unwrap();
            let times = asked.entry(key.to_owned()).or_default();
            *times += 1;
            *times - 1
        };
        let error = |class| StoreError { class, what: format!("get {key}"), why: format!("Refused: by the fake ({class:?})") };
        let answer = (self.0.refuse)(key, before).map_or(Ok(answer), |class| Err(error(class)));
        Box::pin(std::future::ready(answer))
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl fmt::Display for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("s3://fake")
    }
}

impl Objects for Fake {
    fn put_if_absent<'a>(&'a self, key: &'a str, _: Bytes) -> Answer<'a, Put> {
        self.answer(key, Put::Exists)
    }

    fn put<'a>(&'a self, key: &'a str, _: Bytes) -> Answer<'a, ()> {
        self.answer(key, ())
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>> {
        self.answer(key, self.0.objects.get(key).cloned())
    }

    fn head<'a>(&'a self, key: &'a str) -> Answer<'a, Option<u64>> {
        self.answer(key, self.0.objects.get(key).map(|bytes| bytes.len() as u64))
    }

    fn list_after<'a>(&'a self, prefix: &'a str, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<Entry>> {
        let wanted =
            self.0.objects.iter().filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        let entry = |(key, bytes): (&String, &Bytes)| Entry { key: key.clone(), size: bytes.len() as u64, etag: "e".into() };
        self.answer("", wanted.take(limit).map(entry).collect())
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        self.answer(key, ())
    }
}
