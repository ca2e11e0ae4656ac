//! Topics: whether one exists, its number of partitions, creating it.
//!
//! This is asked before anything is produced or read, because librdkafka does not refuse a topic that is missing: it waits for it.

use super::{ASK, KafkaSettings, LogContext, code_of, failed, native, refused};
use crate::failure::Class;
use crate::log::LogError;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Number of partitions of the topic; `None` when it does not exist.
///
/// # Errors
/// [`Class::Config`] when no broker answers within ten seconds (the text names the brokers), or when they refuse us.
pub fn describe(settings: &KafkaSettings) -> Result<Option<u32>, LogError> {
    let client: BaseConsumer<LogContext> = settings.client(&[], &[("allow.auto.create.topics", "false")], LogContext)?;
    count_partitions(client.client(), settings, ASK)
}

/// Number of partitions of a topic that must exist.
pub(super) fn describe_existing(settings: &KafkaSettings) -> Result<u32, LogError> {
    describe(settings)?.ok_or_else(|| missing(settings))
}

pub(super) fn missing(settings: &KafkaSettings) -> LogError {
    let what = format!("use kafka topic {} at {}", settings.topic, settings.brokers);
    failed(Class::Config, what, "it does not exist")
}

/// Creates the topic and waits until the brokers show it. An existing topic of that name is left as it is.
///
/// # Errors
/// [`Class::Config`] when the brokers do not answer or refuse.
pub fn create_topic(
    settings: &KafkaSettings,
    partitions: u32,
    replication: u16,
    retention: Option<Duration>,
) -> Result<(), LogError> {
    let what = || format!("create kafka topic {} at {}", settings.topic, settings.brokers);
    if describe(settings)?.is_some() {
        return Ok(());
    }
    let admin: AdminClient<LogContext> = settings.client(&[], &[], LogContext)?;
    let retention = retention.map(|kept| kept.as_millis().to_string());
    let mut topic = NewTopic::new(&settings.topic, native(partitions), TopicReplication::Fixed(i32::from(replication)));
    if let Some(retention) = &retention {
        topic = topic.set("retention.ms", retention);
    }
    let options = AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK));
    let results = wait_for(admin.create_topics([&topic], &options)).map_err(|error| refused(what(), &error))?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(refused(what(), &KafkaError::MetadataFetch(code))),
        }
    }
    // A new topic takes a moment to reach every broker's metadata.
    let deadline = Instant::now() + ASK;
    while describe(settings)?.is_none() {
        if Instant::now() >= deadline {
            return Err(failed(Class::Config, what(), "it was created, but the brokers do not show it"));
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    Ok(())
}

/// Asks the brokers for the topic's metadata.
pub(super) fn count_partitions<C: ClientContext>(
    client: &Client<C>,
    settings: &KafkaSettings,
    deadline: Duration,
) -> Result<Option<u32>, LogError> {
    let what = || format!("describe kafka topic {} at {}", settings.topic, settings.brokers);
    let metadata = match client.fetch_metadata(Some(&settings.topic), deadline) {
        Ok(metadata) => metadata,
        Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => {
            return Ok(None);
        }
        Err(error) => {
            let code = error.rdkafka_error_code();
            let silent = [RDKafkaErrorCode::BrokerTransportFailure, RDKafkaErrorCode::OperationTimedOut];
            if code.is_some_and(|code| silent.contains(&code)) {
                let why = format!("no broker of {} answers within {} s", settings.brokers, deadline.as_secs());
                return Err(failed(Class::Config, what(), why));
            }
            return Err(refused(what(), &error));
        }
    };
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == settings.topic) else {
        return Ok(None);
    };
    match topic.error().map(code_of) {
        None => {}
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => return Ok(None),
        // Made a moment ago; its partitions have no leader yet.
        Some(RDKafkaErrorCode::LeaderNotAvailable) => return Ok(None),
        Some(code) => return Err(refused(what(), &KafkaError::MetadataFetch(code))),
    }
    Ok(u32::try_from(topic.partitions().len()).ok().filter(|&partitions| partitions > 0))
}

/// Waits for a future of the admin client on this thread: it runs a thread of its own, so nothing else needs driving.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
