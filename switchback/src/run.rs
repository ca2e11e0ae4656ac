//! `switchback run`: both stages in one process.

mod log;
mod report;

use aggregator::{Progress, Source};
use anyhow::Context;
use clap::Args;
use common::log::Producer;
use common::service::telemetry::Telemetry;
use common::service::{ConfigError, DurationSetting, Shutdown, SizeSetting};
use common::store::{Location, Store};
use log::{LogChoice, NewLog};
use persister::protocol::seal::SealPolicy;
use persister::protocol::{Names, StreamRecord, names};
use persister::runtime::options::{DEFAULT_MEMORY, DEFAULT_SEAL};
use persister::runtime::{Options, Status, chain, open};
use persister::sink::parquet::Layout;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const AFTER_HELP: &str = "\
Examples:
  switchback run --from logs --to table --once
  switchback run --from s3://trail-bucket/AWSLogs --to s3://lake/cloudtrail --log kafka://broker:9092/cloudtrail

SOURCE and TABLE are a directory or s3://BUCKET[/PREFIX]. It may be stopped at any moment and started again.";

/// The topic's life; a second one needs a second table.
const EPOCH: &str = "0";

/// Between two looks at a chain that another process extends.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// What `switchback run` was asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct RunArgs {
    /// Where the log files are: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "SOURCE")]
    pub from: String,
    /// Where the table is to be: a directory or s3://BUCKET[/PREFIX]
    #[arg(long, value_name = "TABLE")]
    pub to: String,
    /// The log between the stages: embedded:DIR or kafka://HOST:PORT[,…]/TOPIC [default: embedded, beside a local table]
    #[arg(long, value_name = "LOG")]
    pub log: Option<String>,
    /// Stop when every log file that is there now is in the table
    #[arg(long)]
    pub once: bool,
    /// Directories of the table: date, date-hour, account-region-date or security-lake; fixed when the table is made
    #[arg(long, default_value = "date")]
    pub layout: Layout,
    /// Partitions of the log; fixed when the log is made [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub partitions: Option<u32>,
    /// Replication factor of the topic, when it is made
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub replication: u16,
    /// Retention of the topic, when it is made, such as 7d [default: the broker's]
    #[arg(long, value_name = "DURATION")]
    pub retention: Option<DurationSetting>,
    /// Seal a batch at about this many bytes of Parquet
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    pub seal_bytes: SizeSetting,
    /// Seal a batch when its first row is this old
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub seal_age: DurationSetting,
    /// Look for new log files this often
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub poll: DurationSetting,
}

/// Runs both stages until stopped (or, with `--once`, until done).
///
/// # Errors
/// Whatever ended it against its will.
pub fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    // Quarantined files are counted at the end and listed in the table; a line each would bury the rest.
    let level = std::env::var("SWITCHBACK_LOG").unwrap_or_else(|_| "warn,aggregator::ingest=error".to_owned());
    Telemetry { level, format: Some(common::service::telemetry::LogFormat::Text) }.start()?;
    // Two threads: the runtime only waits; inflating, decoding and encoding have threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(both_stages(args));
    runtime.shutdown_background();
    result.map(|()| ExitCode::SUCCESS)
}

async fn both_stages(args: RunArgs) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signals()?;
    let from: Location = args.from.parse().map_err(|error| ConfigError::at("--from", format!("{error}")))?;
    let to: Location = args.to.parse().map_err(|error| ConfigError::at("--to", format!("{error}")))?;
    let choice = LogChoice::parse(args.log.as_deref(), &to)?;
    let source = Source::open(&from).await?;
    let store = Store::open(&to).await?;
    let pinned = pinned_partitions(&store, choice.topic()).await?;
    let new = NewLog { partitions: args.partitions, replication: args.replication, retention: args.retention.map(|span| span.0) };
    let opened = tokio::task::spawn_blocking({
        let (choice, to) = (choice.clone(), to.clone());
        move || log::open(&choice, &to, pinned, new)
    });
    let opened = opened.await??;
    eprintln!("switchback: {source} → {store}\n  log        {}", opened.said);
    let partitions = opened.producer.partitions();
    let record = StreamRecord::new(choice.topic(), EPOCH, partitions, args.layout.format());
    open::open(&store, &record).await.map_err(open::OpenError::for_people)?;

    let (progress, status) = (Arc::new(Progress::default()), Arc::new(Status::new(partitions)));
    let producer = Arc::clone(&opened.producer);
    let watched = Arc::new(report::Watched {
        progress: Arc::clone(&progress),
        status: Arc::clone(&status),
        producer: Arc::clone(&producer),
        started: Instant::now(),
    });
    let bar = tokio::spawn(report::follow(Arc::clone(&watched)));
    let options = options(&args, choice.topic());
    let persisting = Shutdown::new();
    let persister = persist(options, opened.consumer, store.clone(), Arc::clone(&status), persisting.clone())?;
    let settings = settings(&args, &choice);
    let aggregating = Shutdown::new();
    let stages = Stages {
        store,
        topic: choice.topic().to_owned(),
        once: args.once,
        shutdown,
        aggregating: aggregating.clone(),
        persisting,
        status,
    };
    let aggregator = aggregator::run(settings, source, Arc::clone(&producer), aggregating, progress);
    let result = stages.work(aggregator, producer, persister).await;
    bar.abort();
    eprintln!("{}", watched.summary(&to.to_string()));
    result
}

/// The partition count that the table is pinned to, if it is there.
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

type PersisterEnd = oneshot::Receiver<anyhow::Result<()>>;

/// Starts the persister on a thread of its own: its loop blocks.
fn persist(
    options: Options,
    consumer: Box<dyn common::log::Consumer + Send>,
    store: Store,
    status: Arc<Status>,
    shutdown: Shutdown,
) -> anyhow::Result<PersisterEnd> {
    let (sender, end) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let work = move || {
        let result = persister::runtime::run(options, consumer, store, status, shutdown, runtime);
        // Nobody listens any more when the process is already going down.
        let _ = sender.send(result);
    };
    std::thread::Builder::new().name("persister".into()).spawn(work).context("failed to start the persister's thread")?;
    Ok(end)
}

/// Both stages at work.
struct Stages {
    store: Store,
    topic: String,
    once: bool,
    shutdown: Shutdown,
    aggregating: Shutdown,
    persisting: Shutdown,
    status: Arc<Status>,
}

impl Stages {
    /// First the aggregator ends, then the persister: what the one sent last is sealed by the other.
    async fn work(
        self,
        aggregator: impl Future<Output = anyhow::Result<aggregator::Summary>>,
        producer: Arc<dyn Producer>,
        mut persister: PersisterEnd,
    ) -> anyhow::Result<()> {
        let mut aggregator = std::pin::pin!(aggregator);
        let summary = loop {
            tokio::select! {
                summary = &mut aggregator => break summary.context("the aggregator failed")?,
                end = &mut persister => return Err(ended_early(end)),
                () = self.shutdown.wait(), if !self.aggregating.requested() => self.aggregating.request(),
            }
        };
        if self.once && !self.shutdown.requested() {
            let ends = tokio::task::spawn_blocking(move || producer.ends()).await??;
            self.status.drain_to(ends.clone());
            tokio::select! {
                done = self.persisted(&ends) => done?,
                end = &mut persister => return Err(ended_early(end)),
                () = self.shutdown.wait() => {}
            }
        }
        self.persisting.request();
        persister.await.context("the persister's thread is gone")?.context("the persister failed")?;
        if self.once && summary.unreadable > 0 {
            anyhow::bail!("{} log files could not be read", summary.unreadable);
        }
        Ok(())
    }

    /// Returns when every partition's chain covers `ends`, whoever extends it.
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
        _ => anyhow::anyhow!("the persister ended before its time"),
    }
}
