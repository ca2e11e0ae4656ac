//! The log under test, empty at first, of either kind.

use crate::traffic::{assignment, committed};
use common::log::embedded::{EmbeddedLog, Retention};
use common::log::kafka::{KafkaConsumer, KafkaProducer, KafkaSettings, create_topic};
use common::log::{Consumer, Position, Producer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const PLENTY: Retention = Retention { bytes: u64::MAX };

/// Where the messages of a subject are.
pub(crate) enum Place {
    Embedded { log: Option<Arc<EmbeddedLog>>, dir: tempfile::TempDir },
    Kafka(KafkaSettings),
}

/// One log, empty at first.
pub(crate) struct Subject {
    pub(crate) partitions: u32,
    pub(crate) place: Place,
}

impl Subject {
    pub(crate) fn embedded(partitions: u32, retention: Retention) -> Subject {
        let dir = tempfile::tempdir().expect("a directory");
        let log = Some(EmbeddedLog::open(dir.path(), partitions, retention).expect("opens"));
        Subject { partitions, place: Place::Embedded { log, dir } }
    }

    pub(crate) fn kafka(partitions: u32) -> Option<Subject> {
        let settings = kafka_settings()?;
        create_topic(&settings, partitions, 1, None).expect("makes the topic");
        let static_partitions = Some((0..partitions).collect());
        Some(Subject { partitions, place: Place::Kafka(KafkaSettings { static_partitions, ..settings }) })
    }

    pub(crate) fn log(&self) -> &Arc<EmbeddedLog> {
        match &self.place {
            Place::Embedded { log: Some(log), .. } => log,
            _ => panic!("not an embedded log"),
        }
    }

    pub(crate) fn producer(&self) -> Box<dyn Producer> {
        match &self.place {
            Place::Embedded { .. } => Box::new(self.log().producer()),
            Place::Kafka(settings) => Box::new(KafkaProducer::open(settings).expect("opens")),
        }
    }

    pub(crate) fn consumer(&self) -> Box<dyn Consumer> {
        match &self.place {
            Place::Embedded { .. } => Box::new(self.log().consumer()),
            Place::Kafka(settings) => Box::new(KafkaConsumer::open(settings).expect("opens")),
        }
    }

    /// A consumer that begins as told; all other partitions are held.
    pub(crate) fn begin(&self, positions: &[(u32, u64)]) -> Box<dyn Consumer> {
        let mut consumer = self.consumer();
        let mut given = assignment(consumer.as_mut());
        given.sort_unstable();
        assert_eq!(given, (0..self.partitions).collect::<Vec<_>>());
        let at = |p: u32| positions.iter().find(|(q, _)| *q == p).map_or(Position::Hold, |(_, offset)| Position::At(*offset));
        let all: Vec<_> = given.into_iter().map(|p| (p, at(p))).collect();
        consumer.begin(&all).expect("begins");
        consumer
    }

    pub(crate) fn all_from_zero(&self) -> Box<dyn Consumer> {
        self.begin(&(0..self.partitions).map(|p| (p, 0)).collect::<Vec<_>>())
    }

    /// A new process, as far as the log can tell.
    pub(crate) fn reopen(&mut self) {
        if let Place::Embedded { log, dir } = &mut self.place {
            drop(log.take());
            *log = Some(EmbeddedLog::open(dir.path(), self.partitions, PLENTY).expect("opens again"));
        }
    }

    pub(crate) fn mirrored(&self, partition: u32) -> u64 {
        match &self.place {
            Place::Embedded { .. } => self.log().mirrored(partition),
            Place::Kafka(settings) => committed(settings, partition),
        }
    }
}

pub(crate) fn kafka_settings() -> Option<KafkaSettings> {
    static TOPICS: AtomicU32 = AtomicU32::new(0);
    let Ok(brokers) = std::env::var("SWITCHBACK_TEST_KAFKA") else {
        assert_ne!(std::env::var("SWITCHBACK_REQUIRE_SERVICES").as_deref(), Ok("1"), "SWITCHBACK_TEST_KAFKA is not set");
        return None;
    };
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_nanos();
    let topic = format!("log-test-{}-{now}-{}", std::process::id(), TOPICS.fetch_add(1, Ordering::Relaxed));
    let properties = BTreeMap::from([("session.timeout.ms".to_owned(), "6000".to_owned())]);
    Some(KafkaSettings { brokers, group: format!("{topic}-group"), topic, properties, static_partitions: None })
}

pub(crate) fn on_both(partitions: u32, check: impl Fn(&mut Subject)) {
    eprintln!("checking the embedded log");
    check(&mut Subject::embedded(partitions, PLENTY));
    if let Some(mut subject) = Subject::kafka(partitions) {
        eprintln!("checking kafka");
        check(&mut subject);
    }
}
