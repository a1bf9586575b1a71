//! Makes one span of every span, however often and in however many parts it was reported.
//!
//! The rules are Zipkin's: openzipkin/zipkin `zipkin2.internal.Trace.merge`.

use std::cmp::Ordering;

use crate::draft::{java_order, sort_tags};
use crate::endpoint::Endpoint;
use crate::span::{Kind, Span};

/// Returns each span of a trace once, sorted by id, client halves before the server halves that share it.
pub fn merge(reported: &[Span]) -> Vec<Span> {
    let mut sorted = reported.to_vec();
    sorted.sort_by(in_order);
    // Some reporters cut the id of the trace to 64 bits; the first long one is everybody's.
    let trace_id = sorted.iter().map(|span| span.trace_id).find(|id| id.high() != 0);
    let mut merged: Vec<Span> = Vec::with_capacity(sorted.len());
    for mut span in sorted {
        span.trace_id = trace_id.filter(|_| span.trace_id.high() == 0).unwrap_or(span.trace_id);
        match merged.last_mut() {
            Some(last) if same_span(last, &span) => absorb(last, span),
            _ => merged.push(span),
        }
    }
    for i in 0..merged.len() {
        // Only here, once: a span may have come in very many parts.
        merged[i].annotations.sort_unstable();
        merged[i].annotations.dedup();
        sort_tags(&mut merged[i].tags);
        if i > 0 && merged[i - 1].id == merged[i].id {
            let (before, rest) = merged.split_at_mut(i);
            complete_half(&before[i - 1], &mut rest[0]);
        }
    }
    merged
}

/// By id; not shared before shared; of the not shared, clients first; then by who recorded it.
fn in_order(a: &Span, b: &Span) -> Ordering {
    let half = |span: &Span| match (span.shared, span.kind) {
        (true, _) => 2,
        (false, Some(Kind::Client)) => 0,
        (false, _) => 1,
    };
    a.id.cmp(&b.id)
        .then_with(|| half(a).cmp(&half(b)))
        .then_with(|| endpoint_order(a.local_endpoint.as_ref(), b.local_endpoint.as_ref()))
}

/// Spans without endpoint come first, so that their data go to the first span with one. Inside an endpoint what
/// is unknown comes last. Addresses compare as text, as they do in Zipkin.
fn endpoint_order(a: Option<&Endpoint>, b: Option<&Endpoint>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return a.is_some().cmp(&b.is_some()) };
    unknown_last(a.service_name.as_ref(), b.service_name.as_ref(), |a, b| java_order(a, b))
        .then_with(|| unknown_last(a.ipv4, b.ipv4, |a, b| a.to_string().cmp(&b.to_string())))
        .then_with(|| unknown_last(a.ipv6, b.ipv6, |a, b| a.to_string().cmp(&b.to_string())))
}

fn unknown_last<T>(a: Option<T>, b: Option<T>, compare: impl Fn(T, T) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

fn same_span(a: &Span, b: &Span) -> bool {
    a.id == b.id
        && a.shared == b.shared
        && match (&a.local_endpoint, &b.local_endpoint) {
            (Some(a), Some(b)) => {
                a.same_host(b) && (a.port == b.port || a.port.is_none() || b.port.is_none())
            }
            _ => true,
        }
}

/// The first value wins, endpoints fill each other's gaps, annotations and tags are appended.
fn absorb(into: &mut Span, part: Span) {
    into.parent_id = into.parent_id.or(part.parent_id);
    into.kind = into.kind.or(part.kind);
    into.name = into.name.take().or(part.name);
    into.timestamp_us = into.timestamp_us.or(part.timestamp_us);
    into.duration_us = into.duration_us.or(part.duration_us);
    fill(&mut into.local_endpoint, part.local_endpoint);
    fill(&mut into.remote_endpoint, part.remote_endpoint);
    into.annotations.extend(part.annotations);
    into.tags.extend(part.tags);
    into.debug |= part.debug;
}

fn fill(into: &mut Option<Endpoint>, part: Option<Endpoint>) {
    match (into.as_mut(), part) {
        (Some(into), Some(part)) => {
            into.service_name = into.service_name.take().or(part.service_name);
            into.ipv4 = into.ipv4.or(part.ipv4);
            into.ipv6 = into.ipv6.or(part.ipv6);
            into.port = into.port.or(part.port);
        }
        (None, part) => *into = part,
        (Some(_), None) => {}
    }
}

/// Not every tracer marks the server half as shared, or knows the parent of the half it was told of.
fn complete_half(before: &Span, span: &mut Span) {
    span.shared |= before.kind == Some(Kind::Client) && span.kind == Some(Kind::Server);
    if span.shared {
        span.parent_id = span.parent_id.or(before.parent_id);
    }
}
