//! Hands the messages of a run to librdkafka many at a time and without copying their values: one call looks up topic and
//! partition once, and what is queued points into the run until its delivery report has come.
//!
//! The only unsafe code of the log. Why it is sound:
//! - *Values.* librdkafka asks that a value that it neither copies nor frees "remains valid and is not modified or reused until the
//!   delivery callback is invoked" (rdkafka.h, `rd_kafka_produce`). The values lie in the [`Carrier`] of the messages; each queued message
//!   owns one count of it, which comes back as the opaque of its delivery report and is let go after it. Nothing changes a carrier's
//!   messages while it is shared: they are reached through `&` only.
//! - *Keys* are copied by librdkafka within the call.
//! - *Counts.* A count is made before the call for each message; for one that was refused, it is taken back after the call. So
//!   each is let go exactly once.
//! - *The topic.* It is made from a living client and dropped before it ([`Topic`] is a field before the client in its owner),
//!   is locked and counted within librdkafka, and so may be shared by threads.

use rdkafka::bindings as sys;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CString, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use crate::message::Packed;

/// Messages handed over in one call. Enough to make the call's own cost small, few enough that the partition's lock is not held long.
const AT_ONCE: usize = 512;

/// What owns messages that are on their way.
pub(super) trait Carrier: Send + Sync {
    fn messages(&self) -> &Packed;
}

/// A topic of one client.
pub(super) struct Topic(NonNull<sys::rd_kafka_topic_t>);

// SAFETY: see the module: rd_kafka_topic_t is counted and locked within librdkafka.
unsafe impl Send for Topic {}
// SAFETY: the same.
unsafe impl Sync for Topic {}

impl Topic {
    /// The topic `name` as this producer knows it, with the producer's settings. It must be dropped before the producer.
    ///
    /// # Errors
    /// When librdkafka does not take the name.
    pub(super) fn of<C: ProducerContext>(producer: &impl Producer<C>, name: &str) -> Result<Topic, KafkaError> {
        let refused = || KafkaError::MessageProduction(RDKafkaErrorCode::InvalidTopic);
        let name = CString::new(name).map_err(|_| refused())?;
        // SAFETY: the client lives, the name ends with a NUL, and no configuration of its own is given.
        let topic = unsafe { sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), null_mut()) };
        NonNull::new(topic).map(Topic).ok_or_else(refused)
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_topic_new, given back once.
        unsafe { sys::rd_kafka_topic_destroy(self.0.as_ptr()) }
    }
}

/// Hands over the messages of `carrier` from number `from` on, in order, until all are queued or one is refused. Returns how many were
/// queued, and why the next one was not. After a refusal for another reason than a full queue, later messages may have been queued too;
/// they are counted, so that every delivery report is waited for.
///
/// The opaque of each delivery report is `Arc<T>`, as [`rdkafka::util::IntoOpaque`] makes it.
pub(super) fn hand_over<T: Carrier>(
    topic: &Topic,
    partition: i32,
    carrier: &Arc<T>,
    from: usize,
) -> (usize, Option<RDKafkaErrorCode>) {
    let mut batch = Vec::with_capacity(AT_ONCE.min(carrier.messages().len().saturating_sub(from)));
    let mut messages = carrier.messages().iter().skip(from);
    let mut queued = 0;
    loop {
        batch.clear();
        batch.extend(messages.by_ref().take(AT_ONCE).map(|(key, value)| native(key, value, carrier)));
        if batch.is_empty() {
            return (queued, None);
        }
        // At most AT_ONCE.
        let count = batch.len() as c_int;
        // SAFETY: `batch` holds `count` messages whose keys and values live (see the module), and the topic lives.
        unsafe { sys::rd_kafka_produce_batch(topic.0.as_ptr(), partition, 0, batch.as_mut_ptr(), count) };
        let mut refused = None;
        for message in &batch {
            if message.err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                queued += 1;
                continue;
            }
            // SAFETY: this count was made by `native` for this message, which librdkafka did not take.
            drop(unsafe { Arc::from_raw(message._private.cast::<T>()) });
            refused.get_or_insert_with(|| RDKafkaErrorCode::from(message.err));
        }
        if refused.is_some() {
            return (queued, refused);
        }
    }
}

fn native<T: Carrier>(key: &[u8], value: &[u8], carrier: &Arc<T>) -> sys::rd_kafka_message_t {
    sys::rd_kafka_message_t {
        err: RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: null_mut(),
        partition: 0,
        // librdkafka's type for both directions; it does not write to what it sends.
        payload: value.as_ptr().cast_mut().cast::<c_void>(),
        len: value.len(),
        key: key.as_ptr().cast_mut().cast::<c_void>(),
        key_len: key.len(),
        offset: 0,
        _private: Arc::into_raw(Arc::clone(carrier)).cast_mut().cast::<c_void>(),
    }
}
