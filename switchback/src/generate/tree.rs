//! The tree on disk: plans go to threads in batches, files are written as they are made, the truth is added up in the
//! order of the plans. Memory holds one batch of outcomes and one file per thread.

use super::digest::{self, Digests};
use super::log_file::{GeneratedLogFile, Generator};
use super::malformed::gzip;
use super::plan::{Plan, Planner};
use super::settings::Settings;
use super::truth::{OBJECTS_FILE, ObjectTruth, TRUTH_FILE, Truth};
use anyhow::Context;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Plans handed out at once: enough that threads seldom wait for the largest file of a batch.
const BATCH: usize = 256;
/// Copies of log files lie below this directory of the output, under the same path from `AWSLogs/` on: so does a bucket
/// that was copied, and whatever delivers twice.
const REDELIVERED: &str = "redelivered";

/// A file as the truth sees it, its bytes written and gone.
struct Written {
    generated: GeneratedLogFile,
    bytes_gz: u64,
    hash: Option<String>,
}

/// Writes the tree. `progress` is told the number of records so far.
pub(crate) fn write(generator: &Generator<'_>, planner: &mut Planner<'_>, progress: &dyn Fn(u64)) -> anyhow::Result<Truth> {
    let settings = generator.settings;
    let mut truth = Truth { seed: settings.seed, story: generator.story.map(|story| story.truth().clone()), ..Truth::default() };
    let mut digests = Digests::default();
    let lines = settings.out.join(OBJECTS_FILE);
    let mut lines = BufWriter::new(fs::File::create(&lines).with_context(|| format!("failed to create {}", lines.display()))?);
    loop {
        let plans: Vec<Plan> = planner.take(BATCH).collect();
        if plans.is_empty() {
            break;
        }
        for (plan, written) in plans.iter().zip(generate_all(generator, &plans)?) {
            if let (Some(hash), Some(span)) = (written.hash.clone(), written.generated.span) {
                let place = (generator.world.accounts[plan.account].id.as_str(), generator.world.regions[plan.region]);
                let closed = digests.add(place, plan.delivered, &written.generated.object, hash, span);
                truth.digest_files += write_digests(&settings.out, closed)?;
            }
            write_line(&mut lines, &written.generated)?;
            add(&mut truth, plan, written);
        }
        progress(truth.records);
    }
    truth.digest_files += write_digests(&settings.out, digests.close())?;
    lines.flush().context("failed to write the truth")?;
    let text = serde_json::to_vec_pretty(&truth).context("failed to write the truth")?;
    put(&settings.out, TRUTH_FILE, &text)?;
    Ok(truth)
}

/// Makes and writes the files of a batch on all cores; the results are in the order of the plans.
fn generate_all(generator: &Generator<'_>, plans: &[Plan]) -> anyhow::Result<Vec<Written>> {
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<anyhow::Result<Written>>>> = plans.iter().map(|_| Mutex::new(None)).collect();
    let jobs: Vec<_> = plans.iter().zip(&slots).collect();
    let work = || {
        let mut raw = Vec::new();
        while let Some((plan, slot)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = generate_one(generator, plan, &mut raw);
            if let Ok(mut slot) = slot.lock() {
                *slot = Some(result);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(plans.len());
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let taken = slots.into_iter().map(|slot| slot.into_inner().ok().flatten());
    taken.map(|result| result.unwrap_or_else(|| Err(anyhow::anyhow!("failed to make a log file: its thread died")))).collect()
}

fn generate_one(generator: &Generator<'_>, plan: &Plan, raw: &mut Vec<u8>) -> anyhow::Result<Written> {
    let mut generated = generator.generate(plan, raw).context("failed to compress a log file")?;
    let Settings { out, digests, .. } = generator.settings;
    put(out, &generated.object, &generated.gz)?;
    if plan.duplicate {
        put(&out.join(REDELIVERED), &generated.object, &generated.gz)?;
    }
    let hash = (*digests && generated.quarantined.is_none()).then(|| digest::hash(raw));
    let bytes_gz = std::mem::take(&mut generated.gz).len() as u64;
    Ok(Written { generated, bytes_gz, hash })
}

fn add(truth: &mut Truth, plan: &Plan, written: Written) {
    let Written { generated, bytes_gz, .. } = written;
    truth.files += 1;
    truth.duplicate_files += u64::from(plan.duplicate);
    if let Some(reason) = generated.quarantined {
        *truth.quarantined.entry(reason.to_owned()).or_default() += 1;
        return;
    }
    truth.records += generated.records;
    truth.late_records += generated.late;
    truth.undated += generated.undated;
    truth.events += generated.undated;
    truth.bytes_raw += generated.bytes_raw;
    truth.bytes_gz += bytes_gz;
    for (reason, count) in generated.rejected {
        *truth.rejected.entry(reason.to_owned()).or_default() += count;
    }
    for (date, count) in generated.by_date {
        *truth.events_by_date.entry(date.to_string()).or_default() += count;
        truth.events += count;
    }
}

fn write_line(lines: &mut impl Write, generated: &GeneratedLogFile) -> anyhow::Result<()> {
    let line = ObjectTruth {
        object: generated.object.clone(),
        records: generated.records,
        rejected: generated.rejected.values().sum(),
        quarantined: generated.quarantined.map(str::to_owned),
    };
    serde_json::to_writer(&mut *lines, &line).context("failed to write the truth")?;
    lines.write_all(b"\n").context("failed to write the truth")
}

fn write_digests(out: &Path, digests: Vec<(String, Vec<u8>)>) -> anyhow::Result<u64> {
    for (object, content) in &digests {
        put(out, object, &gzip(content).context("failed to compress a digest file")?)?;
    }
    Ok(digests.len() as u64)
}

fn put(root: &Path, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
    }
    fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))
}
