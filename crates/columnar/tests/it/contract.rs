//! The kit that every store must pass, with spans in the memtable, in segments, and in both.

use std::sync::{Arc, Mutex};

use columnar::engine::Engine;
use columnar::{Columnar, Config};
use storage_contract::{Settings, Subject, contract};
use tempfile::TempDir;

fn open(settings: Settings) -> (Arc<Columnar>, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let config = Config {
        answer_bytes_max: settings.answer_bytes_max,
        strict_trace_id: settings.strict_trace_id,
        autocomplete_keys: settings.autocomplete_keys(),
        ..Config::new(dir.path())
    };
    let store = Columnar::open(Arc::new(disk::Real), config).expect("a store");
    (Arc::new(store), dir)
}

/// Seals everything. One memtable waits at a time: with a second one writers would be turned away.
fn seal(engine: &Engine) {
    while engine.seal_next().expect("a segment") {}
    engine.seal_active();
    while engine.seal_next().expect("a segment") {}
}

async fn in_memtable(settings: Settings) -> Subject {
    let (store, dir) = open(settings);
    Subject::new(store).holding(dir)
}

async fn in_segments(settings: Settings) -> Subject {
    let (store, dir) = open(settings);
    let engine = store.engine().clone();
    let one_at_a_time = Mutex::new(());
    Subject::new(store).holding(dir).settled_by(move || {
        let _guard = one_at_a_time.lock().expect("no writer panicked");
        seal(&engine);
        Box::pin(std::future::ready(()))
    })
}

async fn in_both(settings: Settings) -> Subject {
    let (store, dir) = open(settings);
    let (engine, writes) = (store.engine().clone(), Mutex::new(0));
    Subject::new(store).holding(dir).settled_by(move || {
        let mut writes = writes.lock().expect("no writer panicked");
        *writes += 1;
        match *writes % 3 {
            0 => seal(&engine),
            1 if !engine.wants_sealing() => engine.seal_active(),
            _ => {}
        }
        Box::pin(std::future::ready(()))
    })
}

contract!(memtable, in_memtable);
contract!(segments, in_segments);
contract!(both, in_both);
