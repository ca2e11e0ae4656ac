//! What a log file costs before its messages reach a log: reads a tree once, into nothing, and prints processor time per file.
//!
//! `file_cost URL` takes a directory or `s3://bucket/prefix`. Each file is listed, fetched, transformed, acknowledged at once and
//! marked, by the same stages as in the service.

#![expect(clippy::disallowed_methods, reason = "it measures")]

use aggregator::{Progress, Settings, Source};
use anyhow::Context;
use common::log::{Done, LogError, Producer};
use common::message::Run;
use common::service::Shutdown;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Takes everything and keeps nothing.
struct Nowhere;

impl Producer for Nowhere {
    fn partitions(&self) -> u32 {
        1
    }

    fn send(&self, run: Run, done: Done) {
        drop(run);
        done(Ok(()));
    }

    fn flush(&self, _deadline: Duration) -> Result<(), LogError> {
        Ok(())
    }

    fn ends(&self) -> Result<Vec<u64>, LogError> {
        Ok(vec![0])
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("which tree?")?;
    let state = tempfile::tempdir()?;
    let mut settings = Settings::default();
    settings.source.once = true;
    settings.state.dir = Some(state.path().to_owned());
    if let Some(concurrency) = arguments.next() {
        settings.limits.concurrency = concurrency.parse()?;
    }
    let source = Source::open(&url.parse()?).await?;
    let (started, before) = (Instant::now(), processor_time());
    let progress = Arc::<Progress>::default();
    let summary = aggregator::run(settings, source, Arc::new(Nowhere), Shutdown::new(), progress).await?;
    let (took, used) = (started.elapsed(), processor_time() - before);
    println!(
        "{} files, {} records: {:.1} µs of processor time a file, {:.0} files/s",
        summary.done,
        summary.records,
        used.as_secs_f64() * 1e6 / summary.done as f64,
        summary.done as f64 / took.as_secs_f64()
    );
    Ok(())
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
