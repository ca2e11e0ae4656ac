//! What a person sees of a run: a bar on a terminal, a plain line now and then elsewhere, and a few lines at the end.

use aggregator::Progress;
use common::log::Producer;
use indicatif::{ProgressBar, ProgressStyle};
use persister::runtime::Status;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Between two looks for the bar.
const BAR_EVERY: Duration = Duration::from_millis(250);

/// `1234567` as `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes for people: `12.3 MB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{n} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

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
            grouped(progress.done.get()),
            grouped(progress.listed.get()),
            grouped(progress.records.get()),
            grouped(rate as u64),
            bytes(progress.bytes_in.get()),
            grouped(self.lag()),
            grouped(self.status.rows.load(Ordering::Relaxed)),
            grouped(self.status.files.load(Ordering::Relaxed)),
            bytes(self.status.bytes.load(Ordering::Relaxed)),
        )
    }

    /// The lines at the end.
    pub(super) fn summary(&self, table: &str) -> String {
        let (files, status) = (self.progress.summary(), &self.status);
        let seconds = self.started.elapsed().as_secs_f64();
        let mut log_files = format!("{} read", grouped(files.done));
        for (count, what) in [
            (files.known, "known from before"),
            (files.quarantined, "quarantined"),
            (files.vanished, "gone before they were read"),
            (files.unreadable, "not readable"),
            (files.skipped.values().sum(), "other objects passed over"),
        ] {
            if count > 0 {
                log_files.push_str(&format!(", {} {what}", grouped(count)));
            }
        }
        format!(
            "  log files  {log_files}\n  records    {}, {} of them rejected\n  written    {} rows in {} files, {} ({} batches)\n  took       {seconds:.1} s, {} records/s\n  table      {table}",
            grouped(files.records),
            grouped(files.rejected),
            grouped(status.rows.load(Ordering::Relaxed)),
            grouped(status.files.load(Ordering::Relaxed)),
            bytes(status.bytes.load(Ordering::Relaxed)),
            grouped(status.batches.load(Ordering::Relaxed)),
            grouped((files.records as f64 / seconds.max(0.001)) as u64),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), text);
        }
        for (n, text) in [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB")] {
            assert_eq!(bytes(n), text);
        }
    }
}
