//! Runs the checker: all states of the design, or the shortest way to break a promise.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// A system that can be checked.
pub trait Checked:
    Model<State: Hash + PartialEq + Clone + Debug + Send + Sync, Action: Clone + PartialEq + Debug + Send>
    + Copy
    + Send
    + Sync
    + 'static
{
}

impl<M> Checked for M where
    M: Model<State: Hash + PartialEq + Clone + Debug + Send + Sync, Action: Clone + PartialEq + Debug + Send>
        + Copy
        + Send
        + Sync
        + 'static
{
}

/// What came of visiting every reachable state.
#[derive(Debug)]
pub struct Visited {
    /// How many there are.
    pub states: usize,
    /// Steps of the longest run that was followed.
    pub longest: usize,
    /// The promises that some state breaks.
    pub broken: Vec<&'static str>,
    /// The situations that no state is an example of.
    pub unseen: Vec<&'static str>,
}

/// Visits every reachable state.
pub fn visit(system: impl Checked) -> Visited {
    let checker = system.checker().finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    let found = checker.discoveries();
    let (broken, unseen) = system
        .properties()
        .iter()
        .filter(|property| found.contains_key(property.name) == property.expectation.discovery_is_failure())
        .map(|property| property.name)
        .partition(|name| found.contains_key(name));
    // The checker counts the state it starts from as a step.
    Visited { states: checker.unique_state_count(), longest: checker.max_depth() - 1, broken, unseen }
}

/// The shortest run that breaks this promise, if there is one.
///
/// The checker goes through states by distance but stops a little late, and keeps the last counterexample: so ask again for a shorter one
/// until there is none. In a step, writer 0 is the one that comes first among the writers *of that state*: they change places as they go on.
pub fn counterexample<M: Checked>(system: M, promise: &'static str) -> Option<Vec<M::Action>> {
    let only = || HasDiscoveries::AllOf([promise].into());
    let search = |bound: usize| {
        let checker = system.checker().finish_when(only()).target_max_depth(bound).spawn_bfs().join();
        checker.discovery(promise).map(|path| path.into_actions().into_iter().collect::<Vec<_>>())
    };
    let mut shortest = search(usize::MAX)?;
    while let Some(shorter) = search(shortest.len() + 1) {
        shortest = shorter;
    }
    Some(shortest)
}
