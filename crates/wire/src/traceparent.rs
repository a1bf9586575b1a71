//! W3C Trace Context: `traceparent`, and what travels beside it unread, `tracestate` and `baggage`.
//!
//! Rules: <https://www.w3.org/TR/trace-context/> and <https://www.w3.org/TR/baggage/>.

use std::fmt::Write;

use model::id::{SpanId, TraceId, lower_hex};

/// Names trace and parent: `00-{trace id}-{parent id}-{flags}`.
pub const TRACEPARENT: &str = "traceparent";
/// What other tracers add to the trace; passed on unread.
pub const TRACESTATE: &str = "tracestate";
/// What the application adds to the trace; passed on unread.
pub const BAGGAGE: &str = "baggage";

/// Longest `tracestate` that is passed on: at least 512 must be, and headers have an end somewhere.
const TRACESTATE_BYTES_MAX: usize = 1 << 10;
/// Longest `baggage` that is passed on, which is what must be.
const BAGGAGE_BYTES_MAX: usize = 8 << 10;
/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;
/// The bit of the flags that says that the caller may have recorded.
const SAMPLED: u128 = 1;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The trace.
    pub trace_id: TraceId,
    /// The caller's span: parent of ours.
    pub span_id: SpanId,
    /// Whether the caller records.
    pub sampled: bool,
}

/// Reads the header's value; nothing unless it is one.
pub fn extract(value: &str) -> Option<Parent> {
    let bytes = value.as_bytes();
    let version = lower_hex(bytes.get(..2)?, 2).ok()?;
    // Later versions may append fields, and keep these.
    let ends_right = match version {
        0 => bytes.len() == LENGTH,
        0xff => false,
        _ => matches!(bytes.get(LENGTH), None | Some(b'-')),
    };
    let dashes = [2, 35, 52].into_iter().all(|at| bytes.get(at) == Some(&b'-'));
    if !ends_right || !dashes {
        return None;
    }
    let trace_id = TraceId::new(lower_hex(bytes.get(3..35)?, 32).ok()?)?;
    let span_id = SpanId::new(lower_hex(bytes.get(36..52)?, 16).ok()? as u64)?;
    let flags = lower_hex(bytes.get(53..LENGTH)?, 2).ok()?;
    Some(Parent { trace_id, span_id, sampled: flags & SAMPLED != 0 })
}

/// Returns the header's value that passes this on. 64-bit trace ids are padded with zeros.
pub fn inject(parent: &Parent) -> String {
    let mut value = String::with_capacity(LENGTH);
    let flags = u8::from(parent.sampled);
    // Writing to a String cannot fail.
    let _ = write!(value, "00-{:032x}-{}-{flags:02x}", parent.trace_id.get(), parent.span_id);
    value
}

/// Says whether a `tracestate` may be passed on: not too long, and nothing that could end a header.
pub fn passes_tracestate(value: &str) -> bool {
    passes(value, TRACESTATE_BYTES_MAX)
}

/// Says whether a `baggage` may be passed on: not too long, and nothing that could end a header.
pub fn passes_baggage(value: &str) -> bool {
    passes(value, BAGGAGE_BYTES_MAX)
}

fn passes(value: &str, bytes_max: usize) -> bool {
    let printable = |byte: u8| matches!(byte, b' '..=b'~' | b'\t');
    !value.is_empty() && value.len() <= bytes_max && value.bytes().all(printable)
}
