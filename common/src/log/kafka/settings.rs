//! Kafka settings: those of the user, and those that exactly-once depends on, which the user may not change.

use super::{failed, refused};
use crate::failure::Class;
use crate::log::LogError;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use std::collections::BTreeMap;

/// Where the topic is and how to reach it.
#[derive(Debug, Clone, Default)]
pub struct KafkaSettings {
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The consumer group: who shares the work, and the name under which lag tools see the mirrored offsets.
    pub group: String,
    /// librdkafka properties, passed through; those that exactly-once rests on are refused.
    pub properties: BTreeMap<String, String>,
    /// Read these partitions and join no group (offsets are still mirrored under the group's name).
    pub static_partitions: Option<Vec<u32>>,
}

/// Properties that the user may not set, each with the reason (aliases of librdkafka's CONFIGURATION.md included).
const OURS: [(&str, &str); 27] = [
    ("acks", "a message counts only when every in-sync replica has it"),
    ("request.required.acks", "a message counts only when every in-sync replica has it"),
    ("enable.idempotence", "a retry inside the producer must not reorder or repeat messages"),
    ("transactional.id", "the sink decides by record identity; there are no transactions"),
    ("delivery.report.only.error", "a log file is acknowledged by its delivery reports"),
    ("partitioner", "all messages of a log file go to partition file_id mod P"),
    ("queuing.strategy", "messages of a log file keep their order"),
    ("enable.gapless.guarantee", "a failed log file is sent again from its start"),
    ("message.max.bytes", "it follows the largest message of the contract"),
    ("queue.buffering.max.messages", "memory is bounded for the whole process"),
    ("queue.buffering.max.kbytes", "memory is bounded for the whole process"),
    ("bootstrap.servers", "it is the setting `brokers`"),
    ("metadata.broker.list", "it is the setting `brokers`"),
    ("group.id", "it is the setting `group`"),
    ("group.protocol", "KIP-848 groups stall in this librdkafka; only the classic protocol is used"),
    ("group.remote.assignor", "KIP-848 groups stall in this librdkafka; only the classic protocol is used"),
    ("enable.auto.commit", "offsets are committed only after the table has the rows"),
    ("auto.commit.enable", "offsets are committed only after the table has the rows"),
    ("auto.commit.interval.ms", "offsets are committed only after the table has the rows"),
    ("enable.auto.offset.store", "offsets are committed only after the table has the rows"),
    ("offset.store.method", "offsets are committed only after the table has the rows"),
    ("auto.offset.reset", "a position that is gone must stop the partition, not skip rows"),
    ("isolation.level", "offsets must stay dense"),
    ("enable.partition.eof", "the end of a partition is no event here"),
    ("allow.auto.create.topics", "a topic made by accident has the wrong number of partitions"),
    ("enabled_events", "events are how rebalances and reports arrive"),
    ("log.queue", "librdkafka's log goes where ours goes"),
];

/// Properties of every client; the user's value wins.
const CLIENT: [(&str, &str); 3] =
    [("client.id", "switchback"), ("reconnect.backoff.max.ms", "5000"), ("socket.keepalive.enable", "true")];

impl KafkaSettings {
    /// Refuses properties that would break exactly-once.
    ///
    /// # Errors
    /// [`Class::Config`], naming the setting or property.
    pub fn check(&self) -> Result<(), LogError> {
        let what = || format!("use kafka topic {:?}", self.topic);
        for (name, value) in [("brokers", &self.brokers), ("topic", &self.topic)] {
            if value.trim().is_empty() {
                return Err(failed(Class::Config, what(), format!("{name} is empty")));
            }
        }
        for name in self.properties.keys() {
            if let Some((_, why)) = OURS.iter().find(|(ours, _)| ours == name) {
                return Err(failed(Class::Config, what(), format!("property {name} may not be set: {why}")));
            }
        }
        Ok(())
    }

    /// Makes a client: `soft` values may be overridden by the user, `hard` ones may not.
    pub(super) fn client<C, T>(&self, soft: &[(&str, &str)], hard: &[(&str, &str)], context: C) -> Result<T, LogError>
    where
        C: ClientContext,
        T: FromClientConfigAndContext<C>,
    {
        self.check()?;
        let mut config = ClientConfig::new();
        for (name, value) in CLIENT.iter().chain(soft) {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        for (name, value) in hard {
            config.set(*name, *value);
        }
        config
            .create_with_context(context)
            .map_err(|error| refused(format!("set up a kafka client for {}", self.brokers), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(property: &str) -> KafkaSettings {
        KafkaSettings {
            brokers: "127.0.0.1:1".into(),
            topic: "t".into(),
            group: "g".into(),
            properties: BTreeMap::from([(property.to_owned(), "x".to_owned())]),
            static_partitions: None,
        }
    }

    #[test]
    fn properties_that_exactly_once_rests_on_are_refused_by_name() {
        for name in ["enable.auto.commit", "acks", "auto.offset.reset", "group.protocol", "partitioner", "isolation.level"] {
            let error = settings(name).check().expect_err(name);
            assert_eq!(error.class, Class::Config);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn other_properties_pass() {
        for name in ["session.timeout.ms", "security.protocol", "sasl.password", "linger.ms"] {
            assert!(settings(name).check().is_ok(), "{name}");
        }
    }

    #[test]
    fn a_property_that_librdkafka_does_not_know_is_named_without_its_value() {
        let mut settings = settings("no.such.property");
        settings.properties.insert("no.such.property".into(), "a-secret".into());
        let made: Result<rdkafka::consumer::BaseConsumer<_>, _> = settings.client(&[], &[], super::super::LogContext);
        let error = made.err().expect("refused");
        assert_eq!(error.class, Class::Config);
        assert!(error.to_string().contains("no.such.property") && !error.to_string().contains("a-secret"), "{error}");
    }

    #[test]
    fn empty_brokers_are_refused() {
        let settings = KafkaSettings { topic: "t".into(), ..KafkaSettings::default() };
        assert!(settings.check().expect_err("refused").to_string().contains("brokers"));
    }
}
