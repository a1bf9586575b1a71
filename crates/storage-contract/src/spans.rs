//! Spans and questions for the cases.

use model::batch::Batch;
use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};
use storage::query::{Condition, Order, Query, Window};

/// When the traces of the cases start: a whole millisecond, not at midnight.
pub const START_MS: u64 = 1_700_000_123_456;
/// The same in microseconds.
pub const START_US: u64 = START_MS * 1000;
/// A minute.
pub const MINUTE_MS: u64 = 60_000;
/// A day.
pub const DAY_MS: u64 = 86_400_000;

/// Returns a span with ids only.
pub fn bare(trace: u128, id: u64) -> Span {
    Span::new(TraceId::new(trace).expect("an id"), SpanId::new(id).expect("an id"))
}

/// Returns a span of a service that starts at [`START_US`].
pub fn span(trace: u128, id: u64, service: &str) -> Span {
    bare(trace, id).service(service).at(START_US)
}

/// Returns spans in normal form: as a store is to give them back.
pub fn normal(spans: &[Span]) -> Vec<Span> {
    let batch: Batch = spans.iter().cloned().collect();
    batch.rows().map(|row| row.to_span()).collect()
}

/// Returns a window of a day around [`START_MS`].
pub fn day() -> Window {
    Window { end_ms: START_MS + DAY_MS / 2, lookback_ms: DAY_MS }
}

/// Returns a query for everything within [`day`].
pub fn all() -> Query {
    Query::new(day(), 100)
}

/// Returns a query for a service within [`day`].
pub fn of(service: &str) -> Query {
    Query { service_name: Some(service.to_owned()), ..all() }
}

/// Steps that make a span one line long.
pub trait Make: Sized {
    /// Sets the parent's id.
    fn under(self, parent: u64) -> Self;
    /// Sets the kind.
    fn kind(self, kind: Kind) -> Self;
    /// Sets the name.
    fn named(self, name: &str) -> Self;
    /// Sets the local service.
    fn service(self, name: &str) -> Self;
    /// Sets the remote service.
    fn remote(self, name: &str) -> Self;
    /// Sets the timestamp in microseconds.
    fn at(self, timestamp_us: u64) -> Self;
    /// Sets the duration in microseconds.
    fn lasting(self, duration_us: u64) -> Self;
    /// Adds a tag.
    fn tag_with(self, key: &str, value: &str) -> Self;
    /// Adds an annotation at [`START_US`].
    fn note(self, value: &str) -> Self;
    /// Makes it the server half of a client's id.
    fn shared(self) -> Self;
}

impl Make for Span {
    fn under(self, parent: u64) -> Self {
        Self { parent_id: SpanId::new(parent), ..self }
    }

    fn kind(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    fn service(self, name: &str) -> Self {
        Self { local_endpoint: Some(endpoint(name)), ..self }
    }

    fn remote(self, name: &str) -> Self {
        Self { remote_endpoint: Some(endpoint(name)), ..self }
    }

    fn at(self, timestamp_us: u64) -> Self {
        Self { timestamp_us: Some(timestamp_us), ..self }
    }

    fn lasting(self, duration_us: u64) -> Self {
        Self { duration_us: Some(duration_us), ..self }
    }

    fn tag_with(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    fn note(mut self, value: &str) -> Self {
        self.annotations.push(Annotation { timestamp_us: START_US, value: value.to_owned() });
        self
    }

    fn shared(self) -> Self {
        Self { kind: Some(Kind::Server), shared: true, ..self }
    }
}

/// Steps that make a query one line long.
pub trait Ask: Sized {
    /// Asks for a remote service.
    fn and_remote(self, name: &str) -> Self;
    /// Asks for a span name.
    fn and_name(self, name: &str) -> Self;
    /// Asks for an annotation value or a tag key.
    fn and_has(self, text: &str) -> Self;
    /// Asks for a tag.
    fn and_tag(self, key: &str, value: &str) -> Self;
    /// Asks for durations.
    fn and_lasting(self, min_us: u64, max_us: Option<u64>) -> Self;
    /// Asks for a condition.
    fn and(self, condition: Condition) -> Self;
    /// Sets the limit.
    fn at_most(self, limit: usize) -> Self;
    /// Sets the order.
    fn by(self, order: Order) -> Self;
    /// Sets the window by its first and last millisecond.
    fn between_ms(self, start_ms: u64, end_ms: u64) -> Self;
}

impl Ask for Query {
    fn and_remote(self, name: &str) -> Self {
        Self { remote_service_name: Some(name.to_owned()), ..self }
    }

    fn and_name(self, name: &str) -> Self {
        Self { span_name: Some(name.to_owned()), ..self }
    }

    fn and_has(self, text: &str) -> Self {
        self.and(Condition::Has(text.to_owned()))
    }

    fn and_tag(self, key: &str, value: &str) -> Self {
        self.and(Condition::Tag(key.to_owned(), value.to_owned()))
    }

    fn and_lasting(self, min_us: u64, max_us: Option<u64>) -> Self {
        Self { duration_min_us: min_us, duration_max_us: max_us, ..self }
    }

    fn and(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    fn at_most(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    fn by(self, order: Order) -> Self {
        Self { order, ..self }
    }

    fn between_ms(self, start_ms: u64, end_ms: u64) -> Self {
        Self { window: Window { end_ms, lookback_ms: end_ms - start_ms }, ..self }
    }
}

fn endpoint(name: &str) -> Endpoint {
    Endpoint { service_name: Some(name.to_owned()), ..Endpoint::default() }
}
