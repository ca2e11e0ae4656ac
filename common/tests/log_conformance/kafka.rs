//! What a broker refuses.

use crate::subject::{Place, Subject, kafka_settings};
use common::failure::Class;
use common::log::kafka::{KafkaConsumer, KafkaProducer, KafkaSettings, create_topic, describe};
use std::time::Duration;

#[test]
fn a_topic_that_does_not_exist_is_told_at_once_and_made_once() {
    let Some(settings) = kafka_settings() else { return };
    assert_eq!(describe(&settings).expect("asked"), None);
    let error = KafkaProducer::open(&settings).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains(&settings.topic), "{error}");
    assert_eq!(KafkaConsumer::open(&settings).err().expect("refused").class, Class::Config);
    create_topic(&settings, 5, 1, Some(Duration::from_secs(86_400))).expect("makes it");
    assert_eq!(describe(&settings).expect("asked"), Some(5));
    create_topic(&settings, 7, 1, None).expect("it is there already");
    assert_eq!(describe(&settings).expect("asked"), Some(5));
}

#[test]
fn brokers_that_do_not_answer_are_named_in_the_error() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound").port();
    let brokers = format!("127.0.0.1:{port}");
    let settings = KafkaSettings { brokers: brokers.clone(), topic: "t".into(), group: "g".into(), ..KafkaSettings::default() };
    let error = KafkaProducer::open(&settings).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains(&brokers), "{error}");
}

#[test]
fn static_partitions_that_do_not_exist_are_refused() {
    let Some(Subject { place: Place::Kafka(settings), .. }) = Subject::kafka(2) else { return };
    let error = KafkaConsumer::open(&KafkaSettings { static_partitions: Some(vec![1, 2]), ..settings }).err().expect("refused");
    assert!(error.class == Class::Config && error.to_string().contains("partition 2"), "{error}");
}
