//! Questions that nobody waits for any more stop soon; those that are answered say what was read for them.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use columnar::Columnar;
use disk::faulty::Faulty;
use disk::port::{Disk, File, Lock, LockError};
use model::batch::Batch;
use storage::counts::Grid;
use storage::meter::{Meter, Read};
use storage::port::Storage;
use storage::query::{Query, Window};

use crate::world::{batch, config, disk, open, seal, trace_ids};

const SEGMENTS: u64 = 10;

/// A disk whose reads wait while its gate is closed.
#[derive(Debug)]
struct Gated {
    disk: Faulty,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    reads: u64,
}

#[derive(Debug)]
struct GatedFile {
    file: Box<dyn File>,
    gate: Arc<Gate>,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().expect("a state");
        state.reads += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| state.closed).expect("a state"));
    }

    fn set_closed(&self, closed: bool) {
        self.state.lock().expect("a state").closed = closed;
        self.changed.notify_all();
    }

    fn reads(&self) -> u64 {
        self.state.lock().expect("a state").reads
    }

    fn wait_for_read(&self, before: u64) {
        let state = self.state.lock().expect("a state");
        drop(self.changed.wait_while(state, |state| state.reads == before).expect("a state"));
    }
}

impl File for GatedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.gate.pass();
        self.file.read_at(buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }
}

impl Disk for Gated {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.disk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(Box::new(GatedFile { file: self.disk.open(path)?, gate: self.gate.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Lock>, LockError> {
        self.disk.lock(dir)
    }
}

/// Returns a store of several segments, and the gate before its files.
fn store() -> (Columnar, Arc<Gate>) {
    let disk = disk(1);
    let engine = open(&disk).expect("a store");
    for number in 0..SEGMENTS {
        let batches: Vec<Batch> = (number * 9..number * 9 + 9).map(batch).collect();
        engine.commit(&batches).expect("room");
        seal(&engine);
    }
    drop(engine);
    let gate = Arc::new(Gate::default());
    let gated = Gated { disk, gate: gate.clone() };
    (Columnar::open(Arc::new(gated), config()).expect("a store"), gate)
}

fn everything() -> Query {
    Query::new(Window { end_ms: u64::MAX, lookback_ms: u64::MAX }, 100)
}

fn abandoned(store: &Columnar) -> f64 {
    let metrics = store.metrics();
    metrics.iter().find(|metric| metric.name == "spanlet_reads_abandoned_total").expect("a metric").value
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_waits_for_stops() {
    let (store, gate) = store();
    let store = Arc::new(store);
    let before = gate.reads();
    store.count(everything(), Grid::of_slices(1)).await.expect("an answer");
    let (whole, before) = (gate.reads() - before, gate.reads());
    gate.set_closed(true);
    let asking = tokio::spawn({
        let store = store.clone();
        async move { store.count(everything(), Grid::of_slices(1)).await }
    });
    tokio::task::spawn_blocking({
        let gate = gate.clone();
        move || gate.wait_for_read(before)
    })
    .await
    .expect("a read");
    asking.abort();
    assert!(asking.await.is_err(), "the future is gone");
    gate.set_closed(false);
    let deadline = Instant::now() + Duration::from_secs(60);
    while abandoned(&store) == 0.0 {
        assert!(Instant::now() < deadline, "the read ends");
        tokio::task::yield_now().await;
    }
    let read = gate.reads() - before;
    assert!(read * 4 < whole, "{read} reads of {whole}");
    assert!(!store.traces(trace_ids()).await.expect("an answer").is_empty(), "goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_what_was_read() {
    let (store, _gate) = store();
    let meter = Meter::default();
    meter.measure(store.count(everything(), Grid::of_slices(1))).await.expect("an answer");
    let Read { segments, row_groups, bytes } = meter.read();
    assert!(segments == SEGMENTS as usize && row_groups > segments && bytes > 1000, "{}", meter.read());
    let meter = Meter::default();
    let id = model::id::TraceId::new(u128::MAX).expect("an id");
    meter.measure(store.traces(vec![id])).await.expect("an answer");
    assert_eq!(meter.read(), Read::default(), "an unknown id reads nothing");
}
