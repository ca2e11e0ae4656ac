//! Messages to Parquet: parse to a `Value` again, all columns text, one writer per date, default properties.

use crate::runtime::Tokio;
use anyhow::Context;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use rdkafka::consumer::{Consumer, DefaultConsumerContext, StreamConsumer};
use rdkafka::{ClientConfig, Message};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const ROWS: usize = 10_000;

const COLUMNS: [&str; 24] = [
    "source_object",
    "event_time",
    "event_version",
    "event_source",
    "event_name",
    "aws_region",
    "source_ip_address",
    "user_agent",
    "error_code",
    "error_message",
    "request_id",
    "event_id",
    "event_type",
    "event_category",
    "api_version",
    "read_only",
    "management_event",
    "recipient_account_id",
    "user_identity",
    "tls_details",
    "request_parameters",
    "response_elements",
    "additional_event_data",
    "resources",
];

pub(crate) async fn consume(brokers: &str, topic: &str, dir: &Path, messages: usize) -> anyhow::Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", topic).set("auto.offset.reset", "earliest");
    let consumer: StreamConsumer<DefaultConsumerContext, Tokio> = config.create()?;
    consumer.subscribe(&[topic])?;
    let mut by_date: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut writers = BTreeMap::new();
    for _ in 0..messages {
        let message = consumer.recv().await?;
        let event: Value = serde_json::from_slice(message.payload().context("a message without a value")?)?;
        let date: String = event["event_time"].as_str().unwrap_or_default().chars().take(10).collect();
        let rows = by_date.entry(date.clone()).or_default();
        rows.push(event);
        if rows.len() >= ROWS {
            write(dir, &date, rows, &mut writers)?;
        }
    }
    for (date, rows) in &mut by_date {
        write(dir, date, rows, &mut writers)?;
    }
    for writer in writers.into_values() {
        writer.close()?;
    }
    Ok(())
}

fn write(dir: &Path, date: &str, rows: &mut Vec<Value>, writers: &mut BTreeMap<String, ArrowWriter<File>>) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = COLUMNS.iter().map(|name| {
        let cells = rows.iter().map(|row| match &row[*name] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
        (*name, Arc::new(cells.collect::<StringArray>()) as ArrayRef, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    if !writers.contains_key(date) {
        let folder = dir.join("data").join(format!("event_date={date}"));
        std::fs::create_dir_all(&folder)?;
        let writer = ArrowWriter::try_new(File::create(folder.join("part.parquet"))?, batch.schema(), None)?;
        writers.insert(date.to_owned(), writer);
    }
    if let Some(writer) = writers.get_mut(date) {
        writer.write(&batch)?;
    }
    rows.clear();
    Ok(())
}
