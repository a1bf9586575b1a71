//! The plain store in memory: `STORAGE_TYPE=mem`, and the oracle that other stores are compared with.
//!
//! Plain on purpose: every question reads every span. What it answers is meant to be obviously right.

mod held;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use futures::future::BoxFuture;
use indexmap::IndexSet;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;

use crate::budget::{ANSWER_BYTES_MAX, Budget};
use crate::change::{Change, ChangeError};
use crate::counts::{Count, Counts, Grid, Hints};
use crate::error::{ReadError, WriteError};
use crate::facts::Facts;
use crate::order::{Rank, TraceKey};
use crate::port::{Found, Metric, Names, Storage, Stored, Trace};
use crate::query::{Cursor, Query, Window};
use crate::statistics::{self, Asked, Dependency, KeyRef, Statistics, Steps, Table, minutes_of, of_trace};
use held::Held;

/// Settings of a memory store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most spans (Zipkin's `MEM_MAX_SPANS`): to make room for more, whole oldest traces are evicted.
    pub spans_max: usize,
    /// Most bytes of traces in one answer.
    pub answer_bytes_max: usize,
    /// Whether all bits of a trace id count (Zipkin's `STRICT_TRACE_ID`).
    pub strict_trace_id: bool,
    /// Tags whose values are collected (Zipkin's `AUTOCOMPLETE_KEYS`).
    pub autocomplete_keys: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            spans_max: 500_000,
            answer_bytes_max: ANSWER_BYTES_MAX,
            strict_trace_id: true,
            autocomplete_keys: Vec::new(),
        }
    }
}

/// Spans in memory, gone when the process ends.
#[derive(Debug)]
pub struct Memory {
    config: Config,
    held: RwLock<Held>,
    answers_too_large: AtomicU64,
}

impl Memory {
    /// Returns an empty store.
    pub fn new(config: Config) -> Self {
        Self { config, held: RwLock::default(), answers_too_large: AtomicU64::new(0) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, id: TraceId) -> TraceKey {
        TraceKey::new(id, self.config.strict_trace_id)
    }

    /// Calls for each trace that matches all but the time and the place.
    fn for_each_match<'a>(
        &self,
        held: &'a Held,
        query: &Query,
        mut call: impl FnMut(TraceKey, Facts, Vec<&'a Span>),
    ) {
        for group in held.groups() {
            for (key, trace) in group.traces(|id| self.key(id)) {
                if query.matches(&trace) {
                    call(key, Facts::of(&trace), trace);
                }
            }
        }
    }

    fn find_traces(&self, ids: Vec<TraceId>) -> Result<Vec<Trace>, ReadError> {
        let (held, mut budget) = (self.read(), Budget::new(self.config.answer_bytes_max));
        let keys: IndexSet<TraceKey> = ids.into_iter().map(|id| self.key(id)).collect();
        let mut found = Vec::new();
        for key in keys {
            let group = held.group(key.low()).into_iter();
            let mut traces = group.flat_map(|group| group.traces(|id| self.key(id)));
            if let Some((_, trace)) = traces.find(|(other, _)| *other == key) {
                budget.take_spans(&trace)?;
                found.push(trace.into_iter().cloned().collect());
            }
        }
        Ok(found)
    }

    fn find(&self, query: &Query) -> Result<Found, ReadError> {
        let (held, mut budget) = (self.read(), Budget::new(self.config.answer_bytes_max));
        let mut matching: Vec<(Rank, Vec<&Span>)> = Vec::new();
        self.for_each_match(&held, query, |key, facts, trace| {
            let rank = query.order.rank(key, &facts);
            if query.reaches(&facts, rank) {
                matching.push((rank, trace));
            }
        });
        matching.sort_unstable_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        matching.truncate(query.limit);
        let full = matching.last().filter(|_| matching.len() == query.limit);
        let next = full.map(|(rank, _)| Cursor::behind(query.order, *rank));
        let mut traces = Vec::new();
        for (_, trace) in matching {
            budget.take_spans(&trace)?;
            traces.push(trace.into_iter().cloned().collect());
        }
        Ok(Found { traces, next })
    }

    fn find_names(&self, names: &Names) -> Vec<String> {
        let held = self.read();
        let spans = || held.groups().flat_map(|group| group.spans());
        let of = |service| spans().filter(move |span| span.local_service() == Some(service));
        let found: BTreeSet<&str> = match names {
            Names::Services => spans().filter_map(Span::local_service).collect(),
            Names::Spans(service) => of(service.as_str()).filter_map(|span| span.name.as_deref()).collect(),
            Names::RemoteServices(service) => of(service.as_str()).filter_map(Span::remote_service).collect(),
            Names::Values(key) if self.config.autocomplete_keys.contains(key) => {
                spans().filter_map(|span| span.tag(key)).collect()
            }
            Names::Values(_) => BTreeSet::new(),
        };
        found.into_iter().map(str::to_owned).collect()
    }

    /// Counts what all traces add, in the slots into which these minutes and keys fall, if any.
    fn counted(&self, slot_of: impl Fn(u64, KeyRef<'_>) -> Option<u64>) -> Table {
        let mut counted = Table::default();
        for group in self.read().groups() {
            of_trace(&group.whole(), &mut |minute, key, failed, duration_us| {
                if let Some(slot) = slot_of(minute, key) {
                    counted.count(slot, key, failed, duration_us, 1);
                }
            });
        }
        counted
    }

    fn or_count<T>(&self, answer: Result<T, ReadError>) -> Result<T, ReadError> {
        if matches!(answer, Err(ReadError::TooLarge { .. })) {
            self.answers_too_large.fetch_add(1, Relaxed);
        }
        answer
    }
}

impl Storage for Memory {
    fn describe(&self) -> String {
        "InMemoryStorage{}".to_owned()
    }

    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<Stored, WriteError>> {
        Box::pin(async move {
            self.held.write().unwrap_or_else(PoisonError::into_inner).accept(&batch, self.config.spans_max);
            Ok(Stored { spans: batch.len() })
        })
    }

    fn traces(&self, ids: Vec<TraceId>) -> BoxFuture<'_, Result<Vec<Trace>, ReadError>> {
        Box::pin(async move { self.or_count(self.find_traces(ids)) })
    }

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Found, ReadError>> {
        Box::pin(async move { self.or_count(self.find(&query)) })
    }

    fn count(&self, query: Query, grid: Grid) -> BoxFuture<'_, Result<Vec<Count>, ReadError>> {
        Box::pin(async move {
            let mut counts = Counts::new(query.window, grid);
            self.for_each_match(&self.read(), &query, |_, facts, _| counts.add(&facts));
            Ok(counts.finish())
        })
    }

    fn hints(&self, query: Query) -> BoxFuture<'_, Result<Hints, ReadError>> {
        Box::pin(async move {
            let mut hints = Hints::default();
            self.for_each_match(&self.read(), &query, |_, facts, _| hints.add(&query, &facts));
            Ok(hints)
        })
    }

    fn names(&self, names: Names) -> BoxFuture<'_, Result<Vec<String>, ReadError>> {
        Box::pin(async move { Ok(self.find_names(&names)) })
    }

    fn dependencies(&self, window: Window) -> BoxFuture<'_, Result<Vec<Dependency>, ReadError>> {
        Box::pin(async move {
            let minutes = minutes_of(&window);
            let counted = self.counted(|minute, key| {
                (matches!(key, KeyRef::Link { .. }) && minutes.contains(&minute)).then_some(0)
            });
            Ok(statistics::dependencies(&counted))
        })
    }

    fn statistics(&self, asked: Asked) -> BoxFuture<'_, Result<Statistics, ReadError>> {
        Box::pin(async move {
            let (minutes, steps) = (minutes_of(&asked.window), Steps::of(&asked.window));
            let counted = self.counted(|minute, key| match key {
                KeyRef::Operation { service_name, .. } if asked.wants(service_name) => {
                    minutes.contains(&minute).then_some(minute / steps.minutes)
                }
                _ => None,
            });
            Ok(statistics::statistics(steps, &counted))
        })
    }

    fn change(&self, change: Change) -> BoxFuture<'_, Result<(), ChangeError>> {
        let changed =
            self.held.write().unwrap_or_else(PoisonError::into_inner).change(change, |id| self.key(id));
        Box::pin(std::future::ready(changed))
    }

    fn pins(&self) -> BoxFuture<'_, Result<Vec<TraceId>, ReadError>> {
        let pins = self.read().pins().to_vec();
        Box::pin(std::future::ready(Ok(pins)))
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> Vec<Metric> {
        let held = self.read();
        let metric = |name, help, value| Metric { name, help, value };
        vec![
            metric("spanlet_memory_spans", "Spans held in memory.", held.spans() as f64),
            metric("spanlet_memory_traces", "Traces held in memory.", held.groups().count() as f64),
            metric(
                "spanlet_memory_spans_evicted_total",
                "Spans of oldest traces that made room for newer ones.",
                held.spans_evicted() as f64,
            ),
            metric(
                "spanlet_answers_too_large_total",
                "Questions about traces that were not answered, since the answer had too many bytes.",
                self.answers_too_large.load(Relaxed) as f64,
            ),
        ]
    }
}
