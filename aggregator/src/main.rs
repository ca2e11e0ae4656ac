//! The `aggregator` service: arguments, settings, one run, one exit status.

#![expect(clippy::disallowed_methods, reason = "opening a log blocks")]

use aggregator::{Progress, Settings, Source};
use anyhow::Context;
use clap::Parser;
use common::log::kafka::{KafkaProducer, KafkaSettings, create_topic, describe};
use common::log::{LogError, Producer};
use common::service::{ConfigError, ServiceArguments, Shutdown, awaited, exit_code};
use common::store::Location;
use std::process::ExitCode;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Without --once it runs until it is stopped. What the source does not list or give is asked for again for as long as it is
there; a line says so while it lasts.

Exit codes:
  0    stopped in order; with --once: every log file is acknowledged
  1    failure; with --once: log files could not be read or listed, the last line says which
  78   invalid configuration or environment; the message says what to change
  143  with --once: ended by SIGTERM before everything was sent (130: by SIGINT)";

/// Reads CloudTrail log files and writes one message per event record to Kafka.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    service: ServiceArguments,
    /// List once, and end when every file of that listing is acknowledged.
    #[arg(long)]
    once: bool,
}

fn main() -> ExitCode {
    exit_code("aggregator", start(&Arguments::parse()))
}

fn start(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let layers = arguments.service.layers(arguments.once.then(|| ("source.once".to_owned(), "true".to_owned())));
    let settings: Settings = layers.load()?;
    settings.check().map_err(|error| error.found_in(&layers))?;
    let location: Location =
        settings.source.url.parse().map_err(|error| ConfigError::at("source.url", format!("{error}")).found_in(&layers))?;
    kafka(&settings).check()?;
    if arguments.service.was_about_config(&settings) {
        return Ok(ExitCode::SUCCESS);
    }
    settings.telemetry.start()?;
    // Two threads: the runtime only waits, the work is done by threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(serve(settings, location));
    // A worker or a get that was left behind after a failure is not waited for.
    runtime.shutdown_background();
    result
}

async fn serve(settings: Settings, location: Location) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    let source = awaited(&location.to_string(), "source.url", Source::open(&location)).await?;
    let topic = settings.kafka.clone();
    let opening = tokio::task::spawn_blocking({
        let settings = settings.clone();
        move || open_log(&settings)
    });
    let producer = awaited(&format!("a broker of {}", topic.brokers), "kafka.brokers", opening).await??;
    tracing::info!(source = %source, topic = topic.topic, partitions = producer.partitions(), "started");
    let once = settings.source.once;
    let summary = aggregator::run(settings, source, producer, shutdown.clone(), Arc::new(Progress::default())).await?;
    let text = serde_json::to_string(&summary).context("failed to report")?;
    tracing::info!(summary = text, "ended");
    match (summary.shortfall(), shutdown.exit_status()) {
        (_, Some(signal)) if once && summary.is_cut_short => Ok(ExitCode::from(signal)),
        (Some(missing), _) if once => anyhow::bail!("{missing}"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn kafka(settings: &Settings) -> KafkaSettings {
    let kafka = &settings.kafka;
    KafkaSettings {
        brokers: kafka.brokers.clone(),
        topic: kafka.topic.clone(),
        properties: kafka.properties.clone(),
        ..KafkaSettings::default()
    }
}

/// The topic must be there, or be ours to make: librdkafka would wait for a missing one for ever.
fn open_log(settings: &Settings) -> Result<Arc<dyn Producer>, LogError> {
    let (said, kafka) = (&settings.kafka, kafka(settings));
    if said.create && describe(&kafka)?.is_none() {
        create_topic(&kafka, said.partitions, said.replication, said.retention.map(|kept| kept.0))?;
    }
    Ok(Arc::new(KafkaProducer::open(&kafka)?))
}
