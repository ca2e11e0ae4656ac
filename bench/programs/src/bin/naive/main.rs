//! The baseline of `./dev bench`: what one would write first. A DOM for every record, a future for every message, default settings
//! of librdkafka and of the Parquet writer, and no promise: it keeps no chain, so a crash loses or repeats rows.
//!
//! ```text
//! naive produce DIR BROKERS TOPIC
//! naive consume BROKERS TOPIC DIR MESSAGES
//! ```

mod consume;
mod produce;
mod runtime;

use anyhow::{Context, bail};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["produce", dir, brokers, topic] => produce::produce(dir.as_ref(), brokers, topic).await,
        ["consume", brokers, topic, dir, messages] => {
            consume::consume(brokers, topic, dir.as_ref(), messages.parse().context("MESSAGES is a number")?).await
        }
        _ => bail!("usage: naive produce DIR BROKERS TOPIC | naive consume BROKERS TOPIC DIR MESSAGES"),
    }
}
