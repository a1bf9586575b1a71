//! Requests of a front and two services below it, made slow in one place.

use model::endpoint::Endpoint;
use model::id::SpanId;
use model::span::Kind;

use super::*;

/// A request whose front takes 10 ms itself and calls a, then b.
fn request(number: u64, a_ms: u64, b_ms: u64) -> Vec<Span> {
    let start_us = 1_760_000_000_000_000 + number * 10_000_000;
    let span = |id: u64, at_ms: u64, ms: u64, service: &str| {
        let mut span =
            Span::new(TraceId::from_halves(0, number + 1).expect("id"), SpanId::new(id).expect("id"));
        span.parent_id = (id > 1).then(|| SpanId::new(1)).flatten();
        span.kind = Some(Kind::Server);
        span.timestamp_us = Some(start_us + at_ms * 1_000);
        span.duration_us = Some(ms * 1_000);
        span.local_endpoint =
            Some(Endpoint { service_name: Some(service.to_owned()), ..Endpoint::default() });
        span
    };
    vec![span(1, 0, 10 + a_ms + b_ms, "front"), span(2, 5, a_ms, "a"), span(3, 5 + a_ms, b_ms, "b")]
}

#[test]
fn the_service_that_grew_is_named_not_the_largest() {
    // b takes most of every request, but a is what grew.
    let mut traces: Vec<_> = (0..18).map(|number| request(number, 5, 190)).collect();
    traces.push(request(18, 180, 200));
    traces.push(request(19, 240, 185));
    // Slower than the usual, but not slow.
    traces.push(request(20, 5, 270));
    let blame = who(&traces).expect("some are slow");
    // 205 ms usually: twice that is 410.
    assert_eq!(blame.service, "a");
    assert_eq!(blame.slow, 1);
    assert_eq!(blame.trace_id.low(), 20);
    assert_eq!((blame.own_us, blame.own_usual_us), (240_000, 5_000));
    assert_eq!((blame.duration_us, blame.duration_usual_us), (435_000, 205_000));
}

#[test]
fn each_slow_request_counts_once() {
    let mut traces: Vec<_> = (0..10).map(|number| request(number, 5, 5)).collect();
    traces.push(request(10, 200, 5));
    traces.push(request(11, 230, 6));
    let blame = who(&traces).expect("some are slow");
    assert_eq!((blame.service.as_str(), blame.slow, blame.trace_id.low()), ("a", 2, 12));
}

#[test]
fn nobody_is_to_blame_when_nothing_is_slow() {
    assert_eq!(who(&[request(0, 5, 5), request(1, 6, 4), request(2, 7, 90)]), None);
    assert_eq!(who(&[]), None);
}

#[test]
fn kinds_are_not_compared_with_each_other() {
    let short = |number| request(number, 5, 5).into_iter().take(2).collect::<Vec<_>>();
    let mut traces: Vec<_> = (0..9).map(short).collect();
    traces.extend((10..19).map(|number| request(number, 100, 200)));
    assert_eq!(who(&traces), None);
}
