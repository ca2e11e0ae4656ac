//! Listing a bucket in key order, on servers that keep that order and on those that do not.
//!
//! S3 lists keys in the byte order of UTF-8 (AWS, `ListObjectsV2`, general purpose buckets). SeaweedFS and other servers on top of a tree
//! list directory by directory: `a/c` before `a-b`, and "after `a`" skips what is below `a/`. There we walk the directories ourselves.

use super::{ATTEMPT, Request, S3Store};
use crate::failure::Class;
use crate::store::wanted::Wanted;
use crate::store::{Entry, StoreError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::types::{CommonPrefix, Object};

/// S3 lists at most so many keys at once.
const PAGE: usize = 1000;

/// One line of a directory: an object, or a directory with its `/`.
struct Line {
    key: String,
    object: Option<Entry>,
}

impl S3Store {
    pub(super) async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let wanted = Wanted::new(prefix, after, limit);
        if limit == 0 {
            Ok(Vec::new())
        } else if self.place.in_key_order {
            self.list_flat(&wanted).await
        } else {
            self.list_tree(&wanted).await
        }
    }

    async fn list_flat(&self, wanted: &Wanted<'_>) -> Result<Vec<Entry>, StoreError> {
        let mut start = Some(wanted.after).filter(|after| !after.is_empty()).map(|after| self.full(after));
        let mut token = None;
        let mut found: Vec<Entry> = Vec::new();
        while found.len() < wanted.limit {
            let page = PAGE.min(wanted.limit - found.len());
            let request = self.request(wanted.prefix, page).set_start_after(start.take());
            let answer = self.page(wanted, request, &mut token).await?;
            found.extend(answer.contents().iter().filter_map(|object| self.entry(object)));
            if token.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn list_tree(&self, wanted: &Wanted<'_>) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        let mut open = vec![self.directory(wanted.start(), wanted, wanted.limit).await?.into_iter()];
        while let Some(directory) = open.last_mut() {
            match directory.next() {
                None => drop(open.pop()),
                Some(Line { object: Some(entry), .. }) => found.push(entry),
                Some(Line { key, object: None }) => {
                    open.push(self.directory(&key, wanted, wanted.limit - found.len()).await?.into_iter());
                }
            }
            if found.len() >= wanted.limit {
                break;
            }
        }
        Ok(found)
    }

    /// What is wanted of one directory, in key order: at least the first `enough` objects, if there are so many.
    async fn directory(&self, directory: &str, wanted: &Wanted<'_>, enough: usize) -> Result<Vec<Line>, StoreError> {
        let prefix = if wanted.prefix.len() > directory.len() { wanted.prefix } else { directory };
        let mut start = wanted.floor(directory).map(|floor| self.full(floor));
        let mut token = None;
        let mut lines: Vec<Line> = Vec::new();
        loop {
            let request = self.request(prefix, PAGE).delimiter("/").set_start_after(start.take());
            let answer = self.page(wanted, request, &mut token).await?;
            let objects = answer.contents().iter().filter_map(|object| self.entry(object));
            lines.extend(
                objects.filter(|entry| wanted.has(&entry.key)).map(|entry| Line { key: entry.key.clone(), object: Some(entry) }),
            );
            let directories = answer.common_prefixes().iter().filter_map(|prefix| self.below(prefix.prefix()?));
            lines.extend(directories.filter(|key| wanted.may_hold(key)).map(|key| Line { key: key.to_owned(), object: None }));
            lines.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            lines.dedup_by(|a, b| a.key == b.key);
            // All that is still to come has a name, and so a key, above the last name of this page.
            let last =
                answer.contents().last().and_then(Object::key).max(
                    answer.common_prefixes().last().and_then(CommonPrefix::prefix).map(|prefix| prefix.trim_end_matches('/')),
                );
            let last = last.and_then(|last| self.below(last)).unwrap_or("");
            let settled = lines.iter().filter(|line| line.object.is_some() && line.key.as_str() <= last).count();
            if token.is_none() || settled >= enough {
                return Ok(lines);
            }
        }
    }

    fn request(&self, prefix: &str, page: usize) -> ListObjectsV2FluentBuilder {
        let page = i32::try_from(page).unwrap_or(i32::MAX);
        self.client.list_objects_v2().bucket(&self.place.bucket).prefix(self.full(prefix)).max_keys(page)
    }

    /// One page, from where `token` says; leaves there where the next one starts.
    async fn page(
        &self,
        wanted: &Wanted<'_>,
        request: ListObjectsV2FluentBuilder,
        token: &mut Option<String>,
    ) -> Result<ListObjectsV2Output, StoreError> {
        let what = || format!("list {} in {self}", wanted.prefix);
        let request = request.set_continuation_token(token.clone());
        let answer = match self.within(ATTEMPT, Request::List, what, request.send()).await? {
            Ok(answer) => answer,
            Err(error) => return Err(self.refused(&error, Request::List, what())),
        };
        let next = answer.next_continuation_token().filter(|_| answer.is_truncated() == Some(true)).map(str::to_owned);
        if answer.is_truncated() == Some(true) && (next.is_none() || next == *token) {
            // Ending here would hide objects; going on would never end.
            return Err(StoreError::new(Class::Fatal, what(), "the server says that there is more, but not where"));
        }
        *token = next;
        Ok(answer)
    }

    /// A full key as seen from the root.
    fn below<'a>(&self, full: &'a str) -> Option<&'a str> {
        full.strip_prefix(self.place.prefix.as_str())
    }

    /// `None` for the markers that consoles make for "folders": keys that end in `/`.
    fn entry(&self, object: &Object) -> Option<Entry> {
        let key = self.below(object.key()?).filter(|key| !key.is_empty() && !key.ends_with('/'))?;
        let size = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        let etag = object.e_tag().unwrap_or_default().trim_matches('"').to_owned();
        Some(Entry { key: key.to_owned(), size, etag })
    }
}
