//! The simulated store keeps every promise of a store: what holds on it must hold on the real ones, and the other way round.

#[path = "../../../common/tests/store_suite/mod.rs"]
mod store_suite;

use sim::store::SimStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_simulated_store_keeps_every_promise_of_a_store() {
    store_suite::run_all(async |_| SimStore::honest()).await;
}
