//! What can be asked of a store, with Zipkin's meanings (openzipkin/zipkin: `zipkin2.storage.QueryRequest`).

use model::id::TraceId;
use model::span::Span;

/// A stretch of time up to and including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Last instant, milliseconds since the epoch.
    pub end_ms: u64,
    /// Length in milliseconds; may exceed `end_ms`.
    pub lookback_ms: u64,
}

impl Window {
    /// Says whether an instant lies in the window; both ends count.
    pub fn contains_us(&self, timestamp_us: u64) -> bool {
        let start_ms = self.end_ms.saturating_sub(self.lookback_ms);
        (start_ms.saturating_mul(1000)..=self.end_ms.saturating_mul(1000)).contains(&timestamp_us)
    }
}

/// One part of an annotation query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An annotation with this value, or a tag with this key.
    Has(String),
    /// A tag with this key and this value; never empty.
    Tag(String, String),
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
    /// Where the trace's own timestamp must lie (see [`trace_timestamp_us`]).
    pub window: Window,
    /// Most traces to return.
    pub limit: usize,
}

impl Query {
    /// Returns a query for everything in a window.
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
        }
    }

    /// Says whether a whole trace meets the query: the reference meaning for every store.
    pub fn matches(&self, trace: &[Span]) -> bool {
        if !trace_timestamp_us(trace).is_some_and(|us| self.window.contains_us(us)) {
            return false;
        }
        let counted = || {
            trace.iter().filter(|span| {
                self.service_name.is_none() || span.local_service() == self.service_name.as_deref()
            })
        };
        let any = |test: &dyn Fn(&Span) -> bool| counted().any(test);
        any(&|_| true)
            && (self.remote_service_name.is_none()
                || any(&|span| span.remote_service() == self.remote_service_name.as_deref()))
            && (self.span_name.is_none() || any(&|span| span.name == self.span_name))
            && self.conditions.iter().all(|condition| any(&|span| condition.holds(span)))
            && (self.duration_min_us == 0 || any(&|span| self.duration_holds(span)))
    }

    fn duration_holds(&self, span: &Span) -> bool {
        let duration_us = span.duration_us.unwrap_or(0);
        duration_us >= self.duration_min_us && self.duration_max_us.is_none_or(|max| duration_us <= max)
    }
}

impl Condition {
    fn holds(&self, span: &Span) -> bool {
        match self {
            Self::Has(text) => span.annotations.iter().any(|a| a.value == *text) || span.tag(text).is_some(),
            Self::Tag(key, value) => span.tag(key) == Some(value),
        }
    }
}

/// Returns the timestamp of the first span without a parent that has one, else the smallest of all.
pub fn trace_timestamp_us(trace: &[Span]) -> Option<u64> {
    let root = trace.iter().filter(|span| span.parent_id.is_none()).find_map(|span| span.timestamp_us);
    root.or_else(|| trace.iter().filter_map(|span| span.timestamp_us).min())
}

/// Returns the newest timestamp of any span, 0 when none has one.
pub fn trace_newest_us(trace: &[Span]) -> u64 {
    trace.iter().filter_map(|span| span.timestamp_us).max().unwrap_or(0)
}

/// Returns what results are ordered by, largest first: the newest millisecond of the trace, then its id, the
/// right-most 64 bits before the others (openzipkin/zipkin `InMemoryStorage.TIMESTAMP_DESCENDING`).
pub fn rank(id: TraceId, newest_us: u64) -> (u64, u64, u64) {
    (newest_us / 1000, id.low(), id.high())
}
