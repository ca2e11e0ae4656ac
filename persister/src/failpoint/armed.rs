//! The points, and what was asked for at one of them.

use super::VARIABLE;
use common::failure::Class;
use common::store::StoreError;
use std::fmt;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, PartialEq, Eq)]
struct Armed {
    effect: String,
    moment: Moment,
    hit: u64,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Before,
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Abort,
    Stop,
    Error,
    Refusal,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
static HITS: AtomicU64 = AtomicU64::new(0);

/// A failure that a test has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    effect: &'static str,
    moment: Moment,
    fate: Fate,
}

/// Does `work`, an attempt at an effect on the store, between its two points. `unknown` is the class of an answer that is lost there:
/// the store's contract has another one for conditional puts than for others.
pub(crate) async fn attempt<T>(
    effect: &'static str,
    unknown: Class,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let told = |failure: Failure| failure.in_store(unknown);
    reach(effect, Moment::Before).map_err(told)?;
    let answer = work.await;
    reach(effect, Moment::After).map_err(told)?;
    answer
}

/// Does `work`, encoding, between its two points.
pub(crate) fn encoding<T, E: From<Failure>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    reach("encode", Moment::Before)?;
    let answer = work();
    reach("encode", Moment::After)?;
    answer
}

/// Does `work`, mirroring an offset, between its two points. A commit that fails is not heard of, and made up for by the next.
pub(crate) fn mirroring(work: impl FnOnce()) {
    if reach("mirror", Moment::Before).is_ok() {
        work();
        let _ = reach("mirror", Moment::After);
    }
}

/// Passes a point, or meets the process's fate there.
fn reach(effect: &'static str, moment: Moment) -> Result<(), Failure> {
    let armed = ARMED.get_or_init(|| std::env::var(VARIABLE).ok().as_deref().and_then(parse));
    if let Some(armed) = armed
        && (armed.effect.as_str(), armed.moment) == (effect, moment)
        && HITS.fetch_add(1, Ordering::SeqCst) + 1 == armed.hit
    {
        return meet(armed, effect);
    }
    Ok(())
}

fn meet(armed: &Armed, effect: &'static str) -> Result<(), Failure> {
    let Armed { moment, hit, fate, .. } = armed;
    eprintln!("{VARIABLE}: {fate:?} {moment:?} {effect}, hit {hit}");
    match fate {
        Fate::Abort => std::process::abort(),
        Fate::Stop => {
            // All threads stand still, so the rest of the process cannot go on meanwhile. A program sends the signal since the
            // standard library cannot.
            let sent = Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
            eprintln!("{VARIABLE}: going on ({sent:?})");
            Ok(())
        }
        Fate::Error | Fate::Refusal => Err(Failure { effect, moment: *moment, fate: *fate }),
    }
}

impl Failure {
    fn in_store(self, unknown: Class) -> StoreError {
        let class = match (self.fate, self.moment) {
            (Fate::Error, Moment::Before) => Class::Retry,
            (Fate::Error, Moment::After) => unknown,
            _ => Class::Fatal,
        };
        StoreError { class, what: format!("put {}", self.effect), why: self.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VARIABLE} has {:?} {:?} {}", self.fate, self.moment, self.effect)
    }
}

/// What is not understood arms nothing: tests notice, since nothing happens.
fn parse(text: &str) -> Option<Armed> {
    let (point, rest) = text.split_once(':')?;
    let (effect, moment) = point.split_once('.')?;
    let moment = match moment {
        "before" => Moment::Before,
        "after" => Moment::After,
        _ => return None,
    };
    let (hit, fate) = rest.split_once(':').unwrap_or((rest, "abort"));
    let fate = match fate {
        "abort" => Fate::Abort,
        "stop" => Fate::Stop,
        "error" => Fate::Error,
        "refusal" => Fate::Refusal,
        _ => return None,
    };
    Some(Armed { effect: effect.to_owned(), moment, hit: hit.parse().ok()?, fate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_its_hit_and_fate() {
        let armed = |hit, fate| Some(Armed { effect: "intent".into(), moment: Moment::Before, hit, fate });
        assert_eq!(parse("intent.before:2"), armed(2, Fate::Abort));
        assert_eq!(parse("intent.before:2:abort"), armed(2, Fate::Abort));
        assert_eq!(parse("intent.before:1:stop"), armed(1, Fate::Stop));
        assert_eq!(parse("intent.before:3:error"), armed(3, Fate::Error));
        assert_eq!(parse("intent.before:1:refusal"), armed(1, Fate::Refusal));
        for nonsense in ["intent.before", "intent:1", "intent.during:1", "intent.before:x", "intent.before:1:sleep", ""] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_failure_says_what_a_store_would() {
        let class = |moment, fate| Failure { effect: "intent", moment, fate }.in_store(Class::Unclear).class;
        assert_eq!(class(Moment::Before, Fate::Error), Class::Retry);
        assert_eq!(class(Moment::After, Fate::Error), Class::Unclear);
        assert_eq!(class(Moment::Before, Fate::Refusal), Class::Fatal);
        assert_eq!(class(Moment::After, Fate::Refusal), Class::Fatal);
    }

    #[test]
    fn a_point_that_is_not_armed_is_passed() {
        assert_eq!(reach("intent", Moment::Before), Ok(()));
        let mut mirrored = false;
        mirroring(|| mirrored = true);
        assert!(mirrored);
    }
}
