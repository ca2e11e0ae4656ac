//! `switchback run`: aggregator and persister in one process.

#![expect(clippy::disallowed_methods, reason = "both stages in one process, and how fast they are")]

mod log;
mod report;

use aggregator::{Progress, Source};
use anyhow::Context;
use clap::Args;
use common::log::Producer;
use common::service::telemetry::Telemetry;
use common::service::{ConfigError, DurationSetting, Shutdown, SizeSetting, awaited};
use common::store::{Location, Store};
use log::{LogChoice, NewLog};
use persister::protocol::seal::SealPolicy;
use persister::protocol::{Names, StreamRecord, names};
use persister::runtime::options::{DEFAULT_MEMORY, DEFAULT_SEAL};
use persister::runtime::{Control, Options, Status, chain, open};
use persister::sink::parquet::Layout;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const AFTER_HELP: &str = "\
Examples:
  switchback run --from logs --to table --once
  switchback run --from s3://trail-bucket/AWSLogs --to s3://lake/cloudtrail --log kafka://broker:9092/cloudtrail

Without --once it runs until it is stopped. It can be stopped or killed at any time; the next start continues.
Log files that the source does not give are asked for again while it runs, whatever becomes of the others; a source that
is listed --once and does not answer is given up after about a minute. The last lines say what was not read, and why.
With --once the exit code is 1 when a log file could not be read or a place of the source not listed, and 143 or 130 when
SIGTERM or SIGINT ended it early.
SWITCHBACK_LOG sets the level of its log lines (default: warn).";

/// The stream's epoch. A table holds one stream, so another epoch needs another table.
const EPOCH: &str = "0";

/// Pause between two reads of a chain that another process extends.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// What `switchback run` was asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct RunArgs {
    /// Log files to read: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "SOURCE")]
    pub from: String,
    /// Table to write: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "TABLE")]
    pub to: String,
    /// Log between the two stages: embedded:DIR or kafka://HOST:PORT[,…]/TOPIC [default: embedded, beside a local table]
    #[arg(long, value_name = "LOG")]
    pub log: Option<String>,
    /// Exit when every log file that is there now is in the table
    #[arg(long)]
    pub once: bool,
    /// Directory layout of the table: date, date-hour, account-region-date or security-lake; fixed when the table is created
    #[arg(long, default_value = "date")]
    pub layout: Layout,
    /// Number of partitions of the log; fixed when the log is created [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub partitions: Option<u32>,
    /// Replication factor of the Kafka topic, when it is created
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub replication: u16,
    /// Retention of the Kafka topic, when it is created, such as 7d [default: the broker's]
    #[arg(long, value_name = "DURATION")]
    pub retention: Option<DurationSetting>,
    /// Write a batch when it has about this many bytes of Parquet
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    pub seal_bytes: SizeSetting,
    /// Write a batch when its first row is this old
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub seal_age: DurationSetting,
    /// List the source for new log files this often
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub poll: DurationSetting,
}

/// Runs both stages until stopped (or, with `--once`, until done).
///
/// # Errors
/// When either stage fails, or with `--once` when something of the source could not be listed or read.
pub fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    persister::failpoint::check()?;
    let level = std::env::var("SWITCHBACK_LOG").unwrap_or_else(|_| "warn".to_owned());
    Telemetry { level, format: Some(common::service::telemetry::LogFormat::Text) }.start()?;
    // Two threads: the runtime only waits; inflating, decoding and encoding have their own threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(both_stages(args));
    runtime.shutdown_background();
    result
}

async fn both_stages(args: RunArgs) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    let from: Location = args.from.parse().map_err(|error| ConfigError::at("--from", format!("{error}")))?;
    let to: Location = args.to.parse().map_err(|error| ConfigError::at("--to", format!("{error}")))?;
    let choice = LogChoice::parse(args.log.as_deref(), &to)?;
    let source = awaited(&from.to_string(), "--from, AWS_ENDPOINT_URL", Source::open(&from)).await?;
    let store = awaited(&to.to_string(), "--to, AWS_ENDPOINT_URL", Store::open(&to)).await?;
    let pinned = awaited(&store.to_string(), "--to, AWS_ENDPOINT_URL", pinned_partitions(&store, choice.topic())).await?;
    let new = NewLog { partitions: args.partitions, replication: args.replication, retention: args.retention.map(|span| span.0) };
    let opened = tokio::task::spawn_blocking({
        let (choice, to) = (choice.clone(), to.clone());
        move || log::open(&choice, &to, pinned, new)
    });
    let opened = awaited(&choice.to_string(), "--log", opened).await??;
    eprintln!("switchback: {source} → {store}\n  log        {}", opened.description);
    let partitions = opened.producer.partitions();
    let record = StreamRecord::new(choice.topic(), EPOCH, partitions, args.layout.format());
    let opening = open::open(&store, &record);
    awaited(&store.to_string(), "--to, AWS_ENDPOINT_URL", opening).await.map_err(open::OpenError::for_people)?;

    let (progress, status) = (Arc::new(Progress::default()), Arc::new(Status::new(partitions)));
    let producer = Arc::clone(&opened.producer);
    let metrics = Arc::new(report::Metrics {
        progress: Arc::clone(&progress),
        status: Arc::clone(&status),
        producer: Arc::clone(&producer),
        started: Instant::now(),
    });
    let bar = tokio::spawn(report::follow(Arc::clone(&metrics)));
    let options = options(&args, choice.topic());
    let persisting = Control::default();
    let persister = persist(options, opened.consumer, store.clone(), Arc::clone(&status), persisting.clone())?;
    let settings = settings(&args, &choice);
    let aggregating = Shutdown::new();
    let stages = Stages {
        store,
        topic: choice.topic().to_owned(),
        once: args.once,
        shutdown: shutdown.clone(),
        aggregating: aggregating.clone(),
        persisting,
        status,
    };
    let aggregator = aggregator::run(settings, source, Arc::clone(&producer), aggregating, progress);
    let result = stages.work(aggregator, producer, persister).await;
    bar.abort();
    eprintln!("{}", metrics.summary(&to.to_string()));
    let summary = result?;
    match (summary.shortfall(), shutdown.exit_status()) {
        (_, Some(signal)) if args.once && summary.is_cut_short => {
            eprintln!("  ended early by a signal: run it again, and it continues");
            Ok(ExitCode::from(signal))
        }
        (Some(missing), _) if args.once => anyhow::bail!("{missing}"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The partition count of the table's stream, when the table exists.
async fn pinned_partitions(store: &Store, topic: &str) -> anyhow::Result<Option<u32>> {
    let record = store.get(&names::stream(topic, EPOCH)).await?;
    Ok(record.and_then(|bytes| serde_json::from_slice::<StreamRecord>(&bytes).ok()).map(|record| record.partitions))
}

fn options(args: &RunArgs, topic: &str) -> Options {
    let bytes = usize::try_from(args.seal_bytes.0).unwrap_or(usize::MAX);
    Options {
        topic: topic.to_owned(),
        epoch: EPOCH.to_owned(),
        layout: args.layout,
        seal: SealPolicy { bytes, age: args.seal_age.0, ..DEFAULT_SEAL },
        memory: DEFAULT_MEMORY,
        encoders: std::thread::available_parallelism().map_or(1, usize::from),
    }
}

fn settings(args: &RunArgs, choice: &LogChoice) -> aggregator::Settings {
    let mut settings = aggregator::Settings::default();
    settings.source.poll = args.poll;
    settings.source.once = args.once;
    settings.state.dir = choice.aggregator_state();
    settings
}

type PersisterResult = oneshot::Receiver<anyhow::Result<()>>;

/// Starts the persister on its own thread: its loop blocks.
fn persist(
    options: Options,
    consumer: Box<dyn common::log::Consumer + Send>,
    store: Store,
    status: Arc<Status>,
    control: Control,
) -> anyhow::Result<PersisterResult> {
    let (sender, end) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let work = move || {
        let result = persister::runtime::run(options, consumer, store, status, control, runtime);
        // The receiver is gone when the process is already ending.
        let _ = sender.send(result);
    };
    std::thread::Builder::new().name("persister".into()).spawn(work).context("failed to start the persister's thread")?;
    Ok(end)
}

/// Both stages, running.
struct Stages {
    store: Store,
    topic: String,
    once: bool,
    shutdown: Shutdown,
    aggregating: Shutdown,
    persisting: Control,
    status: Arc<Status>,
}

impl Stages {
    /// The aggregator ends first, then the persister, which writes what the aggregator sent last. The summary is the aggregator's; cut short
    /// is also what did not come to the table.
    async fn work(
        self,
        aggregator: impl Future<Output = anyhow::Result<aggregator::Summary>>,
        producer: Arc<dyn Producer>,
        mut persister: PersisterResult,
    ) -> anyhow::Result<aggregator::Summary> {
        let mut aggregator = std::pin::pin!(aggregator);
        let mut summary = loop {
            tokio::select! {
                summary = &mut aggregator => break summary.context("the aggregator failed")?,
                end = &mut persister => return Err(ended_early(end)),
                () = self.shutdown.wait(), if !self.aggregating.requested() => self.aggregating.request(),
            }
        };
        if self.once && !self.shutdown.requested() {
            let ends = tokio::task::spawn_blocking(move || producer.ends()).await??;
            self.persisting.drain_to(ends.clone());
            tokio::select! {
                done = self.persisted(&ends) => done?,
                end = &mut persister => return Err(ended_early(end)),
                () = self.shutdown.wait() => summary.is_cut_short = true,
            }
        } else {
            summary.is_cut_short |= self.once;
        }
        self.persisting.end();
        persister.await.context("the persister's thread panicked")?.context("the persister failed")?;
        Ok(summary)
    }

    /// Returns when every partition's chain covers `ends`, whichever process extends it.
    async fn persisted(&self, ends: &[u64]) -> anyhow::Result<()> {
        for (partition, end) in (0..).zip(ends) {
            let names = Names { topic: self.topic.clone(), epoch: EPOCH.to_owned(), partition };
            loop {
                let at = match self.status.end(partition) {
                    Some(at) => at,
                    None => chain::end(&self.store, &names).await?.unwrap_or(0),
                };
                if at >= *end {
                    break;
                }
                if let Some((halted, why)) = self.status.halts().into_iter().find(|(halted, _)| *halted == partition) {
                    anyhow::bail!("partition {halted} has halted: {why}");
                }
                let pause = if self.status.end(partition).is_some() { Duration::from_millis(20) } else { WATCH_EVERY };
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }
}

fn ended_early(end: Result<anyhow::Result<()>, oneshot::error::RecvError>) -> anyhow::Error {
    match end {
        Ok(Err(error)) => error.context("the persister failed"),
        _ => anyhow::anyhow!("the persister ended too early"),
    }
}
