//! B3 in its single-header form: `b3: {trace id}-{span id}-{sampling state}-{parent span id}`, the last two optional.
//!
//! Rules: <https://github.com/openzipkin/b3-propagation>, and openzipkin/brave `B3SingleFormat`.

use std::fmt::Write;

use model::id::{SpanId, TraceId};

use crate::b3::{Context, Extracted, hex};

/// The one header. HTTP knows no case; messages want it in lower case.
pub const B3: &str = "b3";

/// Reads the header's value.
pub fn extract(value: &str) -> Extracted {
    let mut parts = value.split('-');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let Some(second) = second else {
        return match (first, state(first)) {
            ("", _) => Extracted::Absent,
            (_, Some((sampled, debug))) => Extracted::Decision { sampled, debug },
            (_, None) => Extracted::Invalid,
        };
    };
    context(first, second, parts).map_or(Extracted::Invalid, Extracted::Context)
}

fn context<'a>(trace_id: &str, span_id: &str, mut rest: impl Iterator<Item = &'a str>) -> Option<Context> {
    let trace_id = hex(trace_id, 32).ok().and_then(TraceId::new)?;
    let span_id = hex(span_id, 16).ok().and_then(|id| SpanId::new(id as u64))?;
    let mut context = Context { trace_id, span_id, parent_id: None, sampled: None, debug: false };
    let Some(third) = rest.next() else { return Some(context) };
    let parent = match state(third) {
        Some((sampled, debug)) => {
            (context.sampled, context.debug) = (Some(sampled), debug);
            rest.next()
        }
        // A decision left open takes no place: what follows is the parent.
        None => Some(third),
    };
    if let Some(parent) = parent {
        let parent = hex(parent, 16).ok().filter(|_| parent.len() == 16)?;
        context.parent_id = SpanId::new(parent as u64).filter(|parent| *parent != span_id);
    }
    rest.next().is_none().then_some(context)
}

/// Returns the header's value that passes this context on.
pub fn inject(context: &Context) -> String {
    let mut value = String::with_capacity(68);
    // Writing to a String cannot fail.
    let _ = write!(value, "{}-{}", context.trace_id, context.span_id);
    match (context.debug, context.sampled) {
        (true, _) => value.push_str("-d"),
        (false, Some(true)) => value.push_str("-1"),
        (false, Some(false)) => value.push_str("-0"),
        (false, None) => {}
    }
    if let Some(parent) = context.parent_id {
        let _ = write!(value, "-{parent}");
    }
    value
}

/// Returns whether a sampling state means to record, and whether it means debug.
fn state(text: &str) -> Option<(bool, bool)> {
    match text {
        "1" => Some((true, false)),
        "0" => Some((false, false)),
        "d" => Some((true, true)),
        _ => None,
    }
}
