//! Compares the table with the log files that it was made from: reads each of them again, adds up its records, and compares the sum with
//! that of the table's rows.

use super::accounting::Accounting;
use super::canonical_json::hash;
use super::findings::{Check, EXAMPLES, Findings};
use super::listed::Listed;
use super::log_files::LogFileState;
use super::parquet_file::{Records, head_of};
use super::prefetch::{Prefetch, WorkLimits, cores};
use super::scan::{Suspect, Suspects};
use super::source_record::expected;
use aggregator::{LogFile, Progress, Source};
use common::cloudtrail::{file_id, inflate, records};
use common::limits::{MAX_INFLATED_BYTES, MAX_LOG_FILE_BYTES};
use common::message::FileId;
use common::store::{self, StoreError};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Inflated bytes per compressed byte, roughly: the memory for a log file while it is read.
const INFLATED_PER_BYTE: u64 = 16;
/// Bytes of suspects' records that are kept to show differences.
const KEPT_BYTES: usize = 64 << 20;

/// What the source was found to hold.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Log files read; one that lies under two paths counts once.
    pub(crate) files: u64,
    /// Their records.
    pub(crate) records: u64,
    /// Log files that cannot be read, here and in the table.
    pub(crate) quarantined: u64,
    /// Log files that changed after they were read, as the table says itself.
    pub(crate) altered: Listed,
    /// Log files that were listed but no longer exist.
    pub(crate) vanished: Listed,
    /// Log files whose records differ, to be looked at more closely.
    pub(crate) suspects: Suspects,
    names: HashMap<FileId, LogFile>,
}

/// One log file of the source, read.
#[derive(Debug)]
enum Content {
    Gone,
    /// It cannot be read, for this reason of the contract's.
    Unreadable(&'static str),
    /// Head of the SHA-256 of its content, and its records added up.
    Whole(u64, Records),
}

/// Reads every log file of the source.
///
/// # Errors
/// When the source cannot be listed or read.
pub(crate) async fn compare(source: &Source, accounting: &mut Accounting, findings: &mut Findings) -> anyhow::Result<Compared> {
    let mut judge = Judge { accounting, compared: Compared::default(), bad: HashMap::new(), seen: HashSet::new() };
    let mut pages = source.list(Arc::new(Progress::default()));
    let mut prefetch = Prefetch::new(2 * cores());
    let limits = WorkLimits::new();
    while let Some(page) = pages.recv().await {
        for file in page? {
            while prefetch.is_full() {
                judge.take(prefetch.next().await?, findings)?;
            }
            let (source, limits) = (source.clone(), limits.clone());
            prefetch.push(async move {
                let content = read(&source, &limits, &file).await;
                (file, content)
            });
        }
    }
    while let Some(done) = prefetch.next().await? {
        judge.take(Some(done), findings)?;
    }
    judge.finish(findings);
    let mut compared = judge.compared;
    load_suspects(source, &mut compared).await?;
    Ok(compared)
}

async fn read(source: &Source, limits: &WorkLimits, file: &LogFile) -> anyhow::Result<Content> {
    if file.size > MAX_LOG_FILE_BYTES {
        return Ok(Content::Unreadable("too_large"));
    }
    let name = file.source_object.clone();
    let look = move |read: store::Content| match read {
        store::Content::Whole(gz) => summed(&name, &gz),
        store::Content::Gone => Content::Gone,
        store::Content::Larger(_) => Content::Unreadable("too_large"),
    };
    Ok(limits.work::<_, StoreError, _, _>(file.size.saturating_mul(INFLATED_PER_BYTE), source.get(file), look).await??)
}

fn summed(name: &str, gz: &[u8]) -> Content {
    let (file, mut buffer, mut sum) = (file_id(name), Vec::new(), Records::default());
    let each = |index: u32, record: &[u8]| sum.push(index, hash(file, index, &expected(record), &mut buffer));
    match each_record(gz, each) {
        Ok(content) => Content::Whole(content, sum),
        Err(reason) => Content::Unreadable(reason),
    }
}

/// Calls `each` for each record of a log file. Returns the head of its content's SHA-256, or why it cannot be read.
fn each_record(gz: &[u8], mut each: impl FnMut(u32, &[u8])) -> Result<u64, &'static str> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow, rename = "Records")]
        records: Vec<&'a RawValue>,
    }
    let mut content = Vec::new();
    inflate(gz, MAX_INFLATED_BYTES, &mut content).map_err(|why| why.reason())?;
    match serde_json::from_slice::<Document<'_>>(&content) {
        // The usual case, split by another parser than the aggregator's.
        Ok(document) => (0..).zip(document.records).for_each(|(index, record)| each(index, record.get().as_bytes())),
        Err(_) => {
            // Broken in a record, or altogether: only the reader that goes by brackets can tell. First, whether the document is whole.
            records(&content, |_| Ok(())).map_err(|why| why.reason())?;
            let mut index = 0;
            records(&content, |record| {
                each(index, record);
                index += 1;
                Ok(())
            })
            .map_err(|why| why.reason())?;
        }
    }
    Ok(head_of(&hex::encode(Sha256::digest(&content))))
}

struct Judge<'a> {
    accounting: &'a mut Accounting,
    compared: Compared,
    /// Log files that do not agree so far; another object of the same name may agree.
    bad: HashMap<FileId, (Check, String)>,
    seen: HashSet<FileId>,
}

impl Judge<'_> {
    fn take(&mut self, done: Option<(LogFile, anyhow::Result<Content>)>, findings: &mut Findings) -> anyhow::Result<()> {
        let Some((file, content)) = done else { return Ok(()) };
        let content = content?;
        let id = file_id(&file.source_object);
        if matches!(content, Content::Gone) {
            self.compared.vanished.add(&file.source_object, "deleted before it was read");
            return Ok(());
        }
        if self.seen.insert(id) {
            self.compared.files += 1;
        }
        let name = &file.source_object;
        let Some(state) = self.accounting.log_files.get_mut(id) else {
            if let Entry::Vacant(entry) = self.bad.entry(id) {
                entry.insert((Check::Source, String::new()));
                findings.add(Check::Source, format!("{name}: no record of it is in the table"));
            }
            return Ok(());
        };
        state.is_in_source = true;
        if state.is_matched {
            return Ok(());
        }
        match judge(state, &content) {
            Verdict::Agrees => {
                state.is_matched = true;
                self.bad.remove(&id);
                match content {
                    Content::Whole(_, sum) => self.compared.records += u64::from(sum.count),
                    _ => self.compared.quarantined += 1,
                }
            }
            Verdict::Altered => self.compared.altered.add(name, "its content is not the one in the table, and the table says so"),
            Verdict::Differs => {
                // Same content, other values: no other object of this name can agree.
                state.is_matched = true;
                self.bad.remove(&id);
                if self.compared.suspects.len() < EXAMPLES {
                    self.compared.suspects.insert(id, Suspect::default());
                    self.compared.names.insert(id, file);
                } else {
                    findings.add(Check::Values, format!("{name}: its records are not those of its rows"));
                }
            }
            Verdict::Bad(why) => {
                // Beyond those that are described, the number is enough.
                let text = if self.bad.len() < 2 * EXAMPLES { format!("{name}: {why}") } else { String::new() };
                self.bad.insert(id, (Check::Source, text));
            }
        }
        Ok(())
    }

    fn finish(&mut self, findings: &mut Findings) {
        let mut bad: Vec<_> = std::mem::take(&mut self.bad).into_iter().collect();
        bad.retain(|(id, _)| self.accounting.log_files.get(*id).is_some());
        // Described ones first, in the order of names.
        bad.sort_by(|a, b| (a.1.1.is_empty(), &a.1.1).cmp(&(b.1.1.is_empty(), &b.1.1)));
        for (id, (check, text)) in bad {
            findings.add(check, if text.is_empty() { format!("log file {id}") } else { text });
        }
    }
}

enum Verdict {
    Agrees,
    Altered,
    Differs,
    Bad(String),
}

fn judge(state: &LogFileState, content: &Content) -> Verdict {
    let records = state.records.count;
    match (content, state.end) {
        (Content::Unreadable(_), None) if state.is_quarantined => Verdict::Agrees,
        (Content::Unreadable(_), Some(_)) if state.altered != 0 => Verdict::Altered,
        (Content::Unreadable(reason), _) => {
            Verdict::Bad(format!("cannot be read ({reason}), and the table does not have it as quarantined"))
        }
        (Content::Whole(content, _), Some(_)) if *content != state.content => {
            if state.altered == *content {
                Verdict::Altered
            } else {
                Verdict::Bad("its content is not the one in the table (another SHA-256)".to_owned())
            }
        }
        (Content::Whole(_, sum), Some(_)) if *sum == state.records => Verdict::Agrees,
        (Content::Whole(..), Some(_)) => Verdict::Differs,
        (Content::Whole(..), None) if state.is_too_large => Verdict::Agrees,
        (Content::Whole(..), None) if state.is_quarantined && records == 0 => {
            Verdict::Bad("can be read, and the table has it as quarantined".to_owned())
        }
        (Content::Whole(_, sum), None) => {
            Verdict::Bad(format!("{records} of its {} records are in the table, and its end is not", sum.count))
        }
        (Content::Gone, _) => Verdict::Agrees,
    }
}

/// Reads the suspects again, record by record this time.
async fn load_suspects(source: &Source, compared: &mut Compared) -> anyhow::Result<()> {
    let mut kept = 0;
    for (id, suspect) in &mut compared.suspects {
        let Some(file) = compared.names.get(id) else { continue };
        let store::Content::Whole(gz) = source.get(file).await? else { continue };
        let mut buffer = Vec::new();
        let each = |index: u32, record: &[u8]| {
            suspect.hashes.push(hash(*id, index, &expected(record), &mut buffer));
            kept += record.len();
            if kept <= KEPT_BYTES {
                suspect.records.push(record.into());
            }
        };
        // It was readable a moment ago; if it no longer is, nothing of it is compared.
        let _ = each_record(&gz, each);
    }
    Ok(())
}
