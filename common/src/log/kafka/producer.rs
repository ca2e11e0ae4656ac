//! The writing side on Kafka: runs in, one answer per run out.
//!
//! Idempotent and acknowledged by all in-sync replicas. A failure that librdkafka's producer cannot recover from ends that instance
//! and not the process: its runs in flight are answered with an error, to be sent again, and the next run goes to a new instance.

use super::admin::describe_existing;
use super::handover::{Carrier, Topic, hand_over};
use super::{ASK, KafkaSettings, failed, forward_log, native, refused};
use crate::failure::Class;
use crate::limits::MAX_MESSAGE_BYTES;
use crate::log::{Done, LogError, Producer};
use crate::message::{Packed, Run};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::time::{Duration, Instant};

/// What a user may change. Long batches compress better and cost the broker less.
const SOFT: [(&str, &str); 6] = [
    ("compression.type", "zstd"),
    ("compression.level", "1"),
    ("linger.ms", "50"),
    ("batch.num.messages", "10000"),
    ("message.timeout.ms", "120000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

/// What a user may not change.
const HARD: [(&str, &str); 5] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // The largest value and its key, with room for the record's framing; still below the broker's default of 1,048,588.
    ("message.max.bytes", "1048576"),
    // 40 MiB of payload and about a quarter of a KiB of bookkeeping a message: within 64 MiB together.
    ("queue.buffering.max.kbytes", "40960"),
    ("queue.buffering.max.messages", "60000"),
];

/// How long a sender waits before it looks again whether the queue has room. A shorter wait costs more in clock calls than in waiting.
const FULL_QUEUE_WAIT: Duration = Duration::from_millis(20);

/// How long an instance that is shut down may take to answer what it still holds.
const LAST_REPORTS: Duration = Duration::from_secs(5);

/// A producer on one topic.
pub struct KafkaProducer {
    settings: KafkaSettings,
    partitions: u32,
    /// `None` only while it is being dropped.
    current: RwLock<Option<Arc<ProducerInstance>>>,
    pending: Arc<Pending>,
}

/// One librdkafka producer, from its start until it fails for good.
struct ProducerInstance {
    /// Before the producer that it belongs to: fields are dropped in this order.
    topic: Topic,
    inner: ThreadedProducer<Reports>,
    /// It has failed for good.
    unusable: Arc<AtomicBool>,
}

/// Runs handed over and not yet answered.
#[derive(Default)]
struct Pending {
    runs: Mutex<usize>,
    none_left: Condvar,
}

/// One run and its delivery reports so far. librdkafka carries an `Arc` of it with each message: nothing is allocated or copied per
/// message.
struct RunInFlight {
    run: Run,
    /// Messages without a report, plus one for the sender while it hands them over.
    left: AtomicUsize,
    failure: Mutex<Option<LogError>>,
    done: Mutex<Option<Done>>,
    pending: Arc<Pending>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can be left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Carrier for RunInFlight {
    fn messages(&self) -> &Packed {
        &self.run.messages
    }
}

impl RunInFlight {
    /// The first failure is the one that `done` gets.
    fn fail(&self, error: LogError) {
        lock(&self.failure).get_or_insert(error);
    }

    fn settle(&self, messages: usize) {
        if self.left.fetch_sub(messages, Ordering::AcqRel) != messages {
            return;
        }
        let result = lock(&self.failure).take().map_or(Ok(()), Err);
        if let Some(done) = lock(&self.done).take() {
            done(result);
        }
        self.pending.settled();
    }
}

impl Drop for RunInFlight {
    /// librdkafka reports every message, so this finds nothing to do; if it ever lost one, the run is still answered.
    fn drop(&mut self) {
        if let Some(done) = lock(&self.done).take() {
            done(Err(failed(Class::Retry, "produce", "the producer ended without a report")));
            self.pending.settled();
        }
    }
}

impl Pending {
    fn settled(&self) {
        let mut runs = lock(&self.runs);
        *runs = runs.saturating_sub(1);
        if *runs == 0 {
            self.none_left.notify_all();
        }
    }

    fn wait(&self, deadline: Instant) -> bool {
        let mut runs = lock(&self.runs);
        while *runs > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            runs = self.none_left.wait_timeout(runs, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Delivery reports arrive here, on the producer's own thread.
struct Reports {
    unusable: Arc<AtomicBool>,
    topic: String,
}

impl Reports {
    /// After these the instance answers nothing but errors, or has thrown away what it held.
    fn note(&self, code: Option<RDKafkaErrorCode>) {
        use RDKafkaErrorCode as Code;
        if matches!(code, Some(Code::Fatal | Code::PurgeQueue | Code::PurgeInflight)) {
            self.unusable.store(true, Ordering::Release);
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        forward_log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(error.rdkafka_error_code());
        tracing::debug!(%error, reason, "the kafka producer reports an error");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Arc<RunInFlight>;

    fn delivery(&self, report: &DeliveryResult<'_>, run: Arc<RunInFlight>) {
        if let Err((error, _)) = report {
            self.note(error.rdkafka_error_code());
            run.fail(refused(format!("produce to kafka topic {}", self.topic), error));
        }
        run.settle(1);
    }
}

impl KafkaProducer {
    /// Connects to a topic that exists; its number of partitions is read once, here.
    ///
    /// # Errors
    /// [`Class::Config`] when the brokers do not answer, the topic does not exist, or a property is refused.
    pub fn open(settings: &KafkaSettings) -> Result<KafkaProducer, LogError> {
        let partitions = describe_existing(settings)?;
        let instance = Arc::new(start(settings)?);
        Ok(KafkaProducer {
            settings: settings.clone(),
            partitions,
            current: RwLock::new(Some(instance)),
            pending: Arc::default(),
        })
    }

    /// The instance of now, failed or not.
    fn current(&self) -> Result<Arc<ProducerInstance>, LogError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone().ok_or_else(|| failed(Class::Fatal, "produce", "the producer has been closed"))
    }

    /// An instance that can still send: one that has failed for good is replaced first.
    fn usable(&self) -> Result<Arc<ProducerInstance>, LogError> {
        let instance = self.current()?;
        if !instance.unusable.load(Ordering::Acquire) {
            return Ok(instance);
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(usable) = current.as_ref().filter(|instance| !instance.unusable.load(Ordering::Acquire)) {
            return Ok(Arc::clone(usable));
        }
        tracing::warn!(topic = self.settings.topic, "the kafka producer has failed for good and is replaced by a new one");
        let instance = Arc::new(start(&self.settings)?);
        let old = current.replace(Arc::clone(&instance));
        drop(current);
        if let Some(old) = old {
            shut_down(old);
        }
        Ok(instance)
    }

    /// Queues the whole run, waiting while the queue is full. Fails with the number of messages that were queued all the same.
    fn produce(&self, instance: &ProducerInstance, in_flight: &Arc<RunInFlight>) -> Result<(), (usize, LogError)> {
        let partition = native(in_flight.run.file.partition(self.partitions));
        let mut queued = 0;
        loop {
            let (more, refusal) = hand_over(&instance.topic, partition, in_flight, queued);
            queued += more;
            match refusal {
                None => return Ok(()),
                Some(RDKafkaErrorCode::QueueFull) => instance.inner.poll(FULL_QUEUE_WAIT),
                Some(code) => {
                    if code == RDKafkaErrorCode::Fatal {
                        instance.unusable.store(true, Ordering::Release);
                    }
                    let error = KafkaError::MessageProduction(code);
                    return Err((queued, refused(format!("produce to kafka topic {}", self.settings.topic), &error)));
                }
            }
        }
    }
}

impl Producer for KafkaProducer {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn send(&self, run: Run, done: Done) {
        *lock(&self.pending.runs) += 1;
        let messages = run.messages.len();
        let in_flight = Arc::new(RunInFlight {
            left: AtomicUsize::new(messages + 1),
            run,
            failure: Mutex::new(None),
            done: Mutex::new(Some(done)),
            pending: Arc::clone(&self.pending),
        });
        let sent = match too_large(&in_flight.run) {
            Some(bytes) => Err((0, oversize(&self.settings.topic, bytes))),
            None => match self.usable() {
                Ok(instance) => self.produce(&instance, &in_flight),
                Err(error) => Err((0, error)),
            },
        };
        let unsent = match sent {
            Ok(()) => 0,
            Err((sent, error)) => {
                in_flight.fail(error);
                messages - sent
            }
        };
        in_flight.settle(unsent + 1);
    }

    fn flush(&self, deadline: Duration) -> Result<(), LogError> {
        let until = Instant::now() + deadline;
        let instance = self.current()?;
        // Ends the lingering; what matters is our own count, which spans instances.
        let flushed = instance.inner.flush(deadline);
        if self.pending.wait(until) {
            return Ok(());
        }
        let why = flushed.err().map_or_else(|| "the deadline has passed".to_owned(), |error| error.to_string());
        Err(failed(Class::Unclear, format!("flush kafka topic {}", self.settings.topic), why))
    }

    fn ends(&self) -> Result<Vec<u64>, LogError> {
        let instance = self.current()?;
        (0..self.partitions)
            .map(|partition| {
                let (_, high) =
                    instance.inner.client().fetch_watermarks(&self.settings.topic, native(partition), ASK).map_err(|error| {
                        refused(format!("ask the end of kafka topic {} partition {partition}", self.settings.topic), &error)
                    })?;
                Ok(u64::try_from(high).unwrap_or(0))
            })
            .collect()
    }
}

impl Drop for KafkaProducer {
    fn drop(&mut self) {
        if let Some(instance) = self.current.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            shut_down(instance);
        }
    }
}

/// Ends an instance on a thread of its own, and waits for that a bounded time: dropping it joins its polling thread, which may be
/// the thread that we are on (in a `done`), or one that waits for an unreachable broker.
fn shut_down(instance: Arc<ProducerInstance>) {
    let (ended, wait) = mpsc::sync_channel(1);
    let ending = move || {
        instance.inner.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = instance.inner.flush(LAST_REPORTS) {
            tracing::debug!(%error, "a kafka producer was shut down with reports outstanding");
        }
        drop(instance);
        // The receiver may have stopped waiting.
        let _ = ended.send(());
    };
    if std::thread::Builder::new().name("kafka-producer-end".into()).spawn(ending).is_ok() {
        let _ = wait.recv_timeout(LAST_REPORTS);
    }
}

fn start(settings: &KafkaSettings) -> Result<ProducerInstance, LogError> {
    let unusable = Arc::new(AtomicBool::new(false));
    let reports = Reports { unusable: Arc::clone(&unusable), topic: settings.topic.clone() };
    let inner: ThreadedProducer<Reports> = settings.client(&SOFT, &HARD, reports)?;
    let topic =
        Topic::of(&inner, &settings.topic).map_err(|error| refused(format!("use kafka topic {}", settings.topic), &error))?;
    Ok(ProducerInstance { topic, inner, unusable })
}

fn too_large(run: &Run) -> Option<usize> {
    run.messages.iter().map(|(_, value)| value.len()).find(|&bytes| bytes > MAX_MESSAGE_BYTES)
}

fn oversize(topic: &str, bytes: usize) -> LogError {
    let why = format!("a message of {bytes} bytes is larger than {MAX_MESSAGE_BYTES}");
    failed(Class::Fatal, format!("produce to kafka topic {topic}"), why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{FileId, Packed};
    use rdkafka::mocking::MockCluster;

    fn run(count: u8) -> Run {
        let mut messages = Packed::default();
        (0..count).for_each(|n| messages.push_raw(&[n], b"value"));
        Run { file: FileId(0), messages }
    }

    fn send(producer: &KafkaProducer, run: Run) -> mpsc::Receiver<Result<(), LogError>> {
        let (answer, answered) = mpsc::sync_channel(1);
        producer.send(run, Box::new(move |result| answer.send(result).expect("heard")));
        answered
    }

    #[test]
    fn a_producer_that_failed_for_good_is_replaced_and_its_runs_are_answered_with_an_error() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let mut settings = KafkaSettings { brokers: cluster.bootstrap_servers(), topic: "t".into(), ..KafkaSettings::default() };
        // Longer than the test takes, so that the first run is still queued when its producer fails.
        settings.properties.insert("linger.ms".into(), "100000".into());
        let producer = KafkaProducer::open(&settings).expect("opens");
        let first = send(&producer, run(3));
        producer.current().expect("open").unusable.store(true, Ordering::Release);
        let second = send(&producer, run(2));
        let error = first.recv_timeout(ASK).expect("answered").expect_err("failed");
        assert_eq!(error.class, Class::Retry, "{error}");
        assert!(!producer.current().expect("open").unusable.load(Ordering::Acquire));
        producer.flush(ASK).expect("flushes");
        second.recv_timeout(ASK).expect("answered").expect("durable");
        assert_eq!(producer.ends().expect("ends"), [2]);
    }

    #[test]
    fn runs_that_are_under_way_when_the_producer_is_dropped_are_answered() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let mut settings = KafkaSettings { brokers: cluster.bootstrap_servers(), topic: "t".into(), ..KafkaSettings::default() };
        settings.properties.insert("linger.ms".into(), "100000".into());
        let producer = KafkaProducer::open(&settings).expect("opens");
        let answered = send(&producer, run(3));
        assert!(producer.flush(Duration::ZERO).is_err(), "nothing can have been answered yet");
        drop(producer);
        assert!(matches!(answered.try_iter().collect::<Vec<_>>().as_slice(), [_]), "answered once");
    }

    #[test]
    fn a_run_longer_than_the_queue_is_delivered_whole() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let settings = KafkaSettings { brokers: cluster.bootstrap_servers(), topic: "t".into(), ..KafkaSettings::default() };
        let producer = KafkaProducer::open(&settings).expect("opens");
        let queue: usize =
            HARD.iter().find(|(name, _)| *name == "queue.buffering.max.messages").expect("set").1.parse().expect("a number");
        let mut messages = Packed::default();
        (0..queue + 5000).for_each(|n| messages.push_raw(&n.to_le_bytes(), b"value"));
        let answered = send(&producer, Run { file: FileId(0), messages });
        producer.flush(6 * ASK).expect("flushes");
        answered.recv_timeout(ASK).expect("answered").expect("durable");
        assert_eq!(producer.ends().expect("ends"), [queue as u64 + 5000]);
    }

    #[test]
    fn a_run_with_a_message_that_librdkafka_refuses_is_answered_once_with_an_error() {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let settings = KafkaSettings { brokers: cluster.bootstrap_servers(), topic: "t".into(), ..KafkaSettings::default() };
        let producer = KafkaProducer::open(&settings).expect("opens");
        let mut messages = Packed::default();
        messages.push_raw(b"1", b"value");
        messages.push_raw(&vec![b'k'; 2 * MAX_MESSAGE_BYTES], b"value");
        messages.push_raw(b"3", b"value");
        let answered = send(&producer, Run { file: FileId(0), messages });
        producer.flush(ASK).expect("flushes");
        assert!(answered.recv_timeout(ASK).expect("answered").is_err());
        // The sender was dropped with the answer: nothing can answer again.
        assert!(answered.recv_timeout(ASK).is_err_and(|error| error == mpsc::RecvTimeoutError::Disconnected));
    }
}
