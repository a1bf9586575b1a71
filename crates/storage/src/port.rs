//! The storage port.

use futures::future::BoxFuture;
use model::batch::Batch;
use model::id::TraceId;
use model::links::Link;
use model::span::Span;

use crate::error::{ReadError, WriteError};
use crate::query::{Query, Window};

/// All spans of one trace, in order of arrival, byte-identical reports once.
pub type Trace = Vec<Span>;

/// Says that the spans of a batch are as safe as the store promises: only now may the sender be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Stored {
    /// How many spans.
    pub spans: usize,
}

/// A store of spans. Answers see every batch that was accepted before the question.
pub trait Storage: Send + Sync + 'static {
    /// Returns the store's name and settings for the health page, such as `InMemoryStorage{}`.
    fn describe(&self) -> String;

    /// Stores a batch whole or not at all.
    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<Stored, WriteError>>;

    /// Returns the traces with exactly these ids, in the order asked; unknown ones are left out.
    fn traces(&self, ids: Vec<TraceId>) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>>;

    /// Returns at most `limit` traces that match, in falling order of [`rank`](crate::query::rank).
    fn search(&self, query: Query) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>>;

    /// Returns names, sorted, without duplicates.
    fn names(&self, names: Names) -> BoxFuture<'_, Result<Vec<String>, ReadError>>;

    /// Returns who called whom, sorted, in traces of which any span's timestamp lies in the window. Spans with the
    /// same right-most 64 bits are one trace here, and such a trace counts whole.
    fn dependencies(&self, window: Window) -> BoxFuture<'_, Result<Vec<Link>, ReadError>>;

    /// Says whether the store can work now, or what is wrong.
    fn health(&self) -> Result<(), String>;

    /// Returns what the store counts about itself, as Prometheus metric name, help and value.
    fn metrics(&self) -> Vec<Metric>;
}

/// Which names are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Local service names.
    Services,
    /// Span names of a service.
    Spans(String),
    /// Remote service names seen by a service.
    RemoteServices(String),
}

/// A number that a store reports about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Full Prometheus name, such as `spanlet_journal_bytes`. Ends in `_total` for counters.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Current value.
    pub value: f64,
}
