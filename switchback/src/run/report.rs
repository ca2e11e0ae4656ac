//! What a person sees of a run: a bar on a terminal, a plain line now and then elsewhere, and a few lines at the end.

use aggregator::Progress;
use common::log::Producer;
use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressStyle};
use persister::runtime::Status;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Between two looks for the bar.
const BAR_EVERY: Duration = Duration::from_millis(250);

/// What the lines are made from.
pub(super) struct Watched {
    pub(super) progress: Arc<Progress>,
    pub(super) status: Arc<Status>,
    pub(super) producer: Arc<dyn Producer>,
    pub(super) started: Instant,
}

impl Watched {
    /// Messages on the log that are not in the table yet, of the partitions that are ours.
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

    /// The lines at the end.
    pub(super) fn summary(&self, table: &str) -> String {
        let (files, status) = (self.progress.summary(), &self.status);
        let seconds = self.started.elapsed().as_secs_f64();
        let mut log_files = format!("{} read", HumanCount(files.done));
        for (count, what) in [
            (files.known, "known from before"),
            (files.quarantined, "quarantined"),
            (files.vanished, "gone before they were read"),
            (files.unreadable, "not readable"),
            (files.skipped.values().sum(), "other objects passed over"),
        ] {
            if count > 0 {
                log_files.push_str(&format!(", {} {what}", HumanCount(count)));
            }
        }
        format!(
            "  log files  {log_files}\n  records    {}, {} of them rejected\n  written    {} rows in {} files, {} ({} batches)\n  took       {seconds:.1} s, {} records/s\n  table      {table}",
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

/// Shows how it goes until it is dropped.
pub(super) async fn follow(watched: Arc<Watched>) {
    let terminal = std::io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    let pause = if terminal { BAR_EVERY } else { LINE_EVERY };
    let (mut before, mut at) = (0, Instant::now());
    loop {
        tokio::time::sleep(pause).await;
        let records = watched.progress.records.get();
        let rate = (records - before) as f64 / at.elapsed().as_secs_f64().max(0.001);
        (before, at) = (records, Instant::now());
        // Asking the log for its ends may block.
        let watched = Arc::clone(&watched);
        let Ok(line) = tokio::task::spawn_blocking(move || watched.line(rate)).await else { return };
        if terminal {
            bar.set_message(line);
            bar.tick();
        } else {
            eprintln!("  {line}");
        }
    }
}
