//! What can be asked of a store, with Zipkin's meanings (openzipkin/zipkin: `zipkin2.storage.QueryRequest`).

use std::borrow::Borrow;

use model::span::Span;

pub use crate::condition::Condition;
use crate::facts::Facts;
use crate::order::Rank;
pub use crate::order::{Cursor, Order};

/// A stretch of time up to and including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Last instant, milliseconds since the epoch.
    pub end_ms: u64,
    /// Length in milliseconds; may exceed `end_ms`.
    pub lookback_ms: u64,
}

impl Window {
    /// Returns the first instant, milliseconds since the epoch.
    pub fn start_ms(&self) -> u64 {
        self.end_ms.saturating_sub(self.lookback_ms)
    }

    /// Says whether any instant between two lies in the window.
    pub fn overlaps_us(&self, first_us: u64, last_us: u64) -> bool {
        first_us <= self.end_ms.saturating_mul(1000) && last_us >= self.start_ms().saturating_mul(1000)
    }

    /// Says whether an instant lies in the window; both ends count.
    pub fn contains_us(&self, timestamp_us: u64) -> bool {
        (self.start_ms().saturating_mul(1000)..=self.end_ms.saturating_mul(1000)).contains(&timestamp_us)
    }
}

/// A search for traces. All conditions must hold; each may be met by another span of the trace, but when
/// `service_name` is set only spans of that service count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Lower-cased local service name.
    pub service_name: Option<String>,
    /// Lower-cased remote service name.
    pub remote_service_name: Option<String>,
    /// Lower-cased span name.
    pub span_name: Option<String>,
    /// Parts of the annotation query.
    pub conditions: Vec<Condition>,
    /// Shortest duration, inclusive; zero means none.
    pub duration_min_us: u64,
    /// Longest duration, inclusive; counts only with a shortest one.
    pub duration_max_us: Option<u64>,
    /// Where the trace's own timestamp must lie (see [`Facts::timestamp_us`]).
    pub window: Window,
    /// Most traces to return.
    pub limit: usize,
    /// Which traces come first.
    pub order: Order,
    /// Only traces behind this place, which must be one of the same order.
    pub after: Option<Cursor>,
}

impl Query {
    /// Returns a query for everything in a window, newest first.
    pub fn new(window: Window, limit: usize) -> Self {
        Self {
            service_name: None,
            remote_service_name: None,
            span_name: None,
            conditions: Vec::new(),
            duration_min_us: 0,
            duration_max_us: None,
            window,
            limit,
            order: Order::Newest,
            after: None,
        }
    }

    /// Says whether a whole trace meets all but the window and the place: the reference meaning for every store.
    pub fn matches<S: Borrow<Span>>(&self, trace: &[S]) -> bool {
        let service = self.service_name.as_deref();
        let counts = |span: &&Span| service.is_none() || span.local_service() == service;
        let counted: Vec<&Span> = trace.iter().map(Borrow::borrow).filter(counts).collect();
        let any = |test: &dyn Fn(&Span) -> bool| counted.iter().any(|span| test(span));
        let remote = self.remote_service_name.as_deref();
        !counted.is_empty()
            && (remote.is_none() || any(&|span| span.remote_service() == remote))
            && (self.span_name.is_none() || any(&|span| span.name == self.span_name))
            && (self.duration_min_us == 0 || any(&|span| self.duration_holds(span)))
            && self.conditions.iter().all(|condition| condition.holds(&counted))
    }

    /// Says whether a trace of which these facts are known, and which stands here, lies in the window and behind
    /// the place where the search goes on.
    pub fn reaches(&self, facts: &Facts, rank: Rank) -> bool {
        facts.timestamp_us().is_some_and(|us| self.window.contains_us(us))
            && self.after.is_none_or(|place| place.is_before(rank))
    }

    fn duration_holds(&self, span: &Span) -> bool {
        let duration_us = span.duration_us.unwrap_or(0);
        duration_us >= self.duration_min_us && self.duration_max_us.is_none_or(|max| duration_us <= max)
    }
}
