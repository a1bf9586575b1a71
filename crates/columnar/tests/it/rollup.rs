//! Figures that parts keep: of segments that do not say them, of late spans, and of too many names.

use std::path::Path;
use std::sync::Arc;

use columnar::Config;
use columnar::engine::Engine;
use disk::faulty::Faulty;
use disk::port::{Disk, read_all};
use model::batch::Batch;
use storage::change::Change;
use storage::query::Window;
use storage::statistics::{Asked, KEYS_MAX};
use storage_contract::spans::{Make, bare};

use crate::world::{
    DIR, assert_same, assert_same_figures, batch, config, disk, memory, metric, open, seal, tend, trace_ids,
    without,
};

const EVER: Window = Window { end_ms: u64::MAX, lookback_ms: u64::MAX };

/// Makes segments look as if they were written before there were figures, and loses the manifest that knows better.
fn forget_figures(disk: &Faulty) -> usize {
    let mut forgotten = 0;
    for name in disk.list(Path::new(DIR)).expect("a list").iter().filter(|name| name.ends_with(".parquet")) {
        let path = Path::new(DIR).join(name);
        let bytes = read_all(disk, &path).expect("bytes");
        for blob in [&b"\"rollup\""[..], b"\"trace-keys\""] {
            let at = bytes.windows(blob.len()).rposition(|found| found == blob).expect("a blob");
            disk.flip(&path, at + 1, 1);
            forgotten += 1;
        }
    }
    disk.remove(&Path::new(DIR).join("manifest.jsonl")).expect("a manifest");
    forgotten
}

#[test]
fn of_segments_that_do_not_say_them() {
    let disk = disk(1);
    let engine = open(&disk).expect("a store");
    let batches: Vec<Batch> = (0..60).map(batch).collect();
    for part in batches.chunks(20) {
        for batch in part {
            engine.commit(std::slice::from_ref(batch)).expect("room");
        }
        seal(&engine);
    }
    drop(engine);
    assert!(forget_figures(&disk) >= 6);
    let engine = open(&disk).expect("a store");
    assert_same(&engine, &memory(batches.clone()), "forgotten");
    // Later segments build on what was worked out.
    let more: Vec<Batch> = (30..90).map(batch).collect();
    for batch in &more {
        engine.commit(std::slice::from_ref(batch)).expect("room");
        while engine.seal_next().expect("a segment") {}
    }
    assert_same(&engine, &memory(batches.into_iter().chain(more)), "with more");
}

/// Counting does not wait for a question, and counts each span once however it is cut.
#[test]
fn however_often_it_is_counted() {
    let disk = disk(1);
    let engine = open(&disk).expect("a store");
    let batches: Vec<Batch> = (0..80).map(batch).collect();
    for (number, batch) in batches.iter().enumerate() {
        engine.commit(std::slice::from_ref(batch)).expect("room");
        if number % 3 == 0 {
            engine.fold().expect("counted");
        }
        if number % 7 == 0 {
            while engine.seal_next().expect("a segment") {}
        }
    }
    assert_same(&engine, &memory(batches), "at the end");
}

#[test]
fn of_too_many_names() {
    let disk = disk(1);
    let engine = Engine::open(Arc::new(disk.clone()), config()).expect("a store");
    let more = KEYS_MAX as u128 + 10;
    let span = |id: u128| bare(id, 1).service("web").named(&format!("get {id}")).at(1_000_000);
    engine.commit(&[(1..=more).map(span).collect()]).expect("room");
    seal(&engine);
    assert_eq!(metric(&engine, "spanlet_figures_left_out_total"), 10.0);
    drop(engine);
    let engine = open(&disk).expect("a store");
    let found = engine.statistics(&Asked { window: EVER, service_name: None }).expect("an answer");
    assert_eq!(found.operations.len(), KEYS_MAX + 1);
    assert_eq!(found.operations.iter().map(|it| u128::from(it.total.calls)).sum::<u128>(), more);
}

/// Returns a store of many small segments, and what it holds.
fn in_small_segments(disk: &Faulty) -> (Engine, Vec<Batch>) {
    let engine = open(disk).expect("a store");
    let batches: Vec<Batch> = (0..64).map(batch).collect();
    for part in batches.chunks(3) {
        engine.commit(part).expect("room");
        seal(&engine);
    }
    (engine, batches)
}

fn count_of(disk: &Faulty, blob: &str) -> usize {
    let names = disk.list(Path::new(DIR)).expect("a list");
    let read = |name: &String| read_all(disk, &Path::new(DIR).join(name)).expect("bytes");
    let has = |bytes: &Vec<u8>| bytes.windows(blob.len()).any(|found| found == blob.as_bytes());
    names.iter().filter(|name| name.ends_with(".parquet")).map(read).filter(has).count()
}

#[test]
fn merged_segments_keep_the_sums() {
    let disk = disk(1);
    let (engine, batches) = in_small_segments(&disk);
    let before = metric(&engine, "spanlet_segments");
    tend(&engine);
    assert!(metric(&engine, "spanlet_segments") < before, "some are merged");
    assert_same(&engine, &memory(batches.clone()), "merged");
    assert!(count_of(&disk, "\"rollup-parts\"") > 0, "the merged ones say what they are made of");
    assert_eq!(count_of(&disk, "\"rollup\"") as f64, metric(&engine, "spanlet_segments"), "all have figures");
    drop(engine);
    assert_same(&open(&disk).expect("a store"), &memory(batches), "opened again");
}

/// Before it is carried out, after it, and after a start: what is deleted counts nowhere, also not in later parts of
/// the same traces.
#[test]
fn what_is_deleted_does_not_count() {
    let disk = disk(1);
    let (engine, mut batches) = in_small_segments(&disk);
    assert_same(&engine, &memory(batches.clone()), "counted before");
    for id in trace_ids().into_iter().take(4) {
        engine.change(Change::Delete(id)).expect("a change");
        batches = without(&batches, |span| span.trace_id == id);
        assert_same(&engine, &memory(batches.clone()), "deleted");
    }
    let more: Vec<Batch> = (20..40).map(batch).collect();
    engine.commit(&more).expect("room");
    batches.extend(more);
    assert_same(&engine, &memory(batches.clone()), "with more of the same traces");
    seal(&engine);
    drop(engine);
    let engine = open(&disk).expect("a store");
    assert_same(&engine, &memory(batches.clone()), "opened again");
    tend(&engine);
    assert_eq!(metric(&engine, "spanlet_deletions_waiting"), 0.0);
    assert_same(&engine, &memory(batches.clone()), "carried out");
    drop(engine);
    assert_same(&open(&disk).expect("a store"), &memory(batches), "carried out, and opened again");
}

/// Asks for figures, and holds them against those of the traces that are left.
fn assert_of_what_is_left(engine: &Engine, what: &str) {
    let left = engine.traces(&trace_ids()).expect(what);
    assert_same_figures(engine, &memory([left.into_iter().flatten().collect()]), what);
}

/// Later parts of a trace no longer build on what retention dropped, nor on what of it was kept for its pin.
#[test]
fn what_retention_drops_does_not_count() {
    let disk = disk(1);
    let config = Config { retention_bytes: Some(60_000), ..config() };
    let open = || Engine::open(Arc::new(disk.clone()), config.clone()).expect("a store");
    let mut engine = open();
    for id in trace_ids().into_iter().step_by(5) {
        engine.change(Change::Pin(id)).expect("a change");
    }
    for number in 0..80 {
        engine.commit(&[batch(number)]).expect("room");
        if number % 4 == 0 {
            seal(&engine);
            tend(&engine);
            assert_of_what_is_left(&engine, "tended");
        }
        if number % 20 == 0 {
            drop(engine);
            engine = open();
            assert_of_what_is_left(&engine, "opened again");
        }
    }
    assert!(metric(&engine, "spanlet_segments") > 1.0, "some are left");
    for id in trace_ids().into_iter().step_by(10) {
        engine.change(Change::Unpin(id)).expect("a change");
    }
    tend(&engine);
    assert_of_what_is_left(&engine, "unpinned");
}

/// Neighbours are merged over a segment that is gone: what built on that one does not build on the merged one.
#[test]
fn what_is_damaged_does_not_count() {
    let disk = disk(1);
    let (engine, _) = in_small_segments(&disk);
    let names = disk.list(Path::new(DIR)).expect("a list");
    let segments: Vec<&String> = names.iter().filter(|name| name.ends_with(".parquet")).collect();
    for name in segments.iter().skip(1).step_by(6) {
        disk.flip(&Path::new(DIR).join(name), 100, 1);
    }
    assert_of_what_is_left(&engine, "put aside");
    assert!(metric(&engine, "spanlet_quarantined_total") > 0.0);
    tend(&engine);
    assert_of_what_is_left(&engine, "merged");
    drop(engine);
    assert_of_what_is_left(&open(&disk).expect("a store"), "opened again");
}
