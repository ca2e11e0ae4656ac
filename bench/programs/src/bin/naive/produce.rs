//! Log files to messages: inflate, parse to a `Value`, rename the keys, print it again, send.

use crate::runtime::Tokio;
use anyhow::Context;
use flate2::read::MultiGzDecoder;
use rdkafka::ClientConfig;
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};

type Producer = FutureProducer<DefaultClientContext, Tokio>;

pub(crate) async fn produce(dir: &Path, brokers: &str, topic: &str) -> anyhow::Result<()> {
    let producer: Producer = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let mut under_way = VecDeque::new();
    for file in log_files(dir)? {
        let mut text = Vec::new();
        MultiGzDecoder::new(std::fs::File::open(&file)?).read_to_end(&mut text)?;
        let document: Value = serde_json::from_slice(&text)?;
        for record in document["Records"].as_array().context("no Records")? {
            let key = record["eventID"].as_str().unwrap_or_default();
            let value = normalized(record, &file).to_string();
            send(&producer, topic, key, &value, &mut under_way).await?;
        }
    }
    while let Some(answer) = under_way.pop_front() {
        delivered(answer).await?;
    }
    Ok(())
}

async fn send(
    producer: &Producer,
    topic: &str,
    key: &str,
    value: &str,
    under_way: &mut VecDeque<DeliveryFuture>,
) -> anyhow::Result<()> {
    let mut record = FutureRecord::to(topic).key(key).payload(value);
    loop {
        match producer.send_result(record) {
            Ok(answer) => {
                under_way.push_back(answer);
                return Ok(());
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                if let Some(answer) = under_way.pop_front() {
                    delivered(answer).await?;
                }
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

async fn delivered(answer: DeliveryFuture) -> anyhow::Result<()> {
    answer.await.context("the producer is gone")?.map(|_| ()).map_err(|(error, _)| error.into())
}

fn normalized(record: &Value, file: &Path) -> Value {
    let mut event = Map::new();
    event.insert("source_object".into(), file.display().to_string().into());
    for (key, value) in record.as_object().into_iter().flatten() {
        event.insert(snake_case(key), value.clone());
    }
    Value::Object(event)
}

/// `sourceIPAddress` → `source_ip_address`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, &letter) in letters.iter().enumerate() {
        let before = at > 0 && letters[at - 1].is_lowercase();
        let after = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (before || after) {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

fn log_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(log_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
