//! Compares the table with the log files that it was made from: reads each of them again, adds up its records, and compares the sum with
//! that of the table's rows. Whatever of the source was not compared is named.

use super::accounting::Accounting;
use super::canonical_json::hash;
use super::findings::{Check, EXAMPLES, Findings};
use super::log_files::LogFileState;
use super::notes::{Note, Notes};
use super::parquet_file::{Records, content_of};
use super::prefetch::{Prefetch, WorkLimits, cores};
use super::scan::{Suspect, Suspects};
use super::source::{Found, Object, Shape, Source};
use super::source_record::expected;
use common::cloudtrail::{file_id, inflate, records};
use common::failure::Class;
use common::limits::{MAX_INFLATED_BYTES, MAX_LOG_FILE_BYTES};
use common::message::FileId;
use common::store::{self, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Inflated bytes per compressed byte, roughly: the memory for a log file while it is read.
const INFLATED_PER_BYTE: u64 = 16;
/// Bytes of suspects' records that are kept to show differences.
const KEPT_BYTES: usize = 64 << 20;

/// What the source was found to hold.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Log files compared; one that lies under two paths counts once.
    pub(crate) files: u64,
    /// Their records.
    pub(crate) records: u64,
    /// Objects that are no log files.
    pub(crate) others: Others,
    /// Log files whose records differ, to be looked at more closely.
    pub(crate) suspects: Suspects,
    names: HashMap<FileId, Object>,
}

/// Objects that hold no records, by kind. Keys of `--json`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Others {
    pub(crate) digests: u64,
    pub(crate) of_other_services: u64,
    pub(crate) empty: u64,
    /// What `switchback generate` writes beside its log files.
    pub(crate) generated_truth: u64,
    /// Directories inside themselves.
    pub(crate) loops: u64,
}

/// One log file of the source, read.
#[derive(Debug)]
enum Content {
    Gone,
    /// It cannot be read, for this reason of the contract's.
    Unreadable(&'static str),
    /// [`content_of`] it, and its records added up.
    Whole(u64, Records),
}

/// A log file and what reading it came to. The outer error is a panic.
type Done = (Object, anyhow::Result<Result<Content, StoreError>>);

/// Reads every log file of the source.
///
/// # Errors
/// When nothing of the source can be listed for a reason that an operator must change.
pub(crate) async fn compare(
    source: &Source,
    accounting: &mut Accounting,
    findings: &mut Findings,
    notes: &mut Notes,
) -> anyhow::Result<Compared> {
    let mut judge = Judge { accounting, compared: Compared::default(), findings, notes };
    let mut pages = source.list();
    let mut prefetch: Prefetch<Done> = Prefetch::new(2 * cores());
    let limits = WorkLimits::new();
    let (mut has_listed, mut is_whole) = (false, true);
    while let Some(page) = pages.recv().await {
        let page = match page {
            Err(error) if !has_listed && error.class == Class::Config => return Err(error.into()),
            Err(error) => {
                let why = format!("the listing broke off: {}", error.why);
                judge.notes.add(Note::NotCompared, &source.to_string(), &why);
                is_whole = false;
                break;
            }
            Ok(page) => page,
        };
        for found in page {
            has_listed = true;
            let Some(object) = judge.sort(found) else { continue };
            while prefetch.is_full() {
                judge.take(prefetch.next().await?)?;
            }
            let (source, limits) = (source.clone(), limits.clone());
            prefetch.push(async move {
                let content = read(&source, &limits, &object).await;
                (object, content)
            });
        }
        if source.is_silent() {
            judge.notes.add(Note::NotCompared, &source.to_string(), "it does not answer any more: the rest was not listed");
            is_whole = false;
            break;
        }
    }
    while let Some(done) = prefetch.next().await? {
        judge.take(Some(done))?;
    }
    // Of a listing that broke off nobody knows what it would have shown.
    if is_whole && judge.compared.files == 0 && judge.accounting.log_files.len() > 0 {
        let why = if has_listed { "none of its objects is a log file" } else { "it is empty" };
        judge.notes.add(Note::NothingCompared, &source.to_string(), why);
    }
    let mut compared = judge.compared;
    load_suspects(source, &mut compared).await?;
    Ok(compared)
}

async fn read(source: &Source, limits: &WorkLimits, object: &Object) -> anyhow::Result<Result<Content, StoreError>> {
    if object.size > MAX_LOG_FILE_BYTES {
        return Ok(Ok(Content::Unreadable("too_large")));
    }
    let name = object.name.clone();
    let look = move |read: store::Content| match read {
        store::Content::Whole(gz) => summed(&name, &gz),
        store::Content::Gone => Content::Gone,
        store::Content::Larger(_) => Content::Unreadable("too_large"),
    };
    limits.work::<_, StoreError, _, _>(object.size.saturating_mul(INFLATED_PER_BYTE), source.get(object), look).await
}

fn summed(name: &str, gz: &[u8]) -> Content {
    let (file, mut buffer, mut sum) = (file_id(name), Vec::new(), Records::default());
    let each = |index: u32, record: &[u8]| sum.push(index, hash(file, index, &expected(record), &mut buffer));
    match each_record(gz, each) {
        Ok(content) => Content::Whole(content, sum),
        Err(reason) => Content::Unreadable(reason),
    }
}

/// Calls `each` for each record of a log file. Returns [`content_of`] it, or why it cannot be read.
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
    Ok(content_of(&Sha256::digest(&content), content.len() as u64))
}

struct Judge<'a> {
    accounting: &'a mut Accounting,
    compared: Compared,
    findings: &'a mut Findings,
    notes: &'a mut Notes,
}

impl Judge<'_> {
    /// Counts what is no log file, and names what may be one and cannot be compared. Returns a log file.
    fn sort(&mut self, found: Found) -> Option<Object> {
        let others = &mut self.compared.others;
        match found {
            Found::Trouble { path, why } => self.notes.add(Note::NotCompared, &path, &why),
            Found::Loop => others.loops += 1,
            Found::Object(object) if object.size == 0 => others.empty += 1,
            Found::Object(object) => match Shape::of(&object.name) {
                Shape::LogFile => return Some(object),
                Shape::Digest => others.digests += 1,
                Shape::OtherService => others.of_other_services += 1,
                Shape::Truth => others.generated_truth += 1,
                Shape::Unknown => self.notes.add(Note::NotCompared, &object.path, "by its name no kind of object that is known"),
            },
        }
        None
    }

    /// Compares one object. Two objects of one name must both agree with the table.
    fn take(&mut self, done: Option<Done>) -> anyhow::Result<()> {
        let Some((object, content)) = done else { return Ok(()) };
        let name = &object.name;
        let content = match content? {
            Ok(Content::Gone) => {
                self.notes.add(Note::Vanished, name, "it was listed");
                return Ok(());
            }
            Ok(content) => content,
            Err(error) => {
                self.notes.add(Note::NotCompared, name, &error.why);
                return Ok(());
            }
        };
        let id = file_id(name);
        let Some(state) = self.accounting.log_files.get_mut(id) else {
            self.compared.files += 1;
            self.findings.add(Check::Source, format!("{name}: no record of it is in the table"));
            return Ok(());
        };
        let is_first = !std::mem::replace(&mut state.is_in_source, true);
        self.compared.files += u64::from(is_first);
        match judge(state, &content) {
            Verdict::Agrees => {
                if let (Content::Whole(_, sum), false) = (content, std::mem::replace(&mut state.is_matched, true)) {
                    self.compared.records += u64::from(sum.count);
                }
            }
            Verdict::OnItsWay => {}
            Verdict::Lacks(why) => self.findings.add(Check::Source, format!("{name}: {why}")),
            Verdict::Differs if self.compared.suspects.contains_key(&id) => {}
            Verdict::Differs if self.compared.suspects.len() < EXAMPLES => {
                self.compared.suspects.insert(id, Suspect::default());
                self.compared.names.insert(id, object);
            }
            Verdict::Differs => self.findings.add(Check::Values, format!("{name}: its records are not those of its rows")),
        }
        Ok(())
    }
}

enum Verdict {
    Agrees,
    /// It is not all there, and the table says that it is being taken: its note tells.
    OnItsWay,
    /// The content of the table, and other values.
    Differs,
    /// The table lacks it or some of its records.
    Lacks(String),
}

fn judge(state: &LogFileState, content: &Content) -> Verdict {
    let records = state.records.count;
    match (content, state.end) {
        (Content::Gone, _) => Verdict::Agrees,
        (Content::Unreadable(_), None) if state.is_quarantined => Verdict::Agrees,
        (Content::Unreadable(reason), Some(end)) => {
            Verdict::Lacks(format!("cannot be read ({reason}), and what the table has under its name could: {end} records"))
        }
        (Content::Unreadable(reason), None) => {
            Verdict::Lacks(format!("cannot be read ({reason}), and the table does not have it as quarantined"))
        }
        (Content::Whole(content, sum), Some(end)) if *content != state.content => {
            let known = if state.altered == *content { ", and log_files/ has it as altered" } else { "" };
            Verdict::Lacks(format!(
                "its content is not the one that the table has under its name: {} records of another SHA-256, instead of {end} records{known}",
                sum.count
            ))
        }
        (Content::Whole(_, sum), Some(_)) if *sum == state.records => Verdict::Agrees,
        (Content::Whole(..), Some(_)) => Verdict::Differs,
        (Content::Whole(..), None) if state.is_too_large => Verdict::Agrees,
        (Content::Whole(..), None) if records > 0 || state.is_on_its_way => Verdict::OnItsWay,
        (Content::Whole(..), None) if state.is_quarantined => {
            Verdict::Lacks("can be read, and the table has it as quarantined".to_owned())
        }
        (Content::Whole(_, sum), None) => Verdict::Lacks(format!("none of its {} records is in the table", sum.count)),
    }
}

/// Reads the suspects again, record by record this time.
async fn load_suspects(source: &Source, compared: &mut Compared) -> anyhow::Result<()> {
    let mut kept = 0;
    for (id, suspect) in &mut compared.suspects {
        let Some(object) = compared.names.get(id) else { continue };
        // What was read a moment ago and cannot be any more is told without details.
        let Ok(store::Content::Whole(gz)) = source.get(object).await else { continue };
        let mut buffer = Vec::new();
        let each = |index: u32, record: &[u8]| {
            suspect.hashes.push(hash(*id, index, &expected(record), &mut buffer));
            kept += record.len();
            if kept <= KEPT_BYTES {
                suspect.records.push(record.into());
            }
        };
        let _ = each_record(&gz, each);
    }
    Ok(())
}
