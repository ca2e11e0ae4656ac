//! Log files and batches that a report lists by name without finding fault with them.

use super::findings::EXAMPLES;
use common::service::Printable;
use serde::Serialize;

/// Log files to list: the first few by name and reason, all as a number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    /// How many.
    pub(crate) count: u64,
    /// The first few.
    pub(crate) first: Vec<Named>,
}

/// A log file to list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Named {
    /// Its name, fit for a terminal.
    pub(crate) source_object: String,
    /// Why it is listed, fit for a terminal.
    pub(crate) why: String,
}

impl Named {
    pub(crate) fn of(name: &str, why: &str) -> Named {
        Named { source_object: Printable(name).to_string(), why: Printable(why).to_string() }
    }
}

impl Listed {
    pub(crate) fn one(name: &str, why: &str) -> Listed {
        let mut listed = Listed::default();
        listed.add(name, why);
        listed
    }

    pub(crate) fn add(&mut self, name: &str, why: &str) {
        self.count += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(Named::of(name, why));
        }
    }
}
