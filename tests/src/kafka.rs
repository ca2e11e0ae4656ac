//! What operators (and accidents) do to topics and groups, through a client that is not ours.

use crate::wait;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::time::Duration;

const ASK: Duration = Duration::from_secs(20);

/// One topic, and the group that reads it.
#[derive(Debug, Clone)]
pub struct Topic {
    /// `host:port`.
    pub brokers: String,
    /// Name of the topic.
    pub name: String,
    /// Name of the consumer group.
    pub group: String,
}

impl Topic {
    /// Makes it.
    pub fn create(&self, partitions: i32) {
        let topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        let made = self.ask(async |admin, options| admin.create_topics([&topic], &options).await);
        assert!(made.expect("answers").iter().all(Result::is_ok), "the topic is not made");
        wait::until_true("the new topic has leaders", || self.ends(partitions).is_some());
    }

    /// Deletes it, and waits until it is gone.
    pub fn delete(&self) {
        let deleted = self.ask(async |admin, options| admin.delete_topics(&[&self.name], &options).await);
        assert!(deleted.is_ok(), "{deleted:?}");
        wait::until_true("the topic is gone", || self.partitions() == 0);
    }

    /// Deletes topic and group if they are there; nobody waits for it.
    pub fn forget(&self) {
        let _ = self.ask(async |admin, options| admin.delete_topics(&[&self.name], &options).await);
        let _ = self.ask(async |admin, options| admin.delete_groups(&[&self.group], &options).await);
    }

    /// Gives it more partitions.
    pub fn grow(&self, partitions: usize) {
        let more = NewPartitions::new(&self.name, partitions);
        let grown = self.ask(async |admin, options| admin.create_partitions([&more], &options).await);
        assert!(grown.expect("answers").iter().all(Result::is_ok), "the topic does not grow");
        wait::until_true("the topic has grown", || self.partitions() == partitions);
    }

    /// Deletes everything that it holds now, as retention does.
    pub fn expire(&self, partitions: i32) {
        self.expire_below(&self.ends(partitions).expect("the topic is there"));
    }

    /// Deletes what it holds below these offsets, one for each partition.
    pub fn expire_below(&self, offsets: &[i64]) {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in (0..).zip(offsets) {
            list.add_partition_offset(&self.name, partition, Offset::Offset(*offset)).expect("an offset");
        }
        let deleted = self.ask(async |admin, options| admin.delete_records(&list, &options).await);
        assert!(deleted.is_ok(), "{deleted:?}");
    }

    /// Deletes the group, which must be empty.
    pub fn delete_group(&self) {
        // The broker notices a moment later that the last member has left.
        wait::until_true("the group can be deleted", || {
            let deleted = self.ask(async |admin, options| admin.delete_groups(&[&self.group], &options).await);
            deleted.is_ok_and(|groups| groups.iter().all(Result::is_ok))
        });
    }

    /// Sets the group's committed offsets to the beginning.
    pub fn reset_group(&self, partitions: i32) {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(&self.name, partition, Offset::Offset(0)).expect("an offset");
        }
        wait::until_true("the offsets are reset", || self.consumer().commit(&list, CommitMode::Sync).is_ok());
        assert_eq!(self.committed(partitions), Some(vec![0; usize::try_from(partitions).expect("a count")]));
    }

    /// Commits an offset in the group's name; false when the broker will not have it.
    pub fn commit(&self, partition: i32, offset: i64) -> bool {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Offset(offset)).expect("an offset");
        self.consumer().commit(&list, CommitMode::Sync).is_ok()
    }

    /// The group's committed offsets; `None` while the brokers do not answer.
    pub fn committed(&self, partitions: i32) -> Option<Vec<i64>> {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(&self.name, partition);
        }
        let list = self.consumer().committed_offsets(list, ASK).ok()?;
        Some(list.elements().iter().map(|element| element.offset().to_raw().unwrap_or(0).max(0)).collect())
    }

    /// Where each partition ends; `None` while the brokers do not answer.
    pub fn ends(&self, partitions: i32) -> Option<Vec<i64>> {
        let consumer = self.consumer();
        (0..partitions).map(|p| consumer.fetch_watermarks(&self.name, p, ASK).ok().map(|(_, end)| end)).collect()
    }

    /// True when everything on the topic is in the table, as any lag tool would see it.
    pub fn is_drained(&self, partitions: i32) -> bool {
        let ends = self.ends(partitions);
        ends.is_some() && ends == self.committed(partitions)
    }

    /// Waits until everything on the topic is in the table.
    pub fn drained(&self, partitions: i32) {
        wait::until_or(
            "the group has no lag",
            || self.is_drained(partitions).then_some(()),
            || format!("{:?} of {:?}", self.committed(partitions), self.ends(partitions)),
        );
    }

    fn partitions(&self) -> usize {
        let consumer = self.consumer();
        let metadata = consumer.fetch_metadata(Some(&self.name), ASK).expect("metadata");
        metadata.topics().iter().map(|topic| if topic.error().is_some() { 0 } else { topic.partitions().len() }).sum()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", &self.group).set("log_level", "3");
        config
    }

    fn consumer(&self) -> BaseConsumer {
        self.config().create().expect("a client")
    }

    fn ask<T>(&self, question: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, AdminOptions) -> T) -> T {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("a client");
        let options = AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(question(&admin, options))
    }
}
