//! Places where a test may end the process or make it stand still: before and after every effect of a batch, because a crash between
//! two of them is what the protocol is about, and a crash from outside hits such a moment once in a thousand times.
//!
//! `SWITCHBACK_FAILPOINT=NAME:HIT` ends the process, without any cleaning up, when it comes to the point NAME for the HIT-th time
//! (from 1). `NAME:HIT:stop` sends it SIGSTOP instead: whoever sends SIGCONT later wakes a writer that knows nothing of what has
//! happened since. Without the variable a point does nothing. Names: `encode`, `intent`, `file` (each file), `hint`, `checkpoint`
//! (each object of it), `mirror`, each with `.before` or `.after`.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const VARIABLE: &str = "SWITCHBACK_FAILPOINT";

#[derive(Debug, PartialEq, Eq)]
struct Armed {
    name: String,
    hit: u64,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Abort,
    Stop,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
static HITS: AtomicU64 = AtomicU64::new(0);

/// Passes the point `name`, or meets the process's fate there.
pub(super) fn reach(name: &str) {
    let armed = ARMED.get_or_init(|| std::env::var(VARIABLE).ok().as_deref().and_then(parse));
    if let Some(armed) = armed
        && armed.name == name
        && HITS.fetch_add(1, Ordering::SeqCst) + 1 == armed.hit
    {
        meet(armed.fate, name);
    }
}

fn meet(fate: Fate, name: &str) {
    match fate {
        Fate::Abort => {
            eprintln!("{VARIABLE}: ending at {name}");
            std::process::abort();
        }
        Fate::Stop => {
            eprintln!("{VARIABLE}: stopping at {name}");
            // All threads stand still, so the rest of the process cannot go on meanwhile. A program sends the signal since the
            // standard library cannot.
            let sent = Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
            eprintln!("{VARIABLE}: going on from {name} ({sent:?})");
        }
    }
}

/// What is not understood arms nothing: tests notice, since the process goes on.
fn parse(text: &str) -> Option<Armed> {
    let (name, rest) = text.split_once(':')?;
    let (hit, fate) = rest.split_once(':').unwrap_or((rest, "abort"));
    let fate = match fate {
        "abort" => Fate::Abort,
        "stop" => Fate::Stop,
        _ => return None,
    };
    Some(Armed { name: name.to_owned(), hit: hit.parse().ok()?, fate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_its_hit_and_fate() {
        let armed = |hit, fate| Some(Armed { name: "intent.before".into(), hit, fate });
        assert_eq!(parse("intent.before:2"), armed(2, Fate::Abort));
        assert_eq!(parse("intent.before:2:abort"), armed(2, Fate::Abort));
        assert_eq!(parse("intent.before:1:stop"), armed(1, Fate::Stop));
        for nonsense in ["intent.before", "intent.before:x", "intent.before:1:sleep", "intent.before:1:stop:2", ""] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_point_that_is_not_armed_is_passed() {
        reach("intent.before");
    }
}
