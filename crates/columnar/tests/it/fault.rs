//! Errors of the disk: writers are turned away, reads go on, and all is well again by itself.

use std::path::Path;
use std::sync::Arc;

use columnar::engine::{Engine, SEALED_MAX};
use columnar::{Config, OpenError};
use disk::faulty::Fault;
use disk::port::Disk;
use disk::real::Real;
use model::batch::Batch;
use storage::error::WriteError;

use crate::world::{DIR, assert_same, batch, config, disk, memory, metric, open, seal};

#[test]
fn an_error_at_each_operation_loses_nothing_acknowledged() {
    let steps = |engine: &Engine, batches: &mut Vec<Batch>| {
        for number in 0..14 {
            if engine.commit(&[batch(number)]).is_ok() {
                batches.push(batch(number));
            }
            if number % 4 == 3 {
                engine.seal_active();
                let _ = engine.seal_next();
            }
        }
    };
    let whole = disk(0);
    steps(&open(&whole).expect("a store"), &mut Vec::new());
    for fault in [Fault::Eio, Fault::Full] {
        for operation in 1..whole.operations() {
            let what = format!("{fault:?} at operation {operation}");
            let disk = disk(operation);
            disk.fail_at(operation, fault);
            let Ok(engine) = open(&disk) else { continue };
            let mut batches = Vec::new();
            steps(&engine, &mut batches);
            assert!(batches.len() >= 13, "{what}: one group at most was turned away");
            assert_same(&engine, &memory(batches.clone()), &what);
            engine.commit(&[batch(99)]).expect("it works again");
            batches.push(batch(99));
            while engine.seal_next().expect("it works again") {}
            assert_eq!(engine.health(), Ok(()), "{what}");
            drop(engine);
            disk.crash();
            let engine = open(&disk).expect(&what);
            // What was turned away may be there after a crash, but only whole.
            let all = metric(&engine, "spanlet_memtable_spans") + metric(&engine, "spanlet_segment_spans");
            let acknowledged: usize = batches.iter().map(Batch::len).sum();
            if all == acknowledged as f64 {
                assert_same(&engine, &memory(batches), &what);
            } else {
                assert_same(&engine, &memory((0..14).map(batch).chain([batch(99)])), &what);
            }
            assert_eq!(metric(&engine, "spanlet_quarantined_total"), 0.0, "{what}");
        }
    }
}

#[test]
fn a_failed_sync_is_said_and_the_next_commit_works() {
    let disk = disk(3);
    let engine = open(&disk).expect("a store");
    engine.commit(&[batch(1)]).expect("room");
    disk.fail_at(disk.operations() + 1, Fault::Eio);
    assert!(matches!(engine.commit(&[batch(2)]), Err(WriteError::Failed(why)) if why.contains("journal")));
    assert!(engine.health().is_err_and(|why| why.contains("journal")));
    assert_eq!(metric(&engine, "spanlet_journal_commits_failed_total"), 1.0);
    assert_same(&engine, &memory([batch(1)]), "after the failure");
    engine.commit(&[batch(3)]).expect("a new file");
    assert_eq!(engine.health(), Ok(()));
    drop(engine);
    disk.crash();
    assert_same(&open(&disk).expect("a store"), &memory([batch(1), batch(3)]), "after a crash");
}

#[test]
fn a_full_disk_turns_writers_away_and_serves_readers() {
    let disk = disk(3);
    let engine = open(&disk).expect("a store");
    let mut batches: Vec<Batch> = (0..12).map(batch).collect();
    engine.commit(&batches).expect("room");
    engine.seal_active();
    disk.set_capacity(Some(disk.used_bytes() + 300));
    assert!(engine.seal_next().is_err());
    assert!(engine.health().is_err_and(|why| why.contains("segment")), "{:?}", engine.health());
    assert!(
        matches!(engine.commit(&[batch(14), batch(19)]), Err(WriteError::Busy(why)) if why.contains("room"))
    );
    assert_same(&engine, &memory(batches.clone()), "full");
    assert_eq!(metric(&engine, "spanlet_seals_failed_total"), 1.0);
    disk.set_capacity(None);
    engine.commit(&[batch(14)]).expect("room again");
    batches.push(batch(14));
    seal(&engine);
    assert_eq!(engine.health(), Ok(()));
    assert_same(&engine, &memory(batches), "room again");
}

#[test]
fn writers_wait_when_too_many_memtables_do() {
    let disk = disk(3);
    let engine = open(&disk).expect("a store");
    for number in 0..SEALED_MAX as u64 {
        engine.commit(&[batch(number)]).expect("room");
        engine.seal_active();
    }
    assert!(matches!(engine.commit(&[batch(9)]), Err(WriteError::Busy(why)) if why.contains("memtables")));
    assert!(engine.seal_next().expect("a segment"));
    engine.commit(&[batch(9)]).expect("room");
}

#[test]
fn the_journal_stays_within_its_limit() {
    let disk = disk(3);
    let config = Config { journal_bytes_max: 4_000, memtable_bytes_max: usize::MAX, ..config() };
    let engine = Engine::open(Arc::new(disk), config).expect("a store");
    let mut turned_away = 0;
    for number in 0..60 {
        turned_away += usize::from(engine.commit(&[batch(number)]).is_err());
        assert!(metric(&engine, "spanlet_journal_bytes") < 4_000.0);
    }
    assert!(turned_away > 0, "reached");
    while engine.seal_next().expect("a segment") {}
    engine.commit(&[batch(9)]).expect("room");
}

#[test]
fn directories_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = |path: &Path| Engine::open(Arc::new(Real), Config::new(path));
    let missing = dir.path().join("none");
    let error = open(&missing).expect_err("missing");
    assert!(matches!(error, OpenError::Missing(_)), "{error}");
    assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
    let file = dir.path().join("file");
    Real.create(&file).expect("a file");
    assert!(matches!(open(&file).expect_err("a file"), OpenError::NotADirectory(_)));
    let held = open(dir.path()).expect("a store");
    let error = open(dir.path()).expect_err("locked");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(held);
    open(dir.path()).expect("a store");
    let read_only = Path::new("/proc/self");
    let error = open(read_only).expect_err("not writable");
    assert!(error.to_string().contains("/proc/self"), "{error}");
}

#[test]
fn files_of_others_are_left_alone() {
    let disk = disk(3);
    let mine = Path::new(DIR).join("notes.txt");
    disk.create(&mine).expect("a file");
    seal(&open(&disk).expect("a store"));
    disk.open(&mine).expect("still there");
}
