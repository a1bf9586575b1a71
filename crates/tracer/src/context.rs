//! What is passed on from span to span, within a process and between processes.

use model::id::{SpanId, TraceId};
use wire::b3;

/// A place in a trace, with or without a span recorded there: unsampled requests pass it on as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span at this place.
    pub span_id: SpanId,
    /// The span that caused it.
    pub parent_id: Option<SpanId>,
    /// Whether spans are recorded. Always true with `debug`.
    pub sampled: bool,
    /// Whether the trace must be kept whatever any sampler says.
    pub debug: bool,
    /// Whether the span id was made by the client, whose half has the same.
    pub shared: bool,
}

impl TraceContext {
    pub(crate) fn as_b3(&self) -> b3::Context {
        b3::Context {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_id: self.parent_id,
            sampled: Some(self.sampled),
            debug: self.debug,
        }
    }
}
