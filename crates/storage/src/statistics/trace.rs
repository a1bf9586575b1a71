//! What one whole trace adds to the figures: the reference meaning for every store.

use model::links;
use model::merge::merge;
use model::span::Span;
use model::tree::{Rules, Tree};

use crate::facts::Facts;
use crate::statistics::table::KeyRef;

/// Microseconds of a minute.
pub const MINUTE_US: u64 = 60_000_000;

/// Calls for everything that a trace counts: minute, key, whether it failed, and its duration. Reports may be partial
/// and repeated; a trace without any timestamp counts nothing, as no search finds it either.
pub fn of_trace(trace: &[Span], count: &mut impl FnMut(u64, KeyRef<'_>, bool, Option<u64>)) {
    let Some(trace_us) = Facts::of(trace).timestamp_us() else { return };
    let tree = Tree::build(trace, Rules::Zipkin);
    for call in links::calls_in(&tree) {
        let key = KeyRef::Link { parent: &call.link.parent, child: &call.link.child };
        count(trace_us / MINUTE_US, key, call.link.error_count > 0, call.duration_us);
    }
    // Spans that are their own ancestors are in no tree, but they ran all the same.
    let circles = if tree.unreached > 0 { merge(trace) } else { Vec::new() };
    let placed = tree.nodes.iter().filter_map(|node| node.span.as_ref()).filter(|_| circles.is_empty());
    for span in placed.chain(&circles) {
        let Some(service_name) = span.local_service() else { continue };
        let key = KeyRef::Operation {
            service_name,
            span_name: span.name.as_deref().unwrap_or_default(),
            remote_service_name: span.remote_service(),
            kind: span.kind,
        };
        // The server half of a call may leave its start to the client half.
        let start_us = span.timestamp_us.unwrap_or(trace_us);
        count(start_us / MINUTE_US, key, span.tag("error").is_some(), span.duration_us);
    }
}
