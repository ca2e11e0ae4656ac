//! What happened in a world, line by line: the last lines are printed when it fails, the hash of all of them tells whether two runs
//! of a seed were the same.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};

/// Lines kept for a failure.
const KEPT: usize = 40;

/// The lines so far.
#[derive(Debug)]
pub struct Trace {
    hasher: DefaultHasher,
    lines: VecDeque<String>,
    all: bool,
    steps: u64,
}

impl Trace {
    /// No lines. `all` keeps every line instead of the last few.
    pub fn new(all: bool) -> Trace {
        // `DefaultHasher::new` has fixed keys, unlike the hashers of a map.
        Trace { hasher: DefaultHasher::new(), lines: VecDeque::new(), all, steps: 0 }
    }

    /// Adds a line. It must be a function of the seed: no addresses, no jittered times.
    pub fn line(&mut self, text: String) {
        self.steps += 1;
        self.hasher.write(text.as_bytes());
        if !self.all && self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(text);
    }

    /// One number for all lines.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// Lines kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Lines so far.
    pub fn len(&self) -> u64 {
        self.steps
    }

    /// True before the first line.
    pub fn is_empty(&self) -> bool {
        self.steps == 0
    }
}
