//! W3C Trace Context, both ways.

use model::id::{SpanId, TraceId};
use proptest::prelude::*;
use wire::traceparent::{Parent, extract, inject, passes_baggage, passes_tracestate};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

#[test]
fn values_are_read_by_the_rules() {
    let parent = |sampled| {
        let (trace_id, span_id) = (TraceId::from_lower_hex(TRACE), SpanId::from_lower_hex(SPAN));
        Some(Parent { trace_id: trace_id.unwrap(), span_id: span_id.unwrap(), sampled })
    };
    let upper = TRACE.to_uppercase();
    let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
    for (value, expected) in [
        (format!("00-{TRACE}-{SPAN}-01"), parent(true)),
        (format!("00-{TRACE}-{SPAN}-00"), parent(false)),
        // Flags that are not known yet say nothing.
        (format!("00-{TRACE}-{SPAN}-fe"), parent(false)),
        (format!("00-{TRACE}-{SPAN}-ff"), parent(true)),
        // A later version may say more, behind a dash.
        (format!("cc-{TRACE}-{SPAN}-01"), parent(true)),
        (format!("cc-{TRACE}-{SPAN}-01-more"), parent(true)),
        (format!("cc-{TRACE}-{SPAN}-01more"), None),
        (format!("00-{TRACE}-{SPAN}-01-more"), None),
        (format!("ff-{TRACE}-{SPAN}-01"), None),
        (format!("00-{upper}-{SPAN}-01"), None),
        (format!("00-{no_trace}-{SPAN}-01"), None),
        (format!("00-{TRACE}-{no_span}-01"), None),
        (format!("00-{TRACE}-{SPAN}-1"), None),
        (format!("00-{TRACE}-{SPAN}"), None),
        (format!("0-{TRACE}-{SPAN}-01"), None),
        (format!("00_{TRACE}-{SPAN}-01"), None),
        (format!("00-{TRACE}-{SPAN}-0x"), None),
        (String::new(), None),
    ] {
        assert_eq!(extract(&value), expected, "{value}");
    }
}

#[test]
fn short_trace_ids_are_padded() {
    let parent =
        Parent { trace_id: TraceId::new(0xab).unwrap(), span_id: SpanId::new(1).unwrap(), sampled: false };
    assert_eq!(inject(&parent), format!("00-{:032x}-{:016x}-00", 0xab, 1));
}

#[test]
fn what_is_passed_on_cannot_end_a_header_or_grow() {
    assert!(passes_tracestate("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"));
    assert!(passes_baggage("userId=alice;prop=1,serverNode=DF%2028"));
    for bad in ["", "a=b\r\nX-Evil: 1", "a=b\n", "a=\0", "a=é"] {
        assert!(!passes_tracestate(bad) && !passes_baggage(bad), "{bad:?}");
    }
    assert!(passes_tracestate(&"a".repeat(1 << 10)) && !passes_tracestate(&"a".repeat((1 << 10) + 1)));
    assert!(passes_baggage(&"a".repeat(8 << 10)) && !passes_baggage(&"a".repeat((8 << 10) + 1)));
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace: u128, span: u64, sampled: bool) {
        prop_assume!(trace != 0 && span != 0);
        let parent = Parent { trace_id: TraceId::new(trace).unwrap(), span_id: SpanId::new(span).unwrap(), sampled };
        prop_assert_eq!(extract(&inject(&parent)), Some(parent));
    }

    #[test]
    fn no_text_does_harm(value in "\\PC*", nearly in "[0-9a-f]{2}-[0-9a-fé]{30,34}-[0-9a-f]{15,17}-[0-9a-f]{2}.{0,3}") {
        extract(&value);
        if let Some(found) = extract(&nearly) {
            prop_assert_eq!(extract(&inject(&found)), Some(found));
        }
    }
}
