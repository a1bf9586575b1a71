//! A store under test, with short ways to write and to ask.

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;
use storage::counts::{Grid, Hints};
use storage::port::{Found, Names, Storage, Trace};
use storage::query::{Query, Window};
use storage::statistics::{Asked, Dependency, Statistics};

use crate::settings::Settings;

type Settle = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A fresh store, and what is to be done after each write before questions are asked.
pub struct Subject {
    storage: Arc<dyn Storage>,
    strict_trace_id: bool,
    settle: Option<Settle>,
    // Dropped after the store, which is above.
    _held: Option<Box<dyn Any + Send + Sync>>,
}

/// Runs one case on a fresh store with these settings, inside a runtime with threads, as stores use them.
pub fn run<F: Future<Output = Subject>>(
    make: impl FnOnce(Settings) -> F,
    settings: Settings,
    case: impl AsyncFnOnce(Subject),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let strict_trace_id = settings.strict_trace_id;
        case(Subject { strict_trace_id, ..make(settings).await }).await
    });
}

impl Subject {
    /// Returns a store that is asked right after it was written to.
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, strict_trace_id: true, settle: None, _held: None }
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
        self.page(query).await.traces
    }

    /// Searches, and says where to go on.
    pub async fn page(&self, query: &Query) -> Found {
        self.storage.search(query.clone()).await.expect("an answer")
    }

    /// Searches, and returns the ids of the traces found.
    pub async fn found(&self, query: &Query) -> Vec<u128> {
        self.search(query).await.iter().map(|trace| self.one_id(trace)).collect()
    }

    /// Searches page by page until there is no next one, and returns the ids of the traces on each.
    pub async fn pages(&self, query: &Query) -> Vec<Vec<u128>> {
        let (mut pages, mut query) = (Vec::new(), query.clone());
        loop {
            assert!(pages.len() < 1000, "a search that goes on comes to an end");
            let page = self.page(&query).await;
            pages.push(page.traces.iter().map(|trace| self.one_id(trace)).collect());
            match page.next {
                // Whoever asks keeps it as text.
                Some(next) => query.after = Some(next.to_string().parse().expect("a cursor")),
                None => return pages,
            }
        }
    }

    /// Counts in slices, and returns traces and errors of each.
    pub async fn counts(&self, query: &Query, buckets: usize) -> Vec<(u64, u64)> {
        let counts = self.storage.count(query.clone(), Grid::of_slices(buckets)).await.expect("an answer");
        assert!(counts.is_sorted_by_key(|count| count.start_ms), "slices are in order");
        assert_eq!(counts.first().map(|count| count.start_ms), Some(query.window.start_ms()));
        counts.iter().map(|count| (count.traces, count.errors)).collect()
    }

    /// Asks why a search finds nothing.
    pub async fn hints(&self, query: &Query) -> Hints {
        self.storage.hints(query.clone()).await.expect("an answer")
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

    /// Reads links, and how long their calls took.
    pub async fn dependencies(&self, window: Window) -> Vec<Dependency> {
        let found = self.storage.dependencies(window).await.expect("an answer");
        assert!(found.is_sorted_by_key(|it| (&it.link.parent, &it.link.child)), "links are sorted");
        found
    }

    /// Asks how operations ran.
    pub async fn statistics(&self, window: Window, service_name: Option<&str>) -> Statistics {
        let asked = Asked { window, service_name: service_name.map(str::to_owned) };
        let found = self.storage.statistics(asked).await.expect("an answer");
        assert!(found.operations.is_sorted_by_key(|it| &it.key), "operations are sorted");
        found
    }

    /// Reads links, sorted, as `parent>child calls` or `parent>child calls/errors`.
    pub async fn links(&self, window: Window) -> Vec<String> {
        let links = self.dependencies(window).await;
        let errors = |count| if count > 0 { format!("/{count}") } else { String::new() };
        links
            .iter()
            .map(|it| &it.link)
            .map(|it| format!("{}>{} {}{}", it.parent, it.child, it.call_count, errors(it.error_count)))
            .collect()
    }

    fn one_id(&self, trace: &[Span]) -> u128 {
        let id = trace.first().expect("no empty trace").trace_id;
        let same = |span: &Span| {
            if self.strict_trace_id { span.trace_id == id } else { span.trace_id.low() == id.low() }
        };
        assert!(trace.iter().all(same), "spans of one trace have its id");
        id.get()
    }
}
