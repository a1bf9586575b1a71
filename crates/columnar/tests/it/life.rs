//! Segments over time: what retention drops, what pins keep, what merging saves, and what failures leave.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use columnar::engine::Engine;
use columnar::{Clock, Config};
use disk::faulty::{Fault, Faulty};
use disk::port::Disk;
use model::batch::Batch;
use storage::change::Change;
use storage_contract::spans::{Make, bare};

use crate::world::{
    DIR, assert_same, batch, config, disk, memory, metric, open, seal, tend, trace_ids, without,
};

/// A store in which day `d` has a segment with the traces `2d+1` and `2d+2`.
fn days(config: Config, days: u64, now_ms: &AtomicU64) -> Engine {
    let engine = Engine::open(Arc::new(disk(1)), config).expect("a store");
    for day in 0..days {
        now_ms.store((day + 1) * 1_000, Relaxed);
        let span = |trace: u64| bare(u128::from(trace), 1).service("shop").at((day + 1) * 1_000_000 - 5);
        engine
            .commit(&[[span(2 * day + 1), span(2 * day + 2)].into_iter().collect::<Batch>()])
            .expect("room");
        seal(&engine);
    }
    engine
}

fn found(engine: &Engine, traces: u128) -> Vec<u128> {
    let ids: Vec<_> = (1..=traces).map(|id| model::id::TraceId::new(id).expect("an id")).collect();
    engine.traces(&ids).expect("an answer").iter().map(|trace| trace[0].trace_id.get()).collect()
}

fn id(number: u128) -> model::id::TraceId {
    model::id::TraceId::new(number).expect("an id")
}

#[test]
fn what_is_too_old_goes_and_what_is_pinned_stays_until_it_is_not() {
    let now_ms = Arc::new(AtomicU64::new(0));
    let settings = Config { retention_age_ms: Some(2_500), clock: Clock::Set(now_ms.clone()), ..config() };
    let engine = days(settings, 5, &now_ms);
    for number in [1, 6] {
        engine.change(Change::Pin(id(number))).expect("a pin");
    }
    tend(&engine);
    assert_eq!(found(&engine, 10), [1, 5, 6, 7, 8, 9, 10]);
    assert_eq!(metric(&engine, "spanlet_spans_removed_by_age_total"), 3.0);
    now_ms.store(100_000, Relaxed);
    tend(&engine);
    assert_eq!(found(&engine, 10), [1, 6]);
    assert_eq!(metric(&engine, "spanlet_segments"), 1.0, "pinned ones come together");
    engine.change(Change::Unpin(id(1))).expect("no pin");
    tend(&engine);
    assert_eq!(found(&engine, 10), [6]);
    assert_eq!(metric(&engine, "spanlet_spans_removed_unpinned_total"), 1.0);
    engine.change(Change::Delete(id(6))).expect("a deletion");
    assert_eq!((found(&engine, 10), engine.pins()), (vec![], vec![]));
    tend(&engine);
    assert_eq!(metric(&engine, "spanlet_segments"), 0.0);
}

#[test]
fn too_many_bytes_drop_the_oldest() {
    let now_ms = Arc::new(AtomicU64::new(0));
    let settings = Config { retention_bytes: Some(40_000), clock: Clock::Set(now_ms.clone()), ..config() };
    let engine = days(settings, 12, &now_ms);
    let before = metric(&engine, "spanlet_segment_bytes");
    assert!(before > 60_000.0, "{before}");
    tend(&engine);
    assert!(metric(&engine, "spanlet_segment_bytes") <= 40_000.0);
    let left = found(&engine, 24);
    assert_eq!(left, (24 - left.len() as u128 + 1..=24).collect::<Vec<_>>(), "the newest");
    let gone = metric(&engine, "spanlet_spans_removed_by_bytes_total");
    assert_eq!(gone, 24.0 - left.len() as f64);
    assert!(gone > 0.0);
}

#[test]
fn repeated_reports_vanish_when_segments_are_merged() {
    let disk = disk(1);
    let engine = open(&disk).expect("a store");
    for _ in 0..8 {
        engine.commit(&[batch(3)]).expect("room");
        seal(&engine);
    }
    tend(&engine);
    let segments = metric(&engine, "spanlet_segments");
    assert!(segments <= 4.0, "as many as fit became one: {segments} of 8");
    assert!(metric(&engine, "spanlet_spans_removed_repeated_total") >= batch(3).len() as f64);
    assert_same(&engine, &memory([batch(3)]), "merged");
    drop(engine);
    let files = disk.list(Path::new(DIR)).expect("a list");
    assert_eq!(files.iter().filter(|name| name.ends_with(".parquet")).count() as f64, segments, "{files:?}");
}

/// Writes, pins, deletes, merges; returns what must be there, and what may be gone since its deletion was not answered.
fn run(engine: &Engine) -> (Vec<Batch>, Vec<Batch>) {
    let (mut batches, mut maybe) = (Vec::new(), None);
    for number in 0..6 {
        if engine.commit(&[batch(number)]).is_ok() {
            batches.push(batch(number));
        }
        engine.seal_active();
        let _ = engine.seal_next();
        if number == 3 {
            let id = trace_ids()[5];
            let kept = without(&batches, |span| span.trace_id == id);
            match engine.change(Change::Delete(id)) {
                Ok(()) => batches = kept,
                Err(_) => maybe = Some(id),
            }
        }
        let _ = engine.tend();
    }
    let fewer = without(&batches, |span| Some(span.trace_id) == maybe);
    (batches, fewer)
}

fn spans(batches: &[Batch]) -> usize {
    batches.iter().map(Batch::len).sum()
}

#[test]
fn a_fault_at_each_operation_of_a_life_loses_nothing() {
    let whole = disk(0);
    run(&open(&whole).expect("a store"));
    for fault in [Fault::Eio, Fault::PowerCut] {
        for operation in 4..whole.operations() {
            let what = format!("{fault:?} at operation {operation}");
            let disk: Faulty = disk(operation);
            disk.fail_at(operation, fault);
            let Ok(engine) = open(&disk) else { continue };
            let (all, fewer) = run(&engine);
            drop(engine);
            disk.crash();
            let engine = open(&disk).expect(&what);
            assert_eq!(metric(&engine, "spanlet_quarantined_total"), 0.0, "{what}: nothing is damaged");
            let found: usize = engine.traces(&trace_ids()).expect(&what).iter().map(Vec::len).sum();
            let count = |batches: &[Batch]| -> usize {
                let spans = batches.iter().flat_map(|batch| batch.rows().map(|row| row.to_span()));
                spans.collect::<std::collections::HashSet<_>>().len()
            };
            assert!(spans(&all) >= spans(&fewer));
            assert!(found >= count(&fewer), "{what}: {found} of {}", count(&fewer));
            seal(&engine);
            tend(&engine);
            let again: usize = engine.traces(&trace_ids()).expect(&what).iter().map(Vec::len).sum();
            assert_eq!(again, found, "{what}: tended");
        }
    }
}
