//! The `persister` service: arguments, settings, one run, one exit status.

use anyhow::Context;
use clap::Parser;
use common::log::kafka::{KafkaConsumer, KafkaSettings, describe};
use common::service::{ConfigError, ServiceArguments, Shutdown, awaited, exit_code};
use common::store::{Location, Store};
use persister::Settings;
use persister::protocol::StreamRecord;
use persister::protocol::seal::SealPolicy;
use persister::runtime::{Control, Options, Status, open};
use persister::sink::parquet::Layout;
use std::process::ExitCode;
use std::sync::Arc;

/// Reads event records from Kafka and writes them to a Parquet table, each exactly once.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    service: ServiceArguments,
}

fn main() -> ExitCode {
    exit_code("persister", start(&Arguments::parse()))
}

fn start(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    persister::failpoint::check()?;
    let layers = arguments.service.layers(None);
    let settings: Settings = layers.load()?;
    let layout = settings.check().map_err(|error| error.found_in(&layers))?;
    let location: Location =
        settings.table.url.parse().map_err(|error| ConfigError::at("table.url", format!("{error}")).found_in(&layers))?;
    kafka(&settings).check()?;
    if arguments.service.was_about_config(&settings) {
        return Ok(ExitCode::SUCCESS);
    }
    settings.telemetry.start()?;
    // Two threads: the runtime only waits; the event loop and the encoders have threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let shutdown = {
        let _on = runtime.enter();
        Shutdown::on_signals()?
    };
    let store = runtime.block_on(awaited(&location.to_string(), "table.url", Store::open(&location)))?;
    let kafka = kafka(&settings);
    let topic = settings.kafka.topic.clone();
    let partitions = describe(&kafka)?.ok_or_else(|| {
        ConfigError::at("kafka.topic", format!("topic {topic} does not exist at {}", kafka.brokers)).found_in(&layers)
    })?;
    let record = StreamRecord::new(&topic, &settings.table.epoch, partitions, layout.format());
    let opening = open::open(&store, &record);
    runtime.block_on(awaited(&store.to_string(), "table.url, AWS_ENDPOINT_URL", opening)).map_err(open::OpenError::for_people)?;
    let consumer = KafkaConsumer::open(&kafka)?;
    tracing::info!(table = %store, topic, partitions, group = kafka.group, "started");
    let (options, status) = (options(&settings, layout), Arc::new(Status::new(partitions)));
    // The event loop blocks, and so has this thread to itself.
    let result =
        persister::runtime::run(options, Box::new(consumer), store, status, Control::new(shutdown), runtime.handle().clone());
    runtime.shutdown_background();
    result.context("the persister ended")?;
    Ok(ExitCode::SUCCESS)
}

fn kafka(settings: &Settings) -> KafkaSettings {
    let kafka = &settings.kafka;
    KafkaSettings {
        brokers: kafka.brokers.clone(),
        topic: kafka.topic.clone(),
        group: kafka.group.clone(),
        properties: kafka.properties.clone(),
        static_partitions: Some(kafka.static_partitions.clone()).filter(|partitions| !partitions.is_empty()),
    }
}

fn options(settings: &Settings, layout: Layout) -> Options {
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    Options {
        topic: settings.kafka.topic.clone(),
        epoch: settings.table.epoch.clone(),
        layout,
        seal: SealPolicy {
            bytes: bytes(settings.seal.bytes.0),
            age: settings.seal.age.0,
            directories: settings.seal.directories as usize,
            log_files: settings.seal.log_files as usize,
        },
        memory: bytes(settings.limits.memory.0),
        encoders: match settings.limits.encoders {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads as usize,
        },
    }
}
