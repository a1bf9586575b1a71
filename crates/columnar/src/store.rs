//! The embedded store behind the storage port: one thread commits, one seals, one counts, one tends, reads run where they may block.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use disk::port::Disk;
use futures::future::BoxFuture;
use model::batch::Batch;
use model::id::TraceId;
use storage::change::{Change, ChangeError};
use storage::counts::{Count, Grid, Hints};
use storage::error::{ReadError, WriteError};
use storage::meter::Meter;
use storage::port::{Found, Metric, Names, Storage, Stored, Trace};
use storage::query::{Query, Window};
use storage::statistics::{Asked, Dependency, Statistics};
use tokio::sync::{Semaphore, oneshot};

use crate::config::{Config, OpenError};
use crate::engine::Engine;
use crate::tend::Tended;

/// Most bytes committed with one sync: more would only make the first wait for the last.
const GROUP_BYTES: usize = 8 << 20;

/// Reads at once: each may hold a row group's worth of columns.
const READS_MAX: usize = 16;

/// How long the sealer waits after a failure, when nobody asks for room.
const SEAL_RETRY: Duration = Duration::from_secs(1);

/// How often it is looked whether segments have become too old, and how long after a failure the next try is.
const TEND_EVERY: Duration = Duration::from_secs(10);

/// An open embedded store. Dropping it finishes what was accepted.
#[derive(Debug)]
pub struct Columnar {
    engine: Arc<Engine>,
    queue: Arc<Queue>,
    reads: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

/// Batches that wait to be committed, and what wakes the threads.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
    rejected: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<(Batch, oneshot::Sender<Result<(), WriteError>>)>,
    bytes: usize,
    /// The sealer could not write: nobody should wait for it.
    seal_failed: bool,
    /// Counts what gives the tender something to look at.
    changes: u64,
    closing: bool,
    committed_all: bool,
}

impl Columnar {
    /// Opens the store in the directory that the settings name.
    pub fn open(disk: Arc<dyn Disk>, config: Config) -> Result<Self, OpenError> {
        let engine = Arc::new(Engine::open(disk, config)?);
        let queue = Arc::new(Queue::default());
        let reads = Arc::new(Semaphore::new(READS_MAX));
        let mut store = Self { engine, queue, reads, threads: Vec::new() };
        store.spawn("committer", commit_all).map_err(OpenError::Thread)?;
        store.spawn("sealer", seal_all).map_err(OpenError::Thread)?;
        store.spawn("tender", tend_all).map_err(OpenError::Thread)?;
        store.spawn("folder", fold_all).map_err(OpenError::Thread)?;
        Ok(store)
    }

    /// Returns the store without its threads, to ask it directly.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    fn spawn(&mut self, name: &str, run: fn(&Engine, &Queue)) -> io::Result<()> {
        let (engine, queue) = (self.engine.clone(), self.queue.clone());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&engine, &queue))?;
        self.threads.push(thread);
        Ok(())
    }

    fn enqueue(&self, batch: Batch) -> Result<oneshot::Receiver<Result<(), WriteError>>, WriteError> {
        let bytes = batch.as_bytes().len();
        let bytes_max = self.engine.config().queue_bytes_max;
        let mut waiting = self.queue.lock();
        // A batch larger than the queue may still pass alone.
        if waiting.bytes > 0 && waiting.bytes + bytes > bytes_max {
            self.queue.rejected.fetch_add(1, Relaxed);
            return Err(WriteError::Busy(format!("{} bytes wait for the journal", waiting.bytes)));
        }
        let (answer, answered) = oneshot::channel();
        waiting.bytes += bytes;
        waiting.batches.push_back((batch, answer));
        drop(waiting);
        self.queue.changed.notify_all();
        Ok(answered)
    }

    /// Runs a read where it may block. It stops soon when the future is dropped.
    fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Engine) -> Result<T, ReadError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, ReadError>> {
        let (engine, reads) = (self.engine.clone(), self.reads.clone());
        Box::pin(async move {
            let meter = Meter::current().part();
            let _waiting = meter.waiting();
            let permit = reads.acquire_owned().await.map_err(|error| ReadError::Failed(error.to_string()))?;
            let answer = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                meter.scope(|| run(&engine))
            });
            answer.await.unwrap_or_else(|error| Err(ReadError::Failed(error.to_string())))
        })
    }
}

impl Storage for Columnar {
    fn describe(&self) -> String {
        format!("ColumnarStorage{{dataDir={}}}", self.engine.config().data_dir.display())
    }

    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<Stored, WriteError>> {
        Box::pin(async move {
            let spans = batch.len();
            if spans > 0 {
                let closed = |_| WriteError::Failed("the store has closed".to_owned());
                self.enqueue(batch)?.await.map_err(closed)??;
            }
            Ok(Stored { spans })
        })
    }

    fn traces(&self, ids: Vec<TraceId>) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>> {
        self.read(move |engine| engine.traces(&ids))
    }

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Found, ReadError>> {
        self.read(move |engine| engine.search(&query))
    }

    fn count(&self, query: Query, grid: Grid) -> BoxFuture<'_, Result<Vec<Count>, ReadError>> {
        self.read(move |engine| engine.count(&query, &grid))
    }

    fn hints(&self, query: Query) -> BoxFuture<'_, Result<Hints, ReadError>> {
        self.read(move |engine| engine.hints(&query))
    }

    fn names(&self, names: Names) -> BoxFuture<'_, Result<Vec<String>, ReadError>> {
        self.read(move |engine| Ok(engine.names(&names)))
    }

    fn dependencies(&self, window: Window) -> BoxFuture<'_, Result<Vec<Dependency>, ReadError>> {
        self.read(move |engine| engine.dependencies(window))
    }

    fn statistics(&self, asked: Asked) -> BoxFuture<'_, Result<Statistics, ReadError>> {
        self.read(move |engine| engine.statistics(&asked))
    }

    fn change(&self, change: Change) -> BoxFuture<'_, Result<(), ChangeError>> {
        let (engine, queue) = (self.engine.clone(), self.queue.clone());
        Box::pin(async move {
            let changed = tokio::task::spawn_blocking(move || {
                let changed = engine.change(change);
                queue.lock().changes += 1;
                queue.changed.notify_all();
                changed
            });
            changed.await.unwrap_or_else(|error| Err(ChangeError::Failed(error.to_string())))
        })
    }

    fn pins(&self) -> BoxFuture<'_, Result<Vec<TraceId>, ReadError>> {
        self.read(|engine| Ok(engine.pins()))
    }

    fn health(&self) -> Result<(), String> {
        self.engine.health()
    }

    fn metrics(&self) -> Vec<Metric> {
        let metric = |name, help, value| Metric { name, help, value };
        let mut metrics = self.engine.metrics();
        let bytes = self.queue.lock().bytes as f64;
        let rejected = self.queue.rejected.load(Relaxed) as f64;
        metrics.push(metric("spanlet_queue_bytes", "Bytes of batches that wait for the journal.", bytes));
        metrics.push(metric(
            "spanlet_queue_rejected_total",
            "Batches turned away by the full queue.",
            rejected,
        ));
        metrics
    }
}

impl Drop for Columnar {
    fn drop(&mut self) {
        self.queue.lock().closing = true;
        self.engine.stop();
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the threads. The lock makes sure that none of them is just about to wait.
    fn wake(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Waits until there is a memtable to seal. Returns false when the store closes and there is none.
    fn wait_for_sealed(&self, engine: &Engine) -> bool {
        let mut waiting = self.lock();
        while !engine.wants_sealing() {
            if waiting.committed_all {
                return false;
            }
            waiting = self.wait(waiting);
        }
        true
    }

    /// Waits until there are spans to count. Returns false when the store closes: the next one counts them.
    fn wait_for_unfolded(&self, engine: &Engine) -> bool {
        let mut waiting = self.lock();
        while !waiting.closing {
            if engine.wants_folding() {
                return true;
            }
            waiting = self.wait(waiting);
        }
        false
    }

    /// Takes a group of batches; nothing when the store closes and none is left.
    #[expect(clippy::type_complexity, reason = "two lists of the same group")]
    fn take(&self, engine: &Engine) -> Option<(Vec<Batch>, Vec<oneshot::Sender<Result<(), WriteError>>>)> {
        let mut waiting = self.lock();
        loop {
            if waiting.batches.is_empty() {
                if waiting.closing {
                    waiting.committed_all = true;
                    return None;
                }
            } else if !engine.sealed_full() || waiting.seal_failed {
                break;
            }
            waiting = self.wait(waiting);
        }
        let (mut batches, mut answers, mut bytes) = (Vec::new(), Vec::new(), 0);
        while bytes < GROUP_BYTES
            && let Some((batch, answer)) = waiting.batches.pop_front()
        {
            bytes += batch.as_bytes().len();
            batches.push(batch);
            answers.push(answer);
        }
        waiting.bytes -= bytes;
        Some((batches, answers))
    }
}

/// Commits groups of batches until the store closes.
fn commit_all(engine: &Engine, queue: &Queue) {
    while let Some((batches, answers)) = queue.take(engine) {
        let committed = engine.commit(&batches);
        for answer in answers {
            // A sender that has gone away was not waiting for the answer.
            let _ = answer.send(committed.clone());
        }
        queue.wake();
    }
    queue.wake();
}

/// Turns sealed memtables into segments until the store closes.
fn seal_all(engine: &Engine, queue: &Queue) {
    while queue.wait_for_sealed(engine) {
        let failed = engine.seal_next().is_err();
        let mut waiting = queue.lock();
        waiting.seal_failed = failed;
        waiting.changes += 1;
        queue.changed.notify_all();
        if failed {
            // What is not sealed stays in the journal.
            if waiting.closing {
                return;
            }
            let waited = queue.changed.wait_timeout(waiting, SEAL_RETRY);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Takes steps in the background until the store closes.
fn tend_all(engine: &Engine, queue: &Queue) {
    let mut seen = 0;
    loop {
        let failed = loop {
            match engine.tend() {
                Ok(Tended::Step) => {}
                Ok(Tended::Nothing) => break false,
                Err(_) => break true,
            }
        };
        let waiting = queue.lock();
        // After a failure only time helps: what is sealed meanwhile does not mend the disk.
        let until = |waiting: &mut Waiting| !waiting.closing && (failed || waiting.changes == seen);
        let waited = queue.changed.wait_timeout_while(waiting, TEND_EVERY, until);
        let (waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if waiting.closing {
            return;
        }
        seen = waiting.changes;
    }
}

/// Counts spans until the store closes.
fn fold_all(engine: &Engine, queue: &Queue) {
    while queue.wait_for_unfolded(engine) {
        if let Err(error) = engine.fold() {
            tracing::error!(%error, "counting is tried again");
            let waiting = queue.lock();
            let waited = queue.changed.wait_timeout(waiting, SEAL_RETRY);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}
