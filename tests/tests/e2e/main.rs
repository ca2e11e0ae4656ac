//! The whole product, from log files to a table, as its users run it: real binaries, a real Kafka, a real S3 server, real crashes.
//! What a table must hold is judged by DuckDB and Python (`tests/oracle`), which share no code with the product.
//!
//! One executable, since each links the world; a module a subject. Without services (`./dev services up`) tests are skipped, with
//! `SWITCHBACK_REQUIRE_SERVICES=1` they fail. A failing test leaves its directory behind and says where it is.

mod crash;
mod exact;
mod examples;
mod group;
mod kafka;
mod kill;
mod malformed;
mod outage;
mod refuse;
mod shutdown;
mod trouble;
mod verdicts;
