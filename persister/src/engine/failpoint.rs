//! Places where a test may end the process: before and after every effect of a batch, because a crash between two of them is
//! what the protocol is about, and a crash from outside hits such a moment once in a thousand times.
//!
//! `SWITCHBACK_FAILPOINT=NAME:HIT` ends the process, without any cleaning up, when it comes to the point NAME for the HIT-th time
//! (from 1). Without the variable a point does nothing. Names: `encode`, `intent`, `file` (each file), `hint`, `checkpoint` (each
//! object of it), `mirror`, each with `.before` or `.after`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const VARIABLE: &str = "SWITCHBACK_FAILPOINT";

#[derive(Debug, PartialEq, Eq)]
struct Armed {
    name: String,
    hit: u64,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
static HITS: AtomicU64 = AtomicU64::new(0);

/// Passes the point `name`, or ends the process there.
pub(super) fn reach(name: &str) {
    let armed = ARMED.get_or_init(|| std::env::var(VARIABLE).ok().as_deref().and_then(parse));
    if let Some(armed) = armed
        && armed.name == name
        && HITS.fetch_add(1, Ordering::SeqCst) + 1 == armed.hit
    {
        eprintln!("{VARIABLE}: ending at {name}");
        std::process::abort();
    }
}

/// What is not understood arms nothing: tests notice, since the process goes on.
fn parse(text: &str) -> Option<Armed> {
    let (name, hit) = text.split_once(':')?;
    Some(Armed { name: name.to_owned(), hit: hit.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_its_hit() {
        assert_eq!(parse("intent.before:2"), Some(Armed { name: "intent.before".into(), hit: 2 }));
        assert_eq!((parse("intent.before"), parse("intent.before:x"), parse("")), (None, None, None));
    }

    #[test]
    fn a_point_that_is_not_armed_is_passed() {
        reach("intent.before");
    }
}
