//! The log on a Kafka topic, through librdkafka.
//!
//! Only the synchronous clients are used (`ThreadedProducer`, `BaseConsumer`): the asynchronous ones lose wake-ups or cost twice as
//! much. There are no transactions, and the group's offsets are never read: the sink decides by the identity of each record.

mod admin;
mod consumer;
mod handover;
mod producer;
mod settings;

pub use admin::{create_topic, describe};
pub use consumer::KafkaConsumer;
pub use producer::KafkaProducer;
pub use settings::KafkaSettings;

use super::{LogError, Message};
use crate::failure::Class;
use rdkafka::Message as _;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;
use std::time::Duration;

/// How long a request to the brokers may take.
const ASK: Duration = Duration::from_secs(10);

/// The message as the traits show it. A null key or value counts as empty.
pub(super) fn view<'a>(message: &'a BorrowedMessage<'_>) -> Message<'a> {
    Message {
        partition: u32::try_from(message.partition()).unwrap_or(u32::MAX),
        offset: u64::try_from(message.offset()).unwrap_or(u64::MAX),
        timestamp: message.timestamp().to_millis().unwrap_or(0),
        key: message.key().unwrap_or_default(),
        value: message.payload().unwrap_or_default(),
    }
}

/// The context of a client that only asks: librdkafka's log goes where ours goes. Its errors are also returned by the calls, so
/// here they are no more than debug lines.
pub(crate) struct LogContext;

impl ClientContext for LogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        forward_log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka reports an error");
    }
}

impl ConsumerContext for LogContext {}

fn forward_log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::warn!(facility, "librdkafka: {text}");
        }
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => tracing::info!(facility, "librdkafka: {text}"),
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::debug!(facility, "librdkafka: {text}"),
    }
}

fn failed(class: Class, what: impl Into<String>, why: impl ToString) -> LogError {
    LogError { class, what: what.into(), why: why.to_string() }
}

/// An error of librdkafka, classed by what it asks of us.
fn refused(what: impl Into<String>, error: &KafkaError) -> LogError {
    let class = match error {
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) | KafkaError::Nul(_) => Class::Config,
        other => other.rdkafka_error_code().map_or(Class::Retry, class_of),
    };
    let why = match error {
        // The value is left out: it may be a password.
        KafkaError::ClientConfig(_, why, key, _) => format!("{why} (property {key})"),
        KafkaError::ClientCreation(why) => why.clone(),
        other => other.rdkafka_error_code().map_or_else(|| other.to_string(), |code| code.to_string()),
    };
    failed(class, what, why)
}

fn class_of(code: RDKafkaErrorCode) -> Class {
    use RDKafkaErrorCode as Code;
    match code {
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::Authentication
        | Code::UnsupportedSASLMechanism
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::InvalidTopic
        | Code::InvalidGroupId
        | Code::InvalidSessionTimeout
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InvalidConfig
        | Code::PolicyViolation
        | Code::InconsistentGroupProtocol
        | Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::UnknownPartition => Class::Config,
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidDifferentRecord
        | Code::AutoOffsetReset
        | Code::LogTruncation
        | Code::OffsetOutOfRange => Class::Fatal,
        _ => Class::Retry,
    }
}

fn code_of(error: RDKafkaRespErr) -> RDKafkaErrorCode {
    error.into()
}

/// librdkafka counts partitions in `i32`; P comes from its own metadata, so that none is lost here.
fn native(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}
