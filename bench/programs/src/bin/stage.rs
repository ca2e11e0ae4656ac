//! The aggregator alone: into an embedded log, or into a log that throws everything away, which leaves what the stage itself costs.
//!
//! `stage DIR none | embedded:STATE`

use aggregator::{Progress, Settings, Source};
use anyhow::{Context, bail};
use common::log::embedded::{EmbeddedLog, Retention};
use common::log::{Done, LogError, Producer};
use common::message::Run;
use common::service::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// As `switchback run` has it.
const PARTITIONS: u32 = 2;

/// Takes every run and keeps none.
struct Nowhere;

impl Producer for Nowhere {
    fn partitions(&self) -> u32 {
        PARTITIONS
    }

    fn send(&self, run: Run, done: Done) {
        drop(run);
        done(Ok(()));
    }

    fn flush(&self, _deadline: Duration) -> Result<(), LogError> {
        Ok(())
    }

    fn ends(&self) -> Result<Vec<u64>, LogError> {
        Ok(vec![0; PARTITIONS as usize])
    }
}

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [dir, log] = &words[..] else { bail!("usage: stage DIR none | embedded:STATE") };
    let producer: Arc<dyn Producer> = match log.strip_prefix("embedded:") {
        None => Arc::new(Nowhere),
        Some(state) => {
            std::fs::create_dir_all(state).with_context(|| format!("failed to make {state}"))?;
            Arc::new(EmbeddedLog::open(state.as_ref(), PARTITIONS, Retention { bytes: 4 << 30 })?.producer())
        }
    };
    let mut settings = Settings::default();
    settings.source.once = true;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let summary = runtime.block_on(async {
        let source = Source::open(&dir.parse()?).await?;
        aggregator::run(settings, source, producer, Shutdown::new(), Arc::new(Progress::default())).await
    })?;
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}
