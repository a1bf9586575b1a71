//! The plain store in memory: `STORAGE_TYPE=mem`, and the oracle that other stores are compared with.
//!
//! Plain on purpose: every question reads every span. What it answers is meant to be obviously right.

use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use futures::future::BoxFuture;
use indexmap::{IndexMap, IndexSet};
use model::batch::Batch;
use model::id::TraceId;
use model::links::{self, Link};
use model::span::Span;

use crate::error::{ReadError, WriteError};
use crate::port::{Metric, Names, Storage, Stored, Trace};
use crate::query::{Query, Window, rank, trace_newest_us};

/// Spans in memory, gone when the process ends. Above the limit whole oldest traces are evicted.
#[derive(Debug)]
pub struct Memory {
    spans_max: usize,
    held: RwLock<Held>,
}

/// Traces are grouped by the right-most 64 bits of their id, as dependencies and eviction need them.
#[derive(Debug, Default)]
struct Held {
    traces: HashMap<u64, Group>,
    /// Start of each group's oldest span in milliseconds, and the group's id: the first is the next to evict.
    by_age: BTreeSet<(u64, u64)>,
    spans: usize,
    spans_evicted: u64,
}

/// Spans whose trace ids share the right-most 64 bits: in order of arrival, byte-identical reports once.
#[derive(Debug, Default)]
struct Group {
    spans: IndexSet<Span>,
    oldest_ms: u64,
}

impl Memory {
    /// Returns an empty store that keeps at most this many spans (Zipkin's `MEM_MAX_SPANS`).
    pub fn new(spans_max: usize) -> Self {
        Self { spans_max, held: RwLock::default() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Memory {
    fn describe(&self) -> String {
        "InMemoryStorage{}".to_owned()
    }

    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<Stored, WriteError>> {
        Box::pin(async move {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            for row in batch.rows() {
                held.insert(row.to_span());
            }
            while held.spans > self.spans_max {
                held.evict_oldest();
            }
            Ok(Stored { spans: batch.len() })
        })
    }

    fn traces(&self, ids: Vec<TraceId>) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>> {
        Box::pin(async move {
            let held = self.read();
            let traces = ids.into_iter().map(|id| held.trace(id));
            Ok(traces.filter(|trace| !trace.is_empty()).collect())
        })
    }

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>> {
        Box::pin(async move {
            let held = self.read();
            let mut found: Vec<((u64, u64, u64), Trace)> = Vec::new();
            for group in held.traces.values().filter(|group| group.meets(&query.window)) {
                for (id, trace) in group.by_full_id() {
                    if query.matches(&trace) {
                        found.push((rank(id, trace_newest_us(&trace)), trace));
                    }
                }
            }
            found.sort_unstable_by(|(left, _), (right, _)| right.cmp(left));
            Ok(found.into_iter().take(query.limit).map(|(_, trace)| trace).collect())
        })
    }

    fn names(&self, names: Names) -> BoxFuture<'_, Result<Vec<String>, ReadError>> {
        Box::pin(async move {
            let held = self.read();
            let spans = held.traces.values().flat_map(|group| &group.spans);
            let found: BTreeSet<&str> = match &names {
                Names::Services => spans.filter_map(Span::local_service).collect(),
                Names::Spans(service) => spans
                    .filter(|span| span.local_service() == Some(service))
                    .filter_map(|span| span.name.as_deref())
                    .collect(),
                Names::RemoteServices(service) => spans
                    .filter(|span| span.local_service() == Some(service))
                    .filter_map(Span::remote_service)
                    .collect(),
            };
            Ok(found.into_iter().map(str::to_owned).collect())
        })
    }

    fn dependencies(&self, window: Window) -> BoxFuture<'_, Result<Vec<Link>, ReadError>> {
        Box::pin(async move {
            let held = self.read();
            let mut found = Vec::new();
            for group in held.traces.values().filter(|group| group.meets(&window)) {
                let trace: Trace = group.spans.iter().cloned().collect();
                found.extend(links::between(&trace));
            }
            Ok(links::merge(found))
        })
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> Vec<Metric> {
        let held = self.read();
        let metric = |name, help, value| Metric { name, help, value };
        vec![
            metric("spanlet_memory_spans", "Spans held in memory.", held.spans as f64),
            metric("spanlet_memory_traces", "Traces held in memory.", held.traces.len() as f64),
            metric(
                "spanlet_memory_spans_evicted_total",
                "Spans of oldest traces that made room for newer ones.",
                held.spans_evicted as f64,
            ),
        ]
    }
}

impl Held {
    fn insert(&mut self, span: Span) {
        let low = span.trace_id.low();
        // Spans without a time count as oldest: openzipkin/zipkin `InMemoryStorage.doAccept`.
        let start_ms = span.timestamp_us.unwrap_or(0) / 1000;
        let group = self.traces.entry(low).or_default();
        if !group.spans.insert(span) {
            return;
        }
        self.spans += 1;
        if group.spans.len() == 1 || start_ms < group.oldest_ms {
            self.by_age.remove(&(group.oldest_ms, low));
            self.by_age.insert((start_ms, low));
            group.oldest_ms = start_ms;
        }
    }

    fn evict_oldest(&mut self) {
        let Some((_, low)) = self.by_age.pop_first() else { return };
        let spans = self.traces.remove(&low).map_or(0, |group| group.spans.len());
        self.spans -= spans;
        self.spans_evicted += spans as u64;
    }

    fn trace(&self, id: TraceId) -> Trace {
        let Some(group) = self.traces.get(&id.low()) else { return Trace::new() };
        group.spans.iter().filter(|span| span.trace_id == id).cloned().collect()
    }
}

impl Group {
    /// Says whether any span starts in the window.
    fn meets(&self, window: &Window) -> bool {
        self.spans.iter().filter_map(|span| span.timestamp_us).any(|us| window.contains_us(us))
    }

    fn by_full_id(&self) -> IndexMap<TraceId, Trace> {
        let mut traces: IndexMap<TraceId, Trace> = IndexMap::new();
        for span in &self.spans {
            traces.entry(span.trace_id).or_default().push(span.clone());
        }
        traces
    }
}
