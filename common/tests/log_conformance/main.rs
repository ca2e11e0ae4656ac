//! One set of checks for every implementation of the log: [`both`] has what they all promise, the others what one alone does.
//!
//! The embedded log is always checked; Kafka when `SWITCHBACK_TEST_KAFKA` names a broker, which `SWITCHBACK_REQUIRE_SERVICES=1` demands.

#![expect(clippy::disallowed_methods, reason = "a test waits with a deadline")]
#![cfg(all(feature = "embedded", feature = "kafka"))]

mod subject;
mod traffic;

mod both;
mod embedded;
mod group;
mod kafka;
