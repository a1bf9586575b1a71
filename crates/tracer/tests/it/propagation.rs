//! Formats of headers: which is believed, what is passed on, and that none does harm.

use proptest::prelude::*;
use tracer::{Caller, Carried, Config, Destination, Encoding, Propagation, TraceContext, Tracer};

use crate::sink::config;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const B3: &str = "463ac35c9f6413ad-a2fb4a1d1a96d312-1";

fn tracer(formats: &str) -> Tracer {
    Tracer::new(Config { propagation: Propagation::parse(formats).unwrap(), ..config(1) })
}

type Headers<'a> = &'a [(&'a str, &'a str)];

fn get<'a>(headers: Headers<'a>) -> impl Fn(&'static str) -> Option<&'a str> {
    |name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn joined(formats: &str, headers: Headers<'_>) -> TraceContext {
    let tracer = tracer(formats);
    tracer.join_or_start(tracer.extract(get(headers)).caller)
}

/// What a call made from within a request says.
fn passed_on(formats: &str, headers: Headers<'_>) -> Vec<(String, String)> {
    let tracer = tracer(formats);
    let incoming = tracer.extract(get(headers));
    let child = tracer.child(&tracer.join_or_start(incoming.caller));
    let mut written = Vec::new();
    tracer.inject(&child, incoming.carried.as_deref(), |name, value| {
        written.push((name.to_owned(), value.to_owned()));
    });
    written
}

fn names(written: &[(String, String)]) -> Vec<&str> {
    written.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_first_format_with_ids_is_believed() {
    let both = [("b3", B3), ("traceparent", PARENT)];
    assert_eq!(joined("b3multi,tracecontext", &both).trace_id.to_string(), "463ac35c9f6413ad");
    assert_eq!(joined("tracecontext,b3", &both).trace_id.to_string(), TRACE);
    assert_eq!(joined("tracecontext,b3", &both[..1]).trace_id.to_string(), "463ac35c9f6413ad");
    assert_eq!(joined("b3,tracecontext", &[("b3", "x-y"), both[1]]).trace_id.to_string(), TRACE);
    assert!(!joined("baggage", &both).shared);
    // A decision without ids holds only where there are no ids at all.
    assert!(joined("b3,tracecontext", &[("b3", "0"), both[1]]).sampled);
    assert!(!joined("tracecontext,b3", &[("b3", "0"), ("traceparent", "00-x")]).sampled);
}

#[test]
fn the_single_header_wins_over_many_and_either_is_read() {
    let many = [("X-B3-TraceId", "1f"), ("X-B3-SpanId", "2f"), ("X-B3-Sampled", "0")];
    for formats in ["b3", "b3multi"] {
        assert_eq!(joined(formats, &many).trace_id.get(), 0x1f);
        let all: Vec<_> = many.into_iter().chain([("b3", B3)]).collect();
        assert_eq!(joined(formats, &all).trace_id.to_string(), "463ac35c9f6413ad");
        let bad: Vec<_> = many.into_iter().chain([("b3", "nonsense")]).collect();
        assert_eq!(joined(formats, &bad).trace_id.get(), 0x1f);
    }
}

#[test]
fn a_span_under_a_traceparent_is_its_own() {
    for (flags, sampled) in [("01", true), ("00", false)] {
        let context = joined("tracecontext", &[("traceparent", &format!("{}{flags}", &PARENT[..53]))]);
        assert_eq!(context.trace_id.to_string(), TRACE);
        assert_eq!(context.parent_id.unwrap().to_string(), "b7ad6b7169203331");
        assert_ne!(context.span_id.to_string(), "b7ad6b7169203331");
        assert_eq!((context.sampled, context.debug, context.shared), (sampled, false, false));
    }
}

#[test]
fn no_span_id_is_shared_with_a_collector_that_knows_no_shared_ids() {
    let destination = Destination::parse("http://127.0.0.1:1", Encoding::Otlp).unwrap();
    let tracer = Tracer::new(Config { destination, ..config(1) });
    let context = tracer.join_or_start(tracer.extract(get(&[("b3", B3)])).caller);
    assert_eq!(context.parent_id.unwrap().to_string(), "a2fb4a1d1a96d312");
    assert!(!context.shared && context.span_id.to_string() != "a2fb4a1d1a96d312");
}

#[test]
fn all_formats_are_written_in_order() {
    let headers = [("traceparent", PARENT), ("tracestate", "a=1,b=2"), ("baggage", "user=alice")];
    let written = passed_on("b3,b3multi,tracecontext,baggage", &headers);
    let expected = [
        "b3",
        "X-B3-TraceId",
        "X-B3-SpanId",
        "X-B3-ParentSpanId",
        "X-B3-Sampled",
        "traceparent",
        "tracestate",
        "baggage",
    ];
    assert_eq!(names(&written), expected);
    assert!(written.contains(&("tracestate".into(), "a=1,b=2".into())));
    assert!(written.contains(&("baggage".into(), "user=alice".into())));
    let (_, traceparent) = &written[5];
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")) && traceparent.ends_with("-01"));
    assert_eq!(passed_on("none", &headers), []);
    assert!(Propagation::parse("b3,jaeger").is_err());
}

#[test]
fn tracestate_belongs_to_its_trace_and_baggage_to_the_request() {
    let state = [("tracestate", "a=1"), ("baggage", "user=alice")];
    let with = |more: &[(&'static str, &'static str)]| {
        let headers: Vec<_> = state.into_iter().chain(more.iter().copied()).collect();
        names(&passed_on("b3,tracecontext,baggage", &headers))
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(with(&[]), ["b3", "traceparent", "baggage"]);
    assert_eq!(with(&[("traceparent", "00-bad")]), ["b3", "traceparent", "baggage"]);
    assert_eq!(with(&[("traceparent", PARENT), ("b3", B3)]), ["b3", "traceparent", "baggage"]);
    assert_eq!(with(&[("traceparent", PARENT)]), ["b3", "traceparent", "tracestate", "baggage"]);
    let same = "0af7651916cd43dd8448eb211c80319c-a2fb4a1d1a96d312-1";
    assert_eq!(
        with(&[("traceparent", PARENT), ("b3", same)]),
        ["b3", "traceparent", "tracestate", "baggage"]
    );
}

#[test]
fn forwarded_headers_are_replaced_by_those_that_are_written() {
    let tracer = tracer("b3multi,tracecontext,baggage");
    for name in ["b3", "B3", "x-b3-traceid", "X-B3-Flags", "TraceParent", "tracestate"] {
        assert!(tracer.replaces(name.as_bytes()), "{name}");
    }
    for name in ["baggage", "x-b3", "host", ""] {
        assert!(!tracer.replaces(name.as_bytes()), "{name}");
    }
    assert!(!self::tracer("tracecontext").replaces(b"X-B3-TraceId"));
}

proptest! {
    #[test]
    fn hostile_headers_neither_harm_nor_leak(values in proptest::collection::vec("\\PC{0,80}|[0-9a-f-]{0,60}|[01d]", 9)) {
        const NAMES: [&str; 9] = [
            "b3", "X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags", "traceparent",
            "tracestate", "baggage",
        ];
        let headers: Vec<_> = NAMES.into_iter().zip(values.iter().map(String::as_str)).collect();
        for formats in ["b3,tracecontext,baggage", "tracecontext,b3multi,baggage"] {
            for (name, value) in passed_on(formats, &headers) {
                prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t'), "{name}: {value:?}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read(formats in "(b3|b3multi|tracecontext)", sampled: bool, debug: bool, baggage in proptest::option::of("[a-z=,]{1,20}")) {
        let tracer = tracer(&format!("{formats},baggage"));
        let decision = Caller::Decision { sampled: sampled || debug, debug: debug && formats != "tracecontext" };
        let child = tracer.child(&tracer.join_or_start(decision));
        let carried = Carried { baggage, ..Carried::default() };
        let mut written = Vec::new();
        tracer.inject(&child, Some(&carried), |name, value| written.push((name, value.to_owned())));
        let incoming = tracer.extract(|name| written.iter().find(|(known, _)| *known == name).map(|(_, value)| value));
        let context = tracer.join_or_start(incoming.caller);
        prop_assert_eq!(context.trace_id, child.trace_id);
        prop_assert_eq!((context.sampled, context.debug), (child.sampled, child.debug));
        let parent = if formats == "tracecontext" { context.parent_id } else { Some(context.span_id) };
        prop_assert_eq!(parent, Some(child.span_id));
        prop_assert_eq!(incoming.carried.map(|carried| (*carried).clone()).unwrap_or_default(), carried);
    }
}
