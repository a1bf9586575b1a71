//! A store under test, with short ways to write and to ask.

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;
use storage::port::{Names, Storage, Trace};
use storage::query::{Query, Window};

type Settle = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A fresh store, and what is to be done after each write before questions are asked.
pub struct Subject {
    storage: Arc<dyn Storage>,
    settle: Option<Settle>,
    // Dropped after the store, which is above.
    _held: Option<Box<dyn Any + Send + Sync>>,
}

/// Runs one case on a fresh store, inside a runtime with threads, as stores use them.
pub fn run<F: Future<Output = Subject>>(make: impl FnOnce() -> F, case: impl AsyncFnOnce(Subject)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async { case(make().await).await });
}

impl Subject {
    /// Returns a store that is asked right after it was written to.
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, settle: None, _held: None }
    }

    /// Runs this after each write: to force a flush, say, so that the same cases see another state of the store.
    #[must_use]
    pub fn settled_by(self, settle: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self { settle: Some(Box::new(settle)), ..self }
    }

    /// Keeps something as long as the store, such as its folder.
    #[must_use]
    pub fn holding(self, held: impl Any + Send + Sync) -> Self {
        Self { _held: Some(Box::new(held)), ..self }
    }

    /// Returns the store itself.
    pub fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// Writes spans as one batch.
    pub async fn write(&self, spans: impl IntoIterator<Item = Span>) {
        let batch: Batch = spans.into_iter().collect();
        let count = batch.len();
        let stored = self.storage.accept(batch).await.expect("a batch to be accepted");
        assert_eq!(stored.spans, count, "spans said to be stored");
        if let Some(settle) = &self.settle {
            settle().await;
        }
    }

    /// Searches.
    pub async fn search(&self, query: &Query) -> Vec<Trace> {
        self.storage.search(query.clone()).await.expect("an answer")
    }

    /// Searches, and returns the ids of the traces found.
    pub async fn found(&self, query: &Query) -> Vec<u128> {
        self.search(query).await.iter().map(|trace| one_id(trace)).collect()
    }

    /// Reads traces by their ids.
    pub async fn traces(&self, ids: &[u128]) -> Vec<Trace> {
        let ids = ids.iter().map(|id| TraceId::new(*id).expect("an id")).collect();
        self.storage.traces(ids).await.expect("an answer")
    }

    /// Reads one trace; empty when unknown.
    pub async fn trace(&self, id: u128) -> Trace {
        let mut traces = self.traces(&[id]).await;
        assert!(traces.len() <= 1, "{} traces of one id", traces.len());
        traces.pop().unwrap_or_default()
    }

    /// Reads names.
    pub async fn names(&self, names: Names) -> Vec<String> {
        self.storage.names(names).await.expect("an answer")
    }

    /// Reads links, sorted, as `parent>child calls` or `parent>child calls/errors`.
    pub async fn links(&self, window: Window) -> Vec<String> {
        let links = self.storage.dependencies(window).await.expect("an answer");
        assert!(links.is_sorted(), "links are sorted");
        let errors = |count| if count > 0 { format!("/{count}") } else { String::new() };
        links
            .iter()
            .map(|it| format!("{}>{} {}{}", it.parent, it.child, it.call_count, errors(it.error_count)))
            .collect()
    }
}

fn one_id(trace: &[Span]) -> u128 {
    let id = trace.first().expect("no empty trace").trace_id;
    assert!(trace.iter().all(|span| span.trace_id == id), "spans of one trace have its id");
    id.get()
}
