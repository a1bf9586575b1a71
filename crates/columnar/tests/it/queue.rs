//! The store with its threads: acknowledgements, back-pressure, and what closing means.

use std::sync::Arc;

use columnar::{Columnar, Config};
use disk::faulty::{Fault, Faulty};
use futures::executor::block_on;
use futures::future::join_all;
use storage::error::WriteError;
use storage::port::Storage;

use crate::world::{assert_same, batch, config, disk, memory};

fn open(disk: &Faulty, config: Config) -> Columnar {
    Columnar::open(Arc::new(disk.clone()), config).expect("a store")
}

fn metric(store: &Columnar, name: &str) -> f64 {
    store.metrics().iter().find(|metric| metric.name == name).expect(name).value
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let disk = disk(1);
    let store = open(&disk, config());
    let stored = block_on(join_all((0..60).map(|number| store.accept(batch(number)))));
    for (number, stored) in stored.into_iter().enumerate() {
        assert_eq!(stored.expect("room").spans, batch(number as u64).len());
    }
    disk.crash();
    drop(store);
    let engine = columnar::engine::Engine::open(Arc::new(disk), config()).expect("a store");
    // Which of them came first is for the threads to say, so each trace is compared as a set.
    let ids = crate::world::trace_ids();
    let sorted = |mut traces: Vec<Vec<model::span::Span>>| {
        traces.iter_mut().for_each(|trace| trace.sort_by_key(|span| format!("{span:?}")));
        traces
    };
    let expected = block_on(memory((0..60).map(batch)).traces(ids.clone())).expect("memory");
    assert_eq!(sorted(engine.traces(&ids).expect("an answer")), sorted(expected));
}

#[test]
fn waiting_batches_share_one_sync() {
    let disk = disk(1);
    let store = open(&disk, Config::new(crate::world::DIR));
    let _ = block_on(join_all((0..60).map(|number| store.accept(batch(number)))));
    assert_eq!(metric(&store, "spanlet_journal_batches_total"), 60.0);
    assert!(metric(&store, "spanlet_journal_syncs_total") < 60.0);
}

#[test]
fn a_full_queue_turns_batches_away_and_counts_them() {
    let disk = disk(1);
    let store = open(&disk, Config { queue_bytes_max: 1, ..config() });
    let answers = block_on(join_all((0..60).map(|number| store.accept(batch(number)))));
    let (stored, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!(refused.iter().all(|answer| matches!(answer, Err(WriteError::Busy(_)))));
    assert!(!refused.is_empty(), "reached");
    assert_eq!(metric(&store, "spanlet_queue_rejected_total"), refused.len() as f64);
    assert_eq!(metric(&store, "spanlet_journal_batches_total"), stored.len() as f64);
    assert_eq!(metric(&store, "spanlet_queue_bytes"), 0.0);
}

#[test]
fn a_disk_that_cannot_seal_turns_writers_away_instead_of_letting_them_wait() {
    let disk = disk(1);
    let store = open(&disk, config());
    disk.set_capacity(Some(disk.used_bytes() + 14_000));
    let answers = (0..2_000).map(|number| block_on(store.accept(batch(number))));
    let refused = answers.into_iter().any(|answer| matches!(answer, Err(WriteError::Busy(_))));
    assert!(refused, "reached");
    assert!(store.health().is_err());
    disk.set_capacity(None);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while block_on(store.accept(batch(1))).is_err() {
        assert!(std::time::Instant::now() < deadline, "works again");
        std::thread::yield_now();
    }
}

#[test]
fn a_failed_group_is_answered_and_the_next_is_stored() {
    let disk = disk(1);
    let store = open(&disk, config());
    let _ = block_on(store.accept(batch(1))).expect("room");
    disk.fail_at(disk.operations() + 1, Fault::Eio);
    assert!(matches!(block_on(store.accept(batch(2))), Err(WriteError::Failed(_))));
    let _ = block_on(store.accept(batch(3))).expect("room");
    assert_same(store.engine(), &memory([batch(1), batch(3)]), "after the failure");
}

#[test]
fn an_empty_batch_is_stored_at_once() {
    let disk = disk(1);
    let store = open(&disk, config());
    assert_eq!(block_on(store.accept(model::batch::Batch::new())).expect("stored").spans, 0);
    assert_eq!(metric(&store, "spanlet_journal_syncs_total"), 0.0);
}
