//! The storage port.

use futures::future::BoxFuture;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;

use crate::change::{Change, ChangeError};
use crate::counts::{Count, Grid, Hints};
use crate::error::{ReadError, WriteError};
use crate::query::{Cursor, Query, Window};
use crate::statistics::{Asked, Dependency, Statistics};

/// All spans of one trace in order of arrival, byte-identical reports once. With lenient ids the spans of smaller
/// trace ids come first.
pub type Trace = Vec<Span>;

/// Says that the spans of a batch are as safe as the store promises: only now may the sender be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Stored {
    /// How many spans.
    pub spans: usize,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The traces, in the order asked for.
    pub traces: Vec<Trace>,
    /// The place behind the last trace, when as many were found as were asked for: there may be more.
    pub next: Option<Cursor>,
}

/// A store of spans. Answers see every batch that was accepted before the question.
///
/// A store is told whether trace ids are strict (Zipkin's `STRICT_TRACE_ID`). If they are not, ids that share the
/// right-most 64 bits name one trace; its spans keep the ids they came with. It is also told which tags to complete
/// (`AUTOCOMPLETE_KEYS`), and how many bytes an answer of traces may take.
///
/// Whoever drops the future of a question abandons it: the store stops reading soon. What is read is counted by the
/// [`Meter`](crate::meter::Meter) that is current when the question is asked.
pub trait Storage: Send + Sync + 'static {
    /// Returns the store's name and settings for the health page, such as `InMemoryStorage{}`.
    fn describe(&self) -> String;

    /// Stores a batch whole or not at all.
    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<Stored, WriteError>>;

    /// Returns the traces with these ids, in the order asked, each once; unknown ones are left out.
    fn traces(&self, ids: Vec<TraceId>) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>>;

    /// Returns at most `limit` traces that match, in falling order of [`Rank`](crate::order::Rank).
    fn search(&self, query: Query) -> BoxFuture<'_, Result<Found, ReadError>>;

    /// Counts all matching traces in a grid of time and duration (see [`Counts`](crate::counts::Counts)); the
    /// query's limit, order and place say nothing here.
    fn count(&self, query: Query, grid: Grid) -> BoxFuture<'_, Result<Vec<Count>, ReadError>>;

    /// Counts the traces that match all but the time; the query's limit, order and place say nothing here.
    fn hints(&self, query: Query) -> BoxFuture<'_, Result<Hints, ReadError>>;

    /// Returns names, sorted, without duplicates.
    fn names(&self, names: Names) -> BoxFuture<'_, Result<Vec<String>, ReadError>>;

    /// Returns who called whom, sorted, in traces whose own timestamp (see [`Facts`](crate::facts::Facts)) lies in a
    /// minute that the window touches. Spans with the same right-most 64 bits are one trace here, and such a trace
    /// counts whole.
    fn dependencies(&self, window: Window) -> BoxFuture<'_, Result<Vec<Dependency>, ReadError>>;

    /// Returns how often, how well and how fast operations ran in the minutes that a window touches (see
    /// [`statistics`](crate::statistics)).
    fn statistics(&self, asked: Asked) -> BoxFuture<'_, Result<Statistics, ReadError>>;

    /// Pins, unpins or deletes. On return that is as safe as accepted spans are, and every later answer shows it.
    /// Lists of names may show what was deleted for a while.
    fn change(&self, change: Change) -> BoxFuture<'_, Result<(), ChangeError>>;

    /// Returns the pinned traces, in the order in which they were pinned.
    fn pins(&self) -> BoxFuture<'_, Result<Vec<TraceId>, ReadError>>;

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
    /// Values of a tag that the store was told to complete; none of other tags.
    Values(String),
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
