//! What is recorded is what arrives, within the limits of a span.

use std::sync::Arc;
use std::time::Duration;

use model::endpoint::Endpoint;
use model::span::{Annotation, Span};
use tracer::{ActiveSpan, Kind, SpanId, Stats, TraceContext, TraceId, now_us};

use crate::sink::{Behaviour, LONG, Sink, local, tracer};

const START_US: u64 = 1_700_000_000_000_000;

fn context() -> TraceContext {
    TraceContext {
        trace_id: TraceId::new(0xf000_0000_0000_0001_8000_0000_0000_0002).unwrap(),
        span_id: SpanId::new(0x8000_0000_0000_0003).unwrap(),
        parent_id: SpanId::new(4),
        sampled: true,
        debug: false,
        shared: false,
    }
}

/// Records a span, sends it, and returns what the collector made of it, and the counters.
fn sent(context: TraceContext, kind: Option<Kind>, change: impl FnOnce(&mut ActiveSpan)) -> (Span, Stats) {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = tracer(sink.port);
    let mut span = tracer.start(context, kind, "GET", &local()).unwrap();
    span.start_at(START_US);
    span.finish_at(START_US + 1500);
    change(&mut span);
    tracer.finish(span);
    assert!(tracer.flush(LONG));
    let spans = sink.seen().spans;
    assert_eq!(spans.len(), 1);
    (spans[0].clone(), tracer.stats())
}

/// What a collector should make of a span without additions.
fn plain(context: TraceContext, kind: Option<Kind>) -> Span {
    Span {
        parent_id: context.parent_id,
        kind,
        name: Some("get".into()),
        timestamp_us: Some(START_US),
        duration_us: Some(1500),
        local_endpoint: Some(Endpoint::clone(&local())),
        ..Span::new(context.trace_id, context.span_id)
    }
}

#[test]
fn every_kind_arrives_as_it_was_recorded() {
    for kind in [Some(Kind::Client), Some(Kind::Server), Some(Kind::Producer), Some(Kind::Consumer), None] {
        let (span, _) = sent(context(), kind, |_| ());
        assert_eq!(span, plain(context(), kind));
    }
}

#[test]
fn a_joined_span_is_shared() {
    let joined = TraceContext { shared: true, ..context() };
    let (span, _) = sent(joined, Some(Kind::Server), |_| ());
    assert_eq!(span, Span { shared: true, ..plain(joined, Some(Kind::Server)) });
}

#[test]
fn debug_is_kept() {
    let debug = TraceContext { debug: true, ..context() };
    let (span, _) = sent(debug, Some(Kind::Client), |_| ());
    assert_eq!(span, Span { debug: true, ..plain(debug, Some(Kind::Client)) });
}

#[test]
fn tags_annotations_errors_and_endpoints_arrive() {
    let remote = Endpoint {
        service_name: Some("db".into()),
        ipv6: Some("2001:db8::1".parse().unwrap()),
        port: Some(5432),
        ..Endpoint::default()
    };
    let other = Arc::new(Endpoint { service_name: Some("other".into()), ..Endpoint::default() });
    let (span, _) = sent(context(), Some(Kind::Client), |span| {
        span.set_name("POST");
        span.tag("http.path", "/\u{fc}");
        span.tag("n", "1");
        span.tag("n", "2");
        span.annotate(START_US + 2, "second");
        span.annotate(START_US + 1, "first");
        span.set_error("boom");
        span.set_remote(remote.clone());
        span.set_local(&other);
    });
    let annotation = |after, value: &str| Annotation { timestamp_us: START_US + after, value: value.into() };
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        span,
        Span {
            name: Some("post".into()),
            local_endpoint: Some(Endpoint::clone(&other)),
            remote_endpoint: Some(remote),
            annotations: vec![annotation(1, "first"), annotation(2, "second")],
            tags: vec![tag("error", "boom"), tag("http.path", "/\u{fc}"), tag("n", "2")],
            ..plain(context(), Some(Kind::Client))
        }
    );
}

#[test]
fn time_passes_on_the_span_s_own_clock() {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = tracer(sink.port);
    let before = now_us();
    let span = tracer.start(context(), None, "work", &local()).unwrap();
    let deadline = span.now_us() + 2000;
    while span.now_us() < deadline {}
    tracer.finish(span);
    // Too short to measure: a duration of zero would mean none.
    let mut instant = tracer.start(context(), None, "instant", &local()).unwrap();
    instant.start_at(before);
    instant.finish_at(before);
    tracer.finish(instant);
    assert!(tracer.flush(LONG));
    let spans = sink.seen().spans;
    let (timestamp_us, duration_us) = (spans[0].timestamp_us.unwrap(), spans[0].duration_us.unwrap());
    assert!(timestamp_us >= before && duration_us >= 2000);
    assert!(timestamp_us + duration_us <= now_us() + Duration::from_secs(1).as_micros() as u64);
    assert_eq!(spans[1].duration_us, Some(1));
}

#[test]
fn a_span_keeps_so_many_annotations_and_tags() {
    let (span, stats) = sent(context(), None, |span| {
        for number in 0..300 {
            span.annotate(START_US + number, "again");
            span.tag(format!("key{number}"), "");
        }
        span.tag("key0", "changed");
        span.set_error("last");
    });
    assert_eq!(span.annotations.len(), 256);
    assert_eq!(span.tags.len(), 129);
    assert_eq!(span.tag("key0"), Some("changed"));
    assert_eq!(span.tag("error"), Some("last"), "an error is never crowded out");
    assert_eq!(stats.discarded, 44 + 172);
}

#[test]
fn a_span_keeps_so_many_bytes_of_text() {
    let long = "\u{fc}".repeat(20_000);
    let (span, stats) = sent(context(), None, |span| {
        span.set_name(long.clone());
        span.set_name("GET");
        for key in ["a", "b", "c", "d", "e"] {
            span.tag(key, long.clone());
        }
        span.tag("fill", "x".repeat(16_000));
        span.annotate(START_US, long.clone());
        span.set_error(long.clone());
        span.tag("small", "no room for this");
    });
    let kept: Vec<_> = span.tags.iter().map(|(key, value)| (key.as_str(), value.len())).collect();
    assert_eq!(kept, [("a", 16384), ("b", 16384), ("c", 16384), ("error", 1024), ("fill", 16000)]);
    assert!(span.annotations.is_empty());
    // The name, five tags, the annotation, the error, and the last tag.
    assert_eq!(stats.discarded, 9);
}
