//! A store that keeps batches in memory and can be told to refuse.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use collector::intake::{Budget, Intake};
use collector::metrics::{LeftOut, TransportMetrics};
use collector::refusal::Reason;
use collector::sampler::Sampler;
use futures::future::BoxFuture;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;
use storage::change::{Change, ChangeError};
use storage::counts::{Count, Grid, Hints};
use storage::error::{ReadError, WriteError};
use storage::port::{Found, Metric, Names, Storage, Stored, Trace};
use storage::query::{Query, Window};
use storage::statistics::{Asked, Dependency, Statistics};

/// Keeps what it is given, unless it is busy.
#[derive(Default)]
pub struct Shelf {
    pub busy: AtomicBool,
    kept: Mutex<Vec<Span>>,
}

impl Shelf {
    /// Takes all spans kept so far.
    pub fn take(&self) -> Vec<Span> {
        std::mem::take(&mut self.kept.lock().unwrap())
    }
}

impl Storage for Shelf {
    fn describe(&self) -> String {
        "Shelf{}".into()
    }

    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<Stored, WriteError>> {
        Box::pin(async move {
            if self.busy.load(Ordering::Relaxed) {
                return Err(WriteError::Busy("shelf is full".into()));
            }
            self.kept.lock().unwrap().extend(batch.rows().map(|row| row.to_span()));
            Ok(Stored { spans: batch.len() })
        })
    }

    fn traces(&self, _: Vec<TraceId>) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>> {
        no_reads()
    }

    fn search(&self, _: Query) -> BoxFuture<'_, Result<Found, ReadError>> {
        no_reads()
    }

    fn count(&self, _: Query, _: Grid) -> BoxFuture<'_, Result<Vec<Count>, ReadError>> {
        no_reads()
    }

    fn hints(&self, _: Query) -> BoxFuture<'_, Result<Hints, ReadError>> {
        no_reads()
    }

    fn names(&self, _: Names) -> BoxFuture<'_, Result<Vec<String>, ReadError>> {
        no_reads()
    }

    fn dependencies(&self, _: Window) -> BoxFuture<'_, Result<Vec<Dependency>, ReadError>> {
        no_reads()
    }

    fn statistics(&self, _: Asked) -> BoxFuture<'_, Result<Statistics, ReadError>> {
        no_reads()
    }

    fn change(&self, _: Change) -> BoxFuture<'_, Result<(), ChangeError>> {
        Box::pin(async { Err(ChangeError::Failed("collectors change nothing".into())) })
    }

    fn pins(&self) -> BoxFuture<'_, Result<Vec<TraceId>, ReadError>> {
        no_reads()
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }
}

fn no_reads<T>() -> BoxFuture<'static, Result<T, ReadError>> {
    Box::pin(async { Err(ReadError::Failed("collectors never read".into())) })
}

/// A door's way to a shelf, with what the test looks at.
pub struct Setting {
    pub shelf: Arc<Shelf>,
    pub metrics: Arc<TransportMetrics>,
    pub intake: Intake,
}

/// Returns an intake with this many bytes of room.
pub fn setting(transport: &'static str, budget_bytes: usize) -> Setting {
    sampling(transport, budget_bytes, Sampler::ALL)
}

/// Returns an intake that keeps some spans only.
pub fn sampling(transport: &'static str, budget_bytes: usize, sampler: Sampler) -> Setting {
    let shelf = Arc::new(Shelf::default());
    let metrics = Arc::new(TransportMetrics::new(transport));
    let storage: Arc<dyn Storage> = Arc::clone(&shelf) as Arc<dyn Storage>;
    let intake = Intake::new(storage, Arc::clone(&metrics), Budget::new(budget_bytes), sampler);
    Setting { shelf, metrics, intake }
}

impl Setting {
    /// Reads one counter.
    pub fn count(&self, name: &str) -> u64 {
        self.metrics.read().into_iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// Reads the counter of one reason why messages were refused.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.metrics.refusals().into_iter().find(|(label, _)| *label == reason.label()).unwrap().1
    }

    /// Reads the counter of one reason why spans were left out.
    pub fn left_out(&self, why: LeftOut) -> u64 {
        self.metrics.spans_left_out().into_iter().find(|(label, _)| *label == why.label()).unwrap().1
    }
}
