//! What every binary needs around its work: [`config`], [`telemetry`], [`shutdown`], a word about what it waits for ([`mod@awaited`]), and
//! how it starts and exits ([`mod@start`]).

#![expect(clippy::disallowed_methods, reason = "tasks that wait for signals")]

pub mod awaited;
pub mod config;
pub mod quantity;
pub mod shutdown;
pub mod start;
pub mod telemetry;

pub use awaited::awaited;
pub use config::{ConfigError, Layers};
pub use quantity::{DurationSetting, SizeSetting};
pub use shutdown::Shutdown;
pub use start::{ServiceArguments, exit_code};
pub use telemetry::Printable;

use crate::failure::{Class, EXIT_CONFIG, EXIT_FAILURE};
use std::error::Error;

/// The class of an error, found anywhere in its chain of sources; `None` when none of them is ours.
pub fn class_of(error: &(dyn Error + 'static)) -> Option<Class> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(error) = error.downcast_ref::<ConfigError>() {
            return Some(error.class());
        }
        if let Some(error) = error.downcast_ref::<crate::log::LogError>() {
            return Some(error.class);
        }
        #[cfg(feature = "local")]
        if let Some(error) = error.downcast_ref::<crate::store::StoreError>() {
            return Some(error.class);
        }
        at = error.source();
    }
    None
}

/// The exit status for an error that ends the process: 78 when the operator must change something, else 1.
pub fn exit_status(error: &(dyn Error + 'static)) -> u8 {
    if class_of(error) == Some(Class::Config) { EXIT_CONFIG } else { EXIT_FAILURE }
}

/// An error and its causes on one line, safe to print: causes may quote hostile input.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        at = cause.source();
    }
    Printable(&text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::LogError;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to start")]
    struct Outer(#[source] LogError);

    fn outer(class: Class) -> Outer {
        Outer(LogError { class, what: "open topic x".into(), why: "no\u{1b}[2Jbroker".into() })
    }

    #[test]
    fn a_config_error_deep_in_the_chain_decides_the_exit_status() {
        assert_eq!(exit_status(&outer(Class::Config)), EXIT_CONFIG);
        assert_eq!(exit_status(&outer(Class::Retry)), EXIT_FAILURE);
        assert_eq!(exit_status(&std::io::Error::other("x")), EXIT_FAILURE);
    }

    #[test]
    fn an_error_is_printed_with_its_causes_and_without_control_characters() {
        assert_eq!(one_line(&outer(Class::Fatal)), "failed to start: open topic x: no\\u{1b}[2Jbroker");
    }
}
