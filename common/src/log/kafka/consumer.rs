//! The reading side on Kafka: each partition from exactly the position that was asked for.
//!
//! Between a rebalance event and the call to `assign` or `unassign` that answers it, librdkafka waits with its partitions paused; the
//! answer need not be given inside the callback. So the callback only queues the event, `poll` returns it, and `begin`/`release`
//! answer it. Positions travel in the list that is assigned, never in a `seek` afterwards: seeking right after
//! assigning fails, and pausing then loses the position.

use super::admin::{count_partitions, describe_existing, missing};
use super::{ASK, KafkaSettings, failed, forward_log, native, refused, view};
use crate::failure::Class;
use crate::log::{Consumer, LogError, MessageRef, Polled, Position, Watermarks};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// What a user may change.
const SOFT: [(&str, &str); 12] = [
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "45000"),
    // Finding the positions of many partitions may take its time.
    ("max.poll.interval.ms", "600000"),
    ("fetch.wait.max.ms", "100"),
    // Answers of a few messages cost a broker under load as much as large ones; an idle one answers when the wait is over.
    ("fetch.min.bytes", "524288"),
    // Compressed: CloudTrail's JSON inflates to sixteen times as much, and what was fetched last may come on top of a full queue.
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.max.bytes", "4194304"),
    // A full queue makes the fetcher sleep this long; the default of a second makes a saw-tooth.
    ("fetch.queue.backoff.ms", "20"),
    ("queued.max.messages.kbytes", "24576"),
    ("queued.min.messages", "100000"),
    ("check.crcs", "true"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

/// What a user may not change.
const HARD: [(&str, &str); 7] = [
    ("group.protocol", "classic"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("enable.partition.eof", "false"),
    ("allow.auto.create.topics", "false"),
];

/// How long leaving the group may take; then the process ends without it (the broker may be unreachable).
const LEAVE: Duration = Duration::from_secs(3);

/// Positions that the brokers refuse and yet claim to hold: how often to ask again before giving up.
const MAX_REASKS: u32 = 3;

#[derive(Debug)]
enum Event {
    Assigned(Vec<u32>),
    Revoked(Vec<u32>),
}

/// Rebalances that librdkafka reported inside its calls, kept until `poll` returns them.
#[derive(Default)]
pub(crate) struct Events {
    queue: Mutex<VecDeque<Event>>,
    closing: Arc<AtomicBool>,
}

impl Events {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        forward_log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "the kafka consumer reports an error");
    }
}

impl ConsumerContext for Events {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let assigned = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            // Nobody polls any more: answered here, or closing would wait for ever. Failing changes nothing, it is closing.
            let _ = match (assigned, cooperative(consumer)) {
                (true, true) => consumer.incremental_assign(&TopicPartitionList::new()),
                (true, false) => consumer.assign(&TopicPartitionList::new()),
                (false, true) => consumer.incremental_unassign(partitions).or_else(|_| consumer.unassign()),
                (false, false) => consumer.unassign(),
            };
            return;
        }
        let named = partitions.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect();
        self.queue().push_back(if assigned { Event::Assigned(named) } else { Event::Revoked(named) });
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            // The next mirror carries a newer offset anyway.
            tracing::debug!(%error, "the committed offsets could not be mirrored");
        }
    }
}

fn cooperative(consumer: &BaseConsumer<Events>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

type Client = BaseConsumer<Events>;

/// A consumer on one topic.
pub struct KafkaConsumer {
    /// `None` only while it is being dropped.
    inner: Option<Client>,
    closing: Arc<AtomicBool>,
    reading: Reading,
}

/// What is being read, apart from the client: a message that is handed out borrows the client while this changes.
struct Reading {
    settings: KafkaSettings,
    /// The next offset of each partition that is being read.
    live: BTreeMap<u32, u64>,
    /// What is owned: live, held, or handed out and not begun.
    owned: BTreeSet<u32>,
    events: VecDeque<Event>,
    /// The rebalance that librdkafka waits for an answer to.
    unanswered: Option<bool>,
    lost: VecDeque<(u32, String)>,
    /// The newest mirrored offset of each partition that is owned.
    mirrored: BTreeMap<u32, u64>,
    trouble: bool,
    reasked: u32,
}

impl KafkaConsumer {
    /// Connects to a topic that exists, and joins the group (or takes its static partitions) at the first poll.
    ///
    /// # Errors
    /// [`Class::Config`] when the brokers do not answer, the topic does not exist, or a setting is refused.
    pub fn open(settings: &KafkaSettings) -> Result<KafkaConsumer, LogError> {
        let what = || format!("read kafka topic {}", settings.topic);
        if settings.group.trim().is_empty() {
            return Err(failed(Class::Config, what(), "group is empty"));
        }
        let partitions = describe_existing(settings)?;
        let mut events = VecDeque::new();
        if let Some(chosen) = &settings.static_partitions {
            if let Some(wrong) = chosen.iter().find(|&&chosen| chosen >= partitions) {
                return Err(failed(
                    Class::Config,
                    what(),
                    format!("there is no partition {wrong}, only 0 to {}", partitions - 1),
                ));
            }
            events.push_back(Event::Assigned(chosen.clone()));
        }
        let context = Events::default();
        let closing = Arc::clone(&context.closing);
        let hard: Vec<_> = HARD.into_iter().chain([("group.id", settings.group.as_str())]).collect();
        let inner: BaseConsumer<Events> = settings.client(&SOFT, &hard, context)?;
        if settings.static_partitions.is_none() {
            inner.subscribe(&[&settings.topic]).map_err(|error| refused(what(), &error))?;
        }
        Ok(KafkaConsumer {
            inner: Some(inner),
            closing,
            reading: Reading {
                settings: settings.clone(),
                live: BTreeMap::new(),
                owned: BTreeSet::new(),
                events,
                unanswered: None,
                lost: VecDeque::new(),
                mirrored: BTreeMap::new(),
                trouble: false,
                reasked: 0,
            },
        })
    }
}

impl KafkaConsumer {
    fn parts(&mut self) -> Result<(&Client, &mut Reading), LogError> {
        Ok((self.inner.as_ref().ok_or_else(closed)?, &mut self.reading))
    }
}

impl Reading {
    fn what(&self) -> String {
        format!("read kafka topic {}", self.settings.topic)
    }

    fn list(&self, partitions: impl IntoIterator<Item = (u32, u64)>) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in partitions {
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            list.add_partition_offset(&self.settings.topic, native(partition), Offset::Offset(offset))
                .map_err(|error| refused(self.what(), &error))?;
        }
        Ok(list)
    }

    /// Makes librdkafka read what `live` says after `change`. Under the cooperative protocol only what changes is touched; under the
    /// eager one, and without a group, the whole assignment is set again, each partition at its next offset.
    fn reassign(&mut self, inner: &Client, remove: &[u32], add: &[(u32, u64)]) -> Result<(), LogError> {
        if !cooperative(inner) {
            let mut live = self.live.clone();
            live.retain(|partition, _| !remove.contains(partition));
            live.extend(add.iter().copied());
            let list = self.list(live.iter().map(|(&partition, &next)| (partition, next)))?;
            // Taking all away must be `unassign`: that is what answers an eager revocation.
            let answer = if live.is_empty() && self.unanswered != Some(true) { inner.unassign() } else { inner.assign(&list) };
            answer.map_err(|error| refused(self.what(), &error))?;
            self.live = live;
            return Ok(());
        }
        let gone: Vec<_> = remove.iter().filter_map(|partition| self.live.get_key_value(partition)).collect();
        if !gone.is_empty() || self.unanswered == Some(false) {
            let list = self.list(gone.iter().map(|(partition, next)| (**partition, **next)))?;
            inner.incremental_unassign(&list).map_err(|error| refused(self.what(), &error))?;
        }
        let answers = self.unanswered == Some(true);
        self.live.retain(|partition, _| !remove.contains(partition));
        if !add.is_empty() || answers {
            let list = self.list(add.iter().copied())?;
            inner.incremental_assign(&list).map_err(|error| refused(self.what(), &error))?;
        }
        self.live.extend(add.iter().copied());
        Ok(())
    }

    /// The next event that is not a message.
    fn event(&mut self) -> Option<Polled<'static>> {
        if let Some((partition, why)) = self.lost.pop_front() {
            return Some(Polled::Lost { partition, why });
        }
        match self.events.pop_front()? {
            Event::Assigned(partitions) => {
                self.unanswered = Some(true);
                self.owned.extend(&partitions);
                Some(Polled::Assigned(partitions))
            }
            Event::Revoked(partitions) => {
                self.unanswered = Some(false);
                Some(Polled::Revoked(partitions))
            }
        }
    }

    /// Logs a temporary failure once and waits it out; librdkafka reconnects by itself.
    fn wait_out(&mut self, inner: &Client, error: &KafkaError) -> Result<(), LogError> {
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::AutoOffsetReset) {
            return self.find_lost(inner);
        }
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(failed(Class::Fatal, self.what(), error));
        }
        let error = refused(self.what(), error);
        if matches!(error.class, Class::Config | Class::Fatal) {
            return Err(error);
        }
        if !std::mem::replace(&mut self.trouble, true) {
            tracing::warn!(%error, "kafka cannot be read right now; waiting");
        }
        Ok(())
    }

    /// A position was refused. librdkafka does not say of which partition, so each is compared with the brokers' watermarks.
    fn find_lost(&mut self, inner: &Client) -> Result<(), LogError> {
        self.reasked += 1;
        let mut lost = Vec::new();
        for (&partition, &next) in &self.live {
            let held = ask_watermarks(inner, &self.settings, partition)?;
            if next < held.low || next > held.high {
                lost.push((partition, format!("offset {next} is wanted and the topic holds [{}, {})", held.low, held.high)));
            }
        }
        if lost.is_empty() {
            if self.reasked > MAX_REASKS {
                let why = "the brokers refuse a position that they say they hold";
                return Err(failed(Class::Fatal, self.what(), why));
            }
            // It has come back (a new leader caught up): the refused partition is stopped inside librdkafka, so start all again.
            let again: Vec<_> = self.live.iter().map(|(&partition, &next)| (partition, next)).collect();
            let partitions: Vec<_> = self.live.keys().copied().collect();
            return self.reassign(inner, &partitions, &again);
        }
        let partitions: Vec<_> = lost.iter().map(|(partition, _)| *partition).collect();
        self.reassign(inner, &partitions, &[])?;
        self.lost.extend(lost);
        Ok(())
    }
}

impl Consumer for KafkaConsumer {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        let reading = &mut self.reading;
        if let Some(event) = reading.event() {
            return Ok(event);
        }
        let inner = self.inner.as_ref().ok_or_else(closed)?;
        let trouble = loop {
            match inner.poll(timeout) {
                None => break None,
                Some(Err(error)) => break Some(error),
                Some(Ok(message)) => {
                    let seen = view(&message);
                    let Some(next) = reading.live.get_mut(&seen.partition) else { continue };
                    if seen.offset < *next {
                        continue;
                    }
                    // A gap is returned as it is: the commit protocol must see it and stop.
                    *next = seen.offset + 1;
                    reading.reasked = 0;
                    if std::mem::take(&mut reading.trouble) {
                        tracing::info!("kafka can be read again");
                    }
                    return Ok(Polled::Message(MessageRef::Kafka(message)));
                }
            }
        };
        if let Some(error) = trouble {
            reading.wait_out(inner, &error)?;
        }
        let noted = std::mem::take(&mut *inner.context().queue());
        reading.events.extend(noted);
        Ok(reading.event().unwrap_or(Polled::Idle))
    }

    fn begin(&mut self, positions: &[(u32, Position)]) -> Result<(), LogError> {
        let (inner, reading) = self.parts()?;
        let add: Vec<_> = positions.iter().filter_map(at).collect();
        // A partition that is given twice (a rebalance overtaken by the next) is taken up again at the newer position.
        let again: Vec<_> = positions.iter().map(|(partition, _)| *partition).collect();
        reading.reassign(inner, &again, &add)?;
        reading.owned.extend(again);
        reading.unanswered = None;
        // A commit is refused while the group rebalances, and a partition that was kept may never commit again. So it is repeated when
        // the rebalance ends, an event that the cooperative protocol sends even to members that get no partition.
        let kept = reading.list(reading.mirrored.iter().map(|(&partition, &offset)| (partition, offset)))?;
        if kept.count() > 0
            && let Err(error) = inner.commit(&kept, CommitMode::Async)
        {
            tracing::debug!(%error, "the committed offsets could not be mirrored again");
        }
        Ok(())
    }

    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        let (inner, reading) = self.parts()?;
        reading.reassign(inner, partitions, &[])?;
        reading.owned.retain(|partition| !partitions.contains(partition));
        // From now on another member commits their offsets.
        reading.mirrored.retain(|partition, _| !partitions.contains(partition));
        reading.unanswered = None;
        Ok(())
    }

    fn seek(&mut self, partition: u32, position: Position) -> Result<(), LogError> {
        let (inner, reading) = self.parts()?;
        if !reading.owned.contains(&partition) {
            return Err(failed(Class::Fatal, reading.what(), format!("partition {partition} is not ours to move")));
        }
        let add: Vec<_> = at(&(partition, position)).into_iter().collect();
        reading.reassign(inner, &[partition], &add)
    }

    fn watermarks(&mut self, partition: u32) -> Result<Watermarks, LogError> {
        let (inner, reading) = self.parts()?;
        ask_watermarks(inner, &reading.settings, partition)
    }

    fn mirror(&mut self, partition: u32, offset: u64) {
        let committed = self.parts().and_then(|(inner, reading)| {
            if reading.owned.contains(&partition) {
                reading.mirrored.insert(partition, offset);
            }
            let list = reading.list([(partition, offset)])?;
            inner.commit(&list, CommitMode::Async).map_err(|error| refused("mirror an offset", &error))
        });
        if let Err(error) = committed {
            tracing::debug!(%error, partition, offset, "the committed offset could not be mirrored");
        }
    }

    fn partitions(&mut self) -> Result<u32, LogError> {
        let (inner, reading) = self.parts()?;
        count_partitions(inner.client(), &reading.settings, ASK)?.ok_or_else(|| missing(&reading.settings))
    }
}

impl Drop for KafkaConsumer {
    /// Leaves the group on a thread of its own and waits for that a bounded time: closing blocks for as long as the broker that
    /// coordinates the group does not answer. The process may end while that thread still waits; nothing is lost by it.
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        let Some(inner) = self.inner.take() else { return };
        let live: Vec<_> = self.reading.live.iter().map(|(&partition, &next)| (partition, next)).collect();
        let unanswered = self.reading.unanswered;
        let list = self.reading.list(live).unwrap_or_default();
        let pending = std::mem::take(&mut *inner.context().queue());
        let waiting =
            unanswered.or_else(|| self.reading.events.iter().chain(&pending).last().map(|e| matches!(e, Event::Assigned(_))));
        let (ended, wait) = mpsc::sync_channel(1);
        let leaving = move || {
            // librdkafka closes only after the last rebalance has been answered. What it refuses is settled already.
            let _ = match (waiting, cooperative(&inner)) {
                (Some(true), true) => inner.incremental_assign(&TopicPartitionList::new()),
                (Some(true), false) => inner.assign(&TopicPartitionList::new()),
                (Some(false), true) => inner.incremental_unassign(&list),
                (Some(false), false) => inner.unassign(),
                (None, _) => Ok(()),
            };
            drop(inner);
            // The receiver may have stopped waiting.
            let _ = ended.send(());
        };
        if std::thread::Builder::new().name("kafka-consumer-end".into()).spawn(leaving).is_ok() {
            let _ = wait.recv_timeout(LEAVE);
        }
    }
}

fn at(&(partition, position): &(u32, Position)) -> Option<(u32, u64)> {
    match position {
        Position::At(offset) => Some((partition, offset)),
        Position::Hold => None,
    }
}

fn closed() -> LogError {
    failed(Class::Fatal, "read kafka", "the consumer has been closed")
}

fn ask_watermarks(consumer: &BaseConsumer<Events>, settings: &KafkaSettings, partition: u32) -> Result<Watermarks, LogError> {
    let (low, high) = consumer
        .fetch_watermarks(&settings.topic, native(partition), ASK)
        .map_err(|error| refused(format!("ask what kafka topic {} partition {partition} holds", settings.topic), &error))?;
    Ok(Watermarks { low: u64::try_from(low).unwrap_or(0), high: u64::try_from(high).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Producer as _;
    use crate::log::kafka::KafkaProducer;
    use crate::message::{FileId, Packed, Run};
    use rdkafka::mocking::MockCluster;
    use std::time::Instant;

    fn send(producer: &KafkaProducer, count: u8) {
        let mut messages = Packed::default();
        (0..count).for_each(|n| messages.push_raw(&[n], b"value"));
        producer.send(Run { file: FileId(0), messages }, Box::new(|result| result.expect("durable")));
        producer.flush(ASK).expect("flushes");
    }

    fn read(consumer: &mut KafkaConsumer, from: u64, to: u64) {
        let (mut next, deadline) = (from, Instant::now() + 3 * ASK);
        while next < to {
            assert!(Instant::now() < deadline, "stuck at {next}");
            match consumer.poll(Duration::from_millis(50)).expect("polls") {
                Polled::Assigned(partitions) => {
                    assert_eq!(partitions, [0]);
                    consumer.begin(&[(0, Position::At(from))]).expect("begins");
                }
                Polled::Message(message) => {
                    assert_eq!(message.get().offset, next);
                    next += 1;
                }
                Polled::Idle => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_outage_of_all_brokers_is_waited_out() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let mut settings = KafkaSettings { brokers: cluster.bootstrap_servers(), topic: "t".into(), ..KafkaSettings::default() };
        (settings.group, settings.static_partitions) = ("g".into(), Some(vec![0]));
        settings.properties.insert("reconnect.backoff.max.ms".into(), "100".into());
        let producer = KafkaProducer::open(&settings).expect("opens");
        let mut consumer = KafkaConsumer::open(&settings).expect("opens");
        send(&producer, 5);
        read(&mut consumer, 0, 5);
        cluster.broker_down(1).expect("goes down");
        // Until librdkafka has told of it, and a while longer.
        let deadline = Instant::now() + ASK;
        while !consumer.reading.trouble && Instant::now() < deadline {
            let polled = consumer.poll(Duration::from_millis(50)).expect("trouble is waited out");
            assert!(matches!(polled, Polled::Idle), "{polled:?}");
        }
        assert!(consumer.reading.trouble, "the outage was not noticed");
        for _ in 0..10 {
            assert!(matches!(consumer.poll(Duration::from_millis(50)), Ok(Polled::Idle)));
        }
        cluster.broker_up(1).expect("comes back");
        send(&producer, 5);
        read(&mut consumer, 5, 10);
        assert!(!consumer.reading.trouble);
    }

    #[test]
    fn dropping_a_consumer_does_not_hang_when_the_broker_is_gone() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let settings = KafkaSettings {
            brokers: cluster.bootstrap_servers(),
            topic: "t".into(),
            group: "g".into(),
            ..KafkaSettings::default()
        };
        let mut consumer = KafkaConsumer::open(&settings).expect("opens");
        read_nothing(&mut consumer);
        cluster.broker_down(1).expect("goes down");
        let (ended, wait) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            drop(consumer);
            ended.send(()).expect("heard");
        });
        wait.recv_timeout(LEAVE + ASK).expect("it ends");
    }

    /// Joins the group and takes up its partition at the end.
    fn read_nothing(consumer: &mut KafkaConsumer) {
        let deadline = Instant::now() + 3 * ASK;
        while Instant::now() < deadline {
            if let Polled::Assigned(partitions) = consumer.poll(Duration::from_millis(50)).expect("polls") {
                let all: Vec<_> = partitions.into_iter().map(|partition| (partition, Position::At(0))).collect();
                return consumer.begin(&all).expect("begins");
            }
        }
        panic!("no assignment");
    }
}
