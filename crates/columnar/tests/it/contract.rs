//! The kit that every store must pass, with spans in the memtable, in segments, and in both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use columnar::engine::Engine;
use columnar::{Columnar, Config};
use storage_contract::{Subject, contract};
use tempfile::TempDir;

fn open() -> (Arc<Columnar>, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Columnar::open(Arc::new(disk::Real), Config::new(dir.path())).expect("a store");
    (Arc::new(store), dir)
}

fn seal(engine: &Engine) {
    engine.seal_active();
    while engine.seal_next().expect("a segment") {}
}

async fn in_memtable() -> Subject {
    let (store, dir) = open();
    Subject::new(store).holding(dir)
}

async fn in_segments() -> Subject {
    let (store, dir) = open();
    let engine = store.engine().clone();
    Subject::new(store).holding(dir).settled_by(move || {
        seal(&engine);
        Box::pin(std::future::ready(()))
    })
}

async fn in_both() -> Subject {
    let (store, dir) = open();
    let (engine, writes) = (store.engine().clone(), AtomicUsize::new(0));
    Subject::new(store).holding(dir).settled_by(move || {
        match writes.fetch_add(1, Relaxed) % 3 {
            0 => seal(&engine),
            1 => engine.seal_active(),
            _ => {}
        }
        Box::pin(std::future::ready(()))
    })
}

contract!(memtable, in_memtable);
contract!(segments, in_segments);
contract!(both, in_both);
