//! From the assignment of a partition to the offset it is read from: the machine's questions to the store, answered one by one.

use crate::protocol::machine::{Effect, Machine};
use crate::sink::parquet::effects::perform;
use common::store::Store;
use std::collections::VecDeque;
use std::sync::Arc;

/// Walks one machine from its assignment to the position it wants to read from. Effects that do not concern the store come back.
pub(super) async fn recover(store: Store, mut machine: Machine, effects: Vec<Effect>) -> (Machine, Vec<Effect>) {
    let mut queue = VecDeque::from(effects);
    let mut rest = Vec::new();
    while let Some(effect) = queue.pop_front() {
        let reads = matches!(
            effect,
            Effect::ReadHint
                | Effect::Exists(_)
                | Effect::ReadCheckpoint
                | Effect::ReadIntents { .. }
                | Effect::CheckFiles(_)
                | Effect::LoadDay(..)
        );
        if !reads {
            if !matches!(effect, Effect::Discard) {
                rest.push(effect);
            }
            continue;
        }
        let names = machine.names().clone();
        if let Some(input) = perform(&store, &names, effect, Arc::default()).await {
            queue.extend(machine.handle(input));
        }
    }
    (machine, rest)
}
