//! Flipped bytes: never wrong data; what is damaged is put aside and counted, and the rest is served.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use columnar::Config;
use columnar::engine::Engine;

use disk::faulty::Faulty;
use disk::port::{Disk, read_all};
use futures::executor::block_on;
use model::batch::Batch;
use storage::port::Storage;

use crate::world::{DIR, assert_same, batch, config, disk, memory, metric, open, seal, span, trace_ids};

/// Two segments of different batches and a memtable.
fn store(seed: u64) -> (Faulty, [Vec<Batch>; 3]) {
    let disk = disk(seed);
    let parts: [Vec<Batch>; 3] =
        [(0..6).map(batch).collect(), (20..26).map(batch).collect(), (40..44).map(batch).collect()];
    let engine = open(&disk).expect("a store");
    for part in &parts[..2] {
        engine.commit(part).expect("room");
        seal(&engine);
    }
    engine.commit(&parts[2]).expect("room");
    (disk, parts)
}

fn files(disk: &Faulty, ending: &str) -> Vec<(PathBuf, usize)> {
    let names = disk.list(Path::new(DIR)).expect("a list");
    let paths = names.iter().filter(|name| name.ends_with(ending)).map(|name| Path::new(DIR).join(name));
    paths.map(|path| (path.clone(), read_all(disk, &path).expect("bytes").len())).collect()
}

/// Returns batches whose text cannot be compressed, so that a segment of them has many blocks of bytes.
fn wide() -> Vec<Batch> {
    let text = |number: u64| {
        (0..40).map(|at| format!("{:016x}", (number * 40 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
    };
    let wide = (0..60).map(|number| {
        let mut span = span(number);
        span.tags = vec![("wide".to_owned(), text(number))];
        [span].into_iter().collect()
    });
    wide.collect()
}

#[test]
fn a_flipped_byte_of_a_segment() {
    let store = || {
        let disk = disk(1);
        let config = Config { memtable_bytes_max: usize::MAX, ..config() };
        let engine = Engine::open(Arc::new(disk.clone()), config).expect("a store");
        for part in [wide(), vec![batch(4)]] {
            engine.commit(&part).expect("room");
            seal(&engine);
        }
        disk.kill();
        disk
    };
    let (all, without) = (memory(wide().into_iter().chain([batch(4)])), memory([batch(4)]));
    let (path, length) = files(&store(), ".parquet").remove(0);
    let (mut at_open, mut at_read, mut never) = (0, 0, 0);
    for at in (0..length).step_by(length / 150) {
        let what = format!("byte {at}");
        let disk = store();
        disk.flip(&path, at, 0x40);
        let engine = open(&disk).expect(&what);
        let found_at_open = metric(&engine, "spanlet_quarantined_total") > 0.0;
        let found = engine.traces(&trace_ids()).expect(&what);
        if metric(&engine, "spanlet_quarantined_total") > 0.0 {
            at_open += usize::from(found_at_open);
            at_read += usize::from(!found_at_open);
            assert_eq!(found, block_on(without.traces(trace_ids())).expect("memory"), "{what}");
            let names = disk.list(Path::new(DIR)).expect("a list");
            assert!(names.iter().any(|name| name.ends_with(".parquet.quarantined")), "{what}: {names:?}");
            drop(engine);
            assert_same(&open(&disk).expect(&what), &without, "opened again");
        } else {
            // Bytes that nobody reads, such as the first four.
            never += 1;
            assert_eq!(found, block_on(all.traces(trace_ids())).expect("memory"), "{what}");
        }
    }
    assert!(
        at_open > 20 && at_read > 20 && never < 10,
        "{at_open} at open, {at_read} at read, {never} never"
    );
}

#[test]
fn a_segment_that_is_gone_or_cut() {
    for cut in [false, true] {
        let (disk, parts) = store(1);
        disk.kill();
        let (path, length) = files(&disk, ".parquet").remove(0);
        if cut {
            disk.open(&path).and_then(|file| file.truncate(length as u64 - 1)).expect("a cut");
        } else {
            disk.remove(&path).expect("removed");
        }
        let engine = open(&disk).expect("a store");
        assert_eq!(metric(&engine, "spanlet_quarantined_total"), 1.0);
        assert_same(&engine, &memory([&parts[1][..], &parts[2]].concat()), "the rest");
    }
}

#[test]
fn a_flipped_byte_of_the_manifest() {
    let (disk, parts) = store(1);
    let all = memory(parts.concat());
    let manifests = files(&disk, ".jsonl");
    let (path, length) = &manifests[0];
    for at in (0..*length).step_by(17) {
        let (disk, _) = store(1);
        disk.kill();
        disk.flip(path, at, 1);
        let engine = open(&disk).expect("a store");
        assert_same(&engine, &all, &format!("byte {at}"));
        assert_eq!(metric(&engine, "spanlet_quarantined_total"), 1.0, "byte {at}");
        drop(engine);
        let engine = open(&disk).expect("a store");
        assert_eq!(metric(&engine, "spanlet_quarantined_total"), 0.0, "made anew");
    }
}

#[test]
fn a_manifest_that_is_gone() {
    let (disk, parts) = store(1);
    disk.kill();
    disk.remove(&files(&disk, ".jsonl")[0].0).expect("removed");
    assert_same(&open(&disk).expect("a store"), &memory(parts.concat()), "made anew");
}

#[test]
fn a_flipped_byte_of_the_journal() {
    let (disk, parts) = store(1);
    let journals = files(&disk, ".log");
    let (path, length) = &journals[0];
    for at in (0..*length).step_by(5) {
        let (disk, _) = store(1);
        disk.kill();
        disk.flip(path, at, 0x08);
        let engine = open(&disk).expect("a store");
        // All records are of one group here: those before the flip count. Nothing else may appear.
        let spans = metric(&engine, "spanlet_memtable_spans") as usize;
        let mut batches = parts[..2].concat();
        let mut left = spans;
        for batch in parts[2].iter().take_while(|batch| {
            let fits = batch.len() <= left;
            left -= if fits { batch.len() } else { 0 };
            fits
        }) {
            batches.push(batch.clone());
        }
        assert_eq!(left, 0, "byte {at}: whole batches only");
        assert_same(&engine, &memory(batches), &format!("byte {at}"));
    }
}
