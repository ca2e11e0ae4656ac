//! The `aggregator` service: arguments, settings, one run, one exit status.

use aggregator::{Progress, Settings, Source};
use anyhow::Context;
use clap::Parser;
use common::log::kafka::{KafkaProducer, KafkaSettings, create_topic, describe};
use common::log::{LogError, Producer};
use common::service::{ConfigError, Layers, Shutdown, config, exit_status, one_line};
use common::store::Location;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Reads CloudTrail log files and writes one message per event record to Kafka.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// TOML file (deploy/aggregator.toml is a commented example).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key, over what file and environment say.
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = config::parse_set)]
    set: Vec<(String, String)>,
    /// How log lines look: text or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// What is logged: a level, or a list like info,rdkafka=debug.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// List once, and end when every file of that listing is acknowledged.
    #[arg(long)]
    once: bool,
    /// Check the configuration and end.
    #[arg(long)]
    check_config: bool,
    /// Print the configuration as it is understood, without secrets, and end.
    #[arg(long)]
    print_config: bool,
}

fn main() -> ExitCode {
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aggregator: {}", one_line(error.as_ref()));
            ExitCode::from(exit_status(error.as_ref()))
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    let mut set = arguments.set;
    set.extend(arguments.log_format.map(|format| ("telemetry.format".to_owned(), format)));
    set.extend(arguments.log_level.map(|level| ("telemetry.level".to_owned(), level)));
    set.extend(arguments.once.then(|| ("source.once".to_owned(), "true".to_owned())));
    let layers = Layers::of_process(arguments.config.as_deref(), set);
    let settings: Settings = layers.load()?;
    settings.check().map_err(|error| error.found_in(&layers))?;
    let location: Location =
        settings.source.url.parse().map_err(|error| ConfigError::at("source.url", format!("{error}")).found_in(&layers))?;
    kafka(&settings).check()?;
    if arguments.print_config {
        print!("{}", config::render(&settings));
        return Ok(());
    }
    if arguments.check_config {
        return Ok(());
    }
    settings.telemetry.start()?;
    // Two threads: the runtime only waits, the work is done by threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(serve(settings, location));
    // A worker or a get that was left behind after a failure is not waited for.
    runtime.shutdown_background();
    result
}

async fn serve(settings: Settings, location: Location) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signals()?;
    let source = Source::open(&location).await?;
    let topic = settings.kafka.clone();
    let producer = tokio::task::spawn_blocking({
        let settings = settings.clone();
        move || open_log(&settings)
    })
    .await??;
    tracing::info!(source = %source, topic = topic.topic, partitions = producer.partitions(), "started");
    let once = settings.source.once;
    let summary = aggregator::run(settings, source, producer, shutdown, Arc::new(Progress::default())).await?;
    let text = serde_json::to_string(&summary).context("failed to report")?;
    tracing::info!(summary = text, "ended");
    if once && summary.unreadable > 0 {
        anyhow::bail!("{} log files could not be read (named above)", summary.unreadable);
    }
    Ok(())
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
