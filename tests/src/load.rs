//! Spans whose every field follows from their number, so that any process can say what must be there.

use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};

/// Spans of one trace. Odd, so that a trace does not fill pages evenly.
pub const SPANS_PER_TRACE: u64 = 7;

/// Returns the id of trace `number`; neighbours are far apart, as real ids are.
pub fn trace_id(number: u64) -> TraceId {
    let scattered = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    TraceId::new(scattered | 1).expect("an odd number is not zero")
}

/// Returns all spans of trace `number`, in normal form.
pub fn trace(number: u64) -> Vec<Span> {
    (0..SPANS_PER_TRACE).map(|index| span(number, index)).collect()
}

fn span(number: u64, index: u64) -> Span {
    let id = |index: u64| SpanId::new((number << 8 | (index + 1)).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let start_us = 1_700_000_000_000_000 + number * 1_000;
    let endpoint = Endpoint {
        service_name: Some(format!("service-{}", index % 3)),
        ipv4: Some([10, 0, 0, index as u8].into()),
        ipv6: None,
        port: Some(8000 + index as u16),
    };
    Span {
        parent_id: index.checked_sub(1).and_then(id),
        kind: Some(if index.is_multiple_of(2) { Kind::Server } else { Kind::Client }),
        name: Some(format!("get /{}", number % 50)),
        timestamp_us: Some(start_us + index),
        duration_us: Some(10_000 - index),
        local_endpoint: Some(endpoint),
        annotations: vec![Annotation { timestamp_us: start_us + index + 1, value: format!("step {index}") }],
        tags: vec![("http.path".into(), format!("/orders/{number}/{index}")), ("worker".into(), "ü".into())],
        ..Span::new(trace_id(number), id(index).expect("an odd factor keeps it from zero"))
    }
}
