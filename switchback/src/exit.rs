//! Which exit code an error asks for: the class of its cause decides.

use common::failure::{Class, EXIT_CONFIG, EXIT_FAILURE};
use common::log::LogError;
use common::store::StoreError;
use std::process::ExitCode;

/// What the operator must change before it can work, with no cause in a library: exits with 78.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// [`EXIT_CONFIG`] when anything in the chain of causes is for the operator to change, else [`EXIT_FAILURE`].
pub fn code_of(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(if error.chain().any(is_config) { EXIT_CONFIG } else { EXIT_FAILURE })
}

fn is_config(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<ConfigError>()
        || cause.downcast_ref::<StoreError>().is_some_and(|error| error.class == Class::Config)
        || cause.downcast_ref::<LogError>().is_some_and(|error| error.class == Class::Config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    fn store_error(class: Class) -> anyhow::Error {
        anyhow::Error::from(StoreError { class, what: "open".into(), why: "no".into() }).context("start")
    }

    #[test]
    fn a_config_error_anywhere_in_the_chain_exits_with_78() {
        let ours = Err::<(), _>(ConfigError("bad".into())).context("read the settings").expect_err("an error");
        for error in [ours, store_error(Class::Config)] {
            assert_eq!(format!("{:?}", code_of(&error)), format!("{:?}", ExitCode::from(78)));
        }
        for error in [store_error(Class::Fatal), anyhow::anyhow!("boom")] {
            assert_eq!(format!("{:?}", code_of(&error)), format!("{:?}", ExitCode::from(1)));
        }
    }
}
