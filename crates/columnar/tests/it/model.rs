//! The plain store and the embedded one, through the same random life: write, seal, merge, pin, delete, crash, reopen,
//! ask.

use columnar::engine::Engine;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;
use proptest::prelude::*;

use futures::executor::block_on;
use storage::change::Change;
use storage::port::Storage;
use storage::query::{Query, Window};

use crate::world::{
    START_US, assert_same, batch, disk, memory, memory_with, metric, open, open_lenient, seal, tend,
    trace_ids, without,
};

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<u64>),
    SealActive,
    SealNext,
    Tend,
    TendAll,
    Pin(usize),
    Unpin(usize),
    Delete(usize),
    DeleteBefore(u64),
    Reopen,
    Kill,
    PowerCut,
    Ask,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => prop::collection::vec(0..400u64, 1..4).prop_map(Step::Commit),
        3 => Just(Step::SealActive),
        4 => Just(Step::SealNext),
        2 => Just(Step::Tend),
        1 => Just(Step::TendAll),
        1 => (0..30usize).prop_map(Step::Pin),
        1 => (0..30usize).prop_map(Step::Unpin),
        2 => (0..30usize).prop_map(Step::Delete),
        1 => (0..20u64).prop_map(Step::DeleteBefore),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        1 => Just(Step::PowerCut),
        2 => Just(Step::Ask),
    ];
    prop::collection::vec(step, 1..60)
}

/// Makes a change in both.
fn change(engine: &Engine, step: &Step, batches: &mut Vec<Batch>, pins: &mut Vec<TraceId>) {
    let id = |number: &usize| trace_ids()[number % trace_ids().len()];
    let change = match step {
        Step::Pin(number) => Change::Pin(id(number)),
        Step::Unpin(number) => Change::Unpin(id(number)),
        Step::Delete(number) => Change::Delete(id(number)),
        Step::DeleteBefore(number) => Change::DeleteBefore(START_US + number * 700),
        other => unreachable!("{other:?} changes nothing"),
    };
    engine.change(change).expect("a change");
    match change {
        Change::Pin(id) if pins.contains(&id) => {}
        Change::Pin(id) => pins.push(id),
        Change::Unpin(id) => pins.retain(|pin| *pin != id),
        Change::Delete(id) => {
            pins.retain(|pin| *pin != id);
            *batches = without(batches, |span| span.trace_id == id);
        }
        Change::DeleteBefore(us) => {
            let is_old = |span: &Span| span.timestamp_us.is_some_and(|at| at < us);
            *batches = without(batches, |span| is_old(span) && !pins.contains(&span.trace_id));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life(seed in any::<u64>(), steps in steps()) {
        let disk = disk(seed);
        let mut engine = Some(open(&disk).expect("a store"));
        let mut batches: Vec<Batch> = Vec::new();
        let mut pins: Vec<TraceId> = Vec::new();
        for step in &steps {
            let now = engine.as_ref().expect("an open store");
            match step {
                Step::Commit(numbers) => {
                    // Time goes on, but not for all: later parts hold newer spans and some old ones.
                    let clock = batches.len() as u64 * 4;
                    let group: Vec<Batch> = numbers.iter().map(|number| batch(clock + number)).collect();
                    if now.sealed_full() {
                        assert!(now.commit(&group).is_err());
                    } else {
                        now.commit(&group).expect("room");
                        batches.extend(group);
                    }
                }
                Step::SealActive if !now.sealed_full() => now.seal_active(),
                Step::SealActive => {}
                Step::SealNext => drop(now.seal_next().expect("a segment")),
                Step::Tend => drop(now.tend().expect("a step")),
                Step::TendAll => tend(now),
                Step::Pin(_) | Step::Unpin(_) | Step::Delete(_) | Step::DeleteBefore(_) => {
                    change(now, step, &mut batches, &mut pins);
                }
                Step::Ask => assert_same(now, &memory(batches.clone()), "asked"),
                Step::Reopen => drop(engine.take()),
                Step::Kill => disk.kill(),
                Step::PowerCut => disk.crash(),
            }
            if matches!(step, Step::Reopen | Step::Kill | Step::PowerCut) {
                drop(engine.take());
                engine = Some(open(&disk).expect("a store"));
            }
        }
        let engine = engine.expect("an open store");
        assert_same(&engine, &memory(batches.clone()), "at the end");
        assert_eq!(engine.pins(), pins);
        seal(&engine);
        assert_same(&engine, &memory(batches.clone()), "sealed");
        tend(&engine);
        assert_eq!(metric(&engine, "spanlet_deletions_waiting"), 0.0, "all are carried out");
        assert_same(&engine, &memory(batches.clone()), "tended");
        drop(engine);
        let lenient = open_lenient(&disk).expect("a store");
        assert_same(&lenient, &memory_with(batches, false), "with lenient ids");
    }
}

/// Newest first, and no further than needed.
#[test]
fn a_search_looks_at_the_newest_parts_only() {
    let disk = disk(1);
    let engine: Engine = open(&disk).expect("a store");
    let batches: Vec<Batch> = (0..400).map(batch).collect();
    for batch in &batches {
        engine.commit(std::slice::from_ref(batch)).expect("room");
        while engine.seal_next().expect("a segment") {}
    }
    let memory = memory(batches);
    let parts = metric(&engine, "spanlet_segments") + 1.0;
    let looks = |query: &Query| {
        let before = metric(&engine, "spanlet_parts_looked_at_total");
        let found = engine.search(query).expect("an answer");
        assert_eq!(found, block_on(memory.search(query.clone())).expect("memory"), "{query:?}");
        metric(&engine, "spanlet_parts_looked_at_total") - before
    };
    let all = Query::new(Window { end_ms: u64::MAX, lookback_ms: u64::MAX }, 3);
    assert!(looks(&all) <= 4.0, "{} of {parts}", looks(&all));
    let cart = Query { service_name: Some("cart".to_owned()), ..all.clone() };
    assert!(looks(&cart) <= 4.0, "{} of {parts}", looks(&cart));
    let next = Query { after: engine.search(&all).expect("a page").next, ..all.clone() };
    assert!(looks(&next) <= 8.0, "{} of {parts}", looks(&next));
    let nobody = Query { service_name: Some("nobody".to_owned()), ..all.clone() };
    assert_eq!(looks(&nobody), 0.0, "no part lists the name");
    let never = Query { duration_min_us: 1_000_000, ..all };
    assert_eq!(looks(&never), parts);
}

#[test]
fn many_segments_are_sealed_by_size_alone() {
    let disk = disk(1);
    let engine: Engine = open(&disk).expect("a store");
    let batches: Vec<Batch> = (0..400).map(batch).collect();
    for pair in batches.chunks(2) {
        engine.commit(pair).expect("room");
        while engine.seal_next().expect("a segment") {}
    }
    assert!(metric(&engine, "spanlet_segments") >= 20.0, "{}", metric(&engine, "spanlet_segments"));
    let journal = metric(&engine, "spanlet_journal_bytes");
    assert!(journal < 12_000.0, "the journal is let go: {journal}");
    assert_same(&engine, &memory(batches.clone()), "open");
    drop(engine);
    let engine = open(&disk).expect("a store");
    assert_same(&engine, &memory(batches), "opened again");
}
