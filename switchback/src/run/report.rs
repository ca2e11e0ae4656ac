//! What `run` prints: a progress bar on a terminal, otherwise a line every few seconds, and a summary at the end.

use aggregator::Progress;
use aggregator::notes::Fate;
use common::log::Producer;
use common::service::Printable;
use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressStyle};
use persister::runtime::Status;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Pause between two lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Pause between two updates of the bar.
const BAR_EVERY: Duration = Duration::from_millis(250);

/// Where the numbers come from.
pub(super) struct Metrics {
    pub(super) progress: Arc<Progress>,
    pub(super) status: Arc<Status>,
    pub(super) producer: Arc<dyn Producer>,
    pub(super) started: Instant,
}

impl Metrics {
    /// Messages on the log that are not in the table yet, of the partitions of this process.
    fn lag(&self) -> u64 {
        let ends = self.producer.ends().unwrap_or_default();
        let behind = ends.iter().enumerate().map(|(partition, end)| {
            u32::try_from(partition).ok().and_then(|partition| self.status.end(partition)).map_or(0, |at| end.saturating_sub(at))
        });
        behind.sum()
    }

    fn line(&self, rate: f64) -> String {
        let progress = &self.progress;
        format!(
            "log files {}/{}  records {} ({}/s)  read {}  lag {}  table {} rows in {} files, {}",
            HumanCount(progress.done.get()),
            HumanCount(progress.listed.get()),
            HumanCount(progress.records.get()),
            HumanCount(rate as u64),
            DecimalBytes(progress.bytes_in.get()),
            HumanCount(self.lag()),
            HumanCount(self.status.rows.load(Ordering::Relaxed)),
            HumanCount(self.status.files.load(Ordering::Relaxed)),
            DecimalBytes(self.status.bytes.load(Ordering::Relaxed)),
        )
    }

    /// The summary at the end.
    pub(super) fn summary(&self, table: &str) -> String {
        let (files, status) = (self.progress.summary(), &self.status);
        let seconds = self.started.elapsed().as_secs_f64();
        let mut log_files = format!("{} read", HumanCount(files.done));
        for (count, what) in [
            (files.known, "processed earlier"),
            (files.quarantined, "quarantined"),
            (files.vanished, "deleted before they were read"),
            (files.waiting, "not given by the source"),
            (files.skipped, "other objects skipped"),
        ] {
            if count > 0 {
                log_files.push_str(&format!(", {} {what}", HumanCount(count)));
            }
        }
        for note in &files.notes {
            let (what, look) = match note.fate {
                Fate::Quarantined => ("quarantined", "; log_files/ of the table has each, with the reason"),
                Fate::Waiting => ("not given by the source", "; asked for again by the next run"),
                Fate::Unlisted => ("could not be listed", ""),
                Fate::Skipped => ("skipped", ""),
            };
            log_files.push_str(&format!("\n             {what}: {}{look}", Printable(&note.to_string())));
        }
        format!(
            "  log files  {log_files}\n  records    {}, of which {} rejected\n  written    {} rows in {} files, {} ({} batches)\n  duration   {seconds:.1} s, {} records/s\n  table      {table}",
            HumanCount(files.records),
            HumanCount(files.rejected),
            HumanCount(status.rows.load(Ordering::Relaxed)),
            HumanCount(status.files.load(Ordering::Relaxed)),
            DecimalBytes(status.bytes.load(Ordering::Relaxed)),
            HumanCount(status.batches.load(Ordering::Relaxed)),
            HumanCount((files.records as f64 / seconds.max(0.001)) as u64),
        )
    }
}

/// Prints progress until it is dropped.
pub(super) async fn follow(metrics: Arc<Metrics>) {
    let terminal = std::io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    let pause = if terminal { BAR_EVERY } else { LINE_EVERY };
    let (mut before, mut at) = (0, Instant::now());
    loop {
        tokio::time::sleep(pause).await;
        let records = metrics.progress.records.get();
        let rate = (records - before) as f64 / at.elapsed().as_secs_f64().max(0.001);
        (before, at) = (records, Instant::now());
        // Asking the log for its end offsets may block.
        let metrics = Arc::clone(&metrics);
        let Ok(line) = tokio::task::spawn_blocking(move || metrics.line(rate)).await else { return };
        if terminal {
            bar.set_message(line);
            bar.tick();
        } else {
            eprintln!("  {line}");
        }
    }
}
