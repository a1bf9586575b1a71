//! OTLP: what becomes of each field, both readers alike, and bytes that mean harm.

use model::batch::Batch;
use model::span::{Kind, Span};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use wire::error::DecodeError;
use wire::otlp::{Rejected, answer, decode_json, decode_protobuf};

use crate::encode::proto_bytes;
use crate::otlp_encode::{self, Any, Attributes, Event, Link, Request};

type Decoder = fn(&[u8], &mut Batch) -> Result<Rejected, DecodeError>;

fn decode(decoder: Decoder, body: &[u8]) -> Result<(Vec<Span>, Rejected), DecodeError> {
    let mut batch = Batch::new();
    let rejected = decoder(body, &mut batch).inspect_err(|_| assert!(batch.is_empty()))?;
    Ok((batch.rows().map(|row| row.to_span()).collect(), rejected))
}

/// Decodes both forms of a request, which must say the same.
fn read(request: &Request) -> (Vec<Span>, Rejected) {
    let json = decode(decode_json, &otlp_encode::json(request)).unwrap();
    assert_eq!(decode(decode_protobuf, &otlp_encode::proto(request)).unwrap(), json);
    json
}

fn text(text: &str) -> Any {
    Any::Text(text.into())
}

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect()
}

fn span() -> otlp_encode::Span {
    otlp_encode::Span {
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        name: "GET /a".into(),
        start_ns: 1_544_712_660_000_000_999,
        end_ns: 1_544_712_660_000_002_233,
        ..Default::default()
    }
}

/// Reads a request of this one span.
fn one(span: otlp_encode::Span) -> Span {
    let request = Request { spans: vec![span], ..Request::default() };
    let (mut spans, rejected) = read(&request);
    assert_eq!(rejected, Rejected::default());
    spans.pop().unwrap()
}

fn tags(span: &Span) -> Vec<(&str, &str)> {
    span.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

#[test]
fn a_span_with_everything() {
    let request = Request {
        resource: attributes(&[
            ("service.name", "Front"),
            ("service.namespace", "shop"),
            ("same", "resource"),
        ]),
        scope_name: "lib".into(),
        scope_version: "1.0".into(),
        scope: attributes(&[("scoped", "yes"), ("same", "scope")]),
        spans: vec![otlp_encode::Span {
            parent_id: vec![0, 0, 0, 0, 0, 0, 0, 9],
            trace_state: "a=b".into(),
            kind: 3,
            attributes: attributes(&[("same", "span"), ("peer.service", "Back")]),
            events: vec![
                Event { time_ns: 5_999, name: "plain".into(), attributes: vec![], dropped: 0 },
                Event {
                    time_ns: 6_000,
                    name: "say \"hi\"".into(),
                    attributes: vec![("n".into(), Any::Int(1)), ("list".into(), Any::List(vec![text("x")]))],
                    dropped: 2,
                },
            ],
            links: vec![Link {
                trace_id: vec![0xab; 16],
                span_id: vec![0xcd; 8],
                trace_state: "c=d".into(),
                attributes: attributes(&[("k", "v")]),
                dropped: 1,
            }],
            dropped: [1, 2, 3],
            status: Some((2, "broken".into())),
            ..span()
        }],
    };
    let (spans, _) = read(&request);
    let span = &spans[0];
    assert_eq!(span.trace_id.to_string(), "0102030405060708090a0b0c0d0e0f10");
    assert_eq!(span.id.to_string(), "0102030405060708");
    assert_eq!(span.parent_id.unwrap().to_string(), "0000000000000009");
    assert_eq!((span.kind, span.name.as_deref()), (Some(Kind::Client), Some("get /a")));
    assert_eq!((span.timestamp_us, span.duration_us), (Some(1_544_712_660_000_000), Some(1)));
    assert_eq!((span.local_service(), span.remote_service()), (Some("front"), Some("back")));
    let annotations: Vec<_> = span.annotations.iter().map(|a| (a.timestamp_us, a.value.as_str())).collect();
    let hi = r#""say \"hi\"": {"n":1,"list":["x"],"otel.dropped_attributes_count":2}"#;
    assert_eq!(annotations, [(5, "plain"), (6, hi)]);
    let (trace, id) = ("ab".repeat(16), "cd".repeat(8));
    let link = format!(r#"{trace}|{id}|c=d|{{"k":"v"}}|1"#);
    assert_eq!(
        tags(span),
        [
            ("error", "broken"),
            ("otel.dropped_attributes_count", "1"),
            ("otel.dropped_events_count", "2"),
            ("otel.dropped_links_count", "3"),
            ("otel.library.name", "lib"),
            ("otel.library.version", "1.0"),
            ("otel.scope.name", "lib"),
            ("otel.scope.version", "1.0"),
            ("otel.status_code", "ERROR"),
            ("otlp.link.0", &link),
            ("peer.service", "Back"),
            ("same", "span"),
            ("scoped", "yes"),
            ("service.namespace", "shop"),
            ("w3c.tracestate", "a=b"),
        ]
    );
}

#[test]
fn a_span_with_next_to_nothing() {
    let span = one(span());
    assert_eq!((span.kind, span.parent_id, tags(&span)), (None, None, vec![]));
    assert_eq!((span.local_service(), &span.remote_endpoint), (Some("unknown_service"), &None));
}

#[test]
fn kinds() {
    let kinds = [
        None,
        None,
        Some(Kind::Server),
        Some(Kind::Client),
        Some(Kind::Producer),
        Some(Kind::Consumer),
        None,
    ];
    for (number, kind) in (0..).zip(kinds) {
        assert_eq!(one(otlp_encode::Span { kind: number, ..span() }).kind, kind, "{number}");
    }
    let named = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101",
        "spanId":"0101010101010101","kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_OK"}}]}]}]}"#;
    let (spans, _) = decode(decode_json, named.as_bytes()).unwrap();
    assert_eq!((spans[0].kind, tags(&spans[0])), (Some(Kind::Server), vec![("otel.status_code", "OK")]));
}

#[test]
fn times() {
    for (start_ns, end_ns, timestamp_us, duration_us) in [
        (1_000, 2_999, Some(1), Some(1)),
        (1_000, 1_000, Some(1), Some(1)),
        (1_999, 2_001, Some(1), Some(1)),
        (1_000, 3_000, Some(1), Some(2)),
        (3_000, 1_000, Some(3), None),
        (3_000, 0, Some(3), None),
        (0, 5_000, None, None),
    ] {
        let span = one(otlp_encode::Span { start_ns, end_ns, ..span() });
        assert_eq!((span.timestamp_us, span.duration_us), (timestamp_us, duration_us), "{start_ns} {end_ns}");
    }
}

#[test]
fn status_and_error() {
    for (status, own, error, code) in [
        (None, None, None, None),
        (Some((0, "x")), None, None, None),
        (Some((1, "x")), None, None, Some("OK")),
        (Some((2, "")), None, Some(""), Some("ERROR")),
        (Some((2, "bad")), Some(text("worse")), Some("bad"), Some("ERROR")),
        (Some((2, "")), Some(text("worse")), Some("worse"), Some("ERROR")),
        (Some((2, "")), Some(Any::Bool(false)), Some(""), Some("ERROR")),
        (Some((1, "")), Some(Any::Bool(false)), None, Some("OK")),
        (None, Some(text("false")), None, None),
        (None, Some(Any::Bool(true)), Some("true"), None),
    ] {
        let span = one(otlp_encode::Span {
            status: status.map(|(code, message)| (code, message.to_owned())),
            attributes: own.clone().map(|value| ("error".to_owned(), value)).into_iter().collect(),
            ..span()
        });
        assert_eq!((span.tag("error"), span.tag("otel.status_code")), (error, code), "{status:?} {own:?}");
    }
}

#[test]
fn remote_endpoints_by_their_rank() {
    let ranked = [
        "peer.service",
        "server.address",
        "net.peer.name",
        "network.peer.address",
        "server.socket.domain",
        "server.socket.address",
        "net.sock.peer.name",
        "net.sock.peer.addr",
        "peer.hostname",
        "peer.address",
        "db.name",
    ];
    for (first, name) in ranked.into_iter().enumerate() {
        // The worst first, so that order decides nothing.
        let pairs: Vec<_> = ranked[first..].iter().rev().map(|name| (*name, *name)).collect();
        for (kind, wanted) in [(3, Some(name)), (4, Some(name)), (2, None), (5, None), (1, None), (0, None)] {
            let span = one(otlp_encode::Span { kind, attributes: attributes(&pairs), ..span() });
            let wanted = wanted.or((first == 0).then_some(name));
            assert_eq!(span.remote_service(), wanted, "{name} {kind}");
            assert_eq!(span.tags.len(), pairs.len());
        }
    }
}

#[test]
fn addresses_and_ports() {
    let one = |kind, pairs: &[(&str, &str)]| {
        one(otlp_encode::Span { kind, attributes: attributes(pairs), ..span() })
    };
    for (pairs, name, ip, port) in [
        (
            &[("network.peer.address", "10.0.0.1"), ("network.peer.port", "80")][..],
            "10.0.0.1",
            Some("10.0.0.1"),
            Some(80),
        ),
        (&[("network.peer.address", "/tmp/socket")], "/tmp/socket", None, None),
        (&[("server.address", "db"), ("server.port", "5432")], "db", None, Some(5432)),
        (
            &[
                ("peer.service", "db"),
                ("server.port", "1"),
                ("net.sock.peer.addr", "10.0.0.2"),
                ("net.sock.peer.port", "2"),
            ],
            "db",
            Some("10.0.0.2"),
            Some(2),
        ),
        (&[("peer.service", "db"), ("server.port", "70000")], "db", None, None),
        (&[("peer.service", "db"), ("server.port", "0")], "db", None, None),
    ] {
        let remote = one(3, pairs).remote_endpoint.unwrap();
        assert_eq!(remote.service_name.as_deref(), Some(name));
        assert_eq!(remote.ipv4.map(|ip| ip.to_string()).as_deref(), ip, "{pairs:?}");
        assert_eq!(remote.port, port, "{pairs:?}");
    }
    let local =
        one(2, &[("network.local.address", "::1"), ("network.local.port", "8080")]).local_endpoint.unwrap();
    assert_eq!((local.ipv6.map(|ip| ip.to_string()).as_deref(), local.port), (Some("::1"), Some(8080)));
}

#[test]
fn values_as_text() {
    let map = Any::Map(vec![("a".into(), Any::Double(f64::NEG_INFINITY)), ("b".into(), Any::Empty)]);
    let list = vec![
        Any::Int(1),
        Any::Double(1.0),
        text("\"a\""),
        Any::Bool(true),
        Any::Bytes(b"hello".to_vec()),
        map,
    ];
    for (value, shown) in [
        (Any::Empty, ""),
        (text("as it is \"\n"), "as it is \"\n"),
        (Any::Bool(true), "true"),
        (Any::Int(i64::MIN), "-9223372036854775808"),
        (Any::Double(2.71), "2.71"),
        (Any::Double(1e300), "1e300"),
        (Any::Double(f64::NAN), "NaN"),
        (Any::Double(f64::INFINITY), "Infinity"),
        (Any::Bytes(b"hello world".to_vec()), "aGVsbG8gd29ybGQ="),
        (Any::List(vec![]), "[]"),
        (Any::Map(vec![]), "{}"),
        (Any::List(list), r#"[1,1.0,"\"a\"",true,"aGVsbG8=",{"a":"-Infinity","b":null}]"#),
    ] {
        let span = one(otlp_encode::Span { attributes: vec![("k".into(), value.clone())], ..span() });
        assert_eq!(span.tag("k"), Some(shown), "{value:?}");
    }
}

#[test]
fn spans_with_bad_ids_are_left_out_and_counted() {
    let bad = |trace_id: usize, span_id: usize, parent_id: usize| otlp_encode::Span {
        trace_id: vec![1; trace_id],
        span_id: vec![1; span_id],
        parent_id: vec![1; parent_id],
        ..span()
    };
    let zeros = otlp_encode::Span { trace_id: vec![0; 16], ..span() };
    let bad = [bad(8, 8, 0), bad(16, 16, 0), bad(16, 8, 4), bad(0, 8, 0), bad(16, 0, 0), zeros];
    for bad in &bad {
        let (spans, rejected) =
            read(&Request { spans: vec![span(), bad.clone(), span()], ..Request::default() });
        assert_eq!((spans.len(), rejected.spans), (2, 1), "{bad:?}");
        assert!(rejected.why.contains("id has to be"), "{}", rejected.why);
    }
    let (spans, rejected) = read(&Request { spans: bad.to_vec(), ..Request::default() });
    assert_eq!((spans.len(), rejected.spans), (0, 6));
    assert_eq!(rejected.why, "a trace id has to be 16 bytes (32 hexadecimal digits in JSON), not all zeros");
    // No parent at all is written in two ways.
    let no_parent = otlp_encode::Span { parent_id: vec![0; 8], ..span() };
    assert_eq!(one(no_parent).parent_id, None);
}

#[test]
fn the_example_of_the_specification() {
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
        "scopeSpans": [{
            "scope": {"name": "my.library", "version": "1.0.0"},
            "spans": [{
                "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
                "parentSpanId": "EEE19B7EC3C1B173", "name": "I'm a server span",
                "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1_544_712_661_000_000_000u64,
                "kind": 2, "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
                "unknown": {"deep": [1, {"x": null}]},
            }],
        }],
    }]});
    let (spans, _) = decode(decode_json, body.to_string().as_bytes()).unwrap();
    assert_eq!(spans[0].trace_id.to_string(), "5b8efff798038103d269b633813fc60c");
    assert_eq!((spans[0].duration_us, spans[0].local_service()), (Some(1_000_000), Some("my.service")));
}

#[test]
fn requests_without_spans() {
    for body in
        ["", "{}", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":null}"#, r#"{"resourceSpans":[{}]}"#]
    {
        assert_eq!(decode(decode_json, body.as_bytes()), Ok((vec![], Rejected::default())), "{body}");
    }
    for body in [&b""[..], b"\n\0", b"\n\x02\x12\0"] {
        assert_eq!(decode(decode_protobuf, body), Ok((vec![], Rejected::default())));
    }
    for body in [
        "[]",
        "nothing",
        "{",
        r#"{"resourceSpans":{}}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[1]}]}]}"#,
    ] {
        assert!(matches!(decode(decode_json, body.as_bytes()), Err(DecodeError::Malformed { .. })), "{body}");
    }
}

fn nested(depth: usize) -> Request {
    let value = (0..depth).fold(Any::Int(1), |value, _| Any::List(vec![value]));
    Request {
        spans: vec![otlp_encode::Span { attributes: vec![("k".into(), value)], ..span() }],
        ..Request::default()
    }
}

#[test]
fn nesting_has_a_limit() {
    let (spans, _) = read(&nested(15));
    assert_eq!(spans[0].tag("k"), Some(&*format!("{}1{}", "[".repeat(15), "]".repeat(15))));
    let request = nested(16);
    for (decoder, body) in [
        (decode_json as Decoder, otlp_encode::json(&request)),
        (decode_protobuf, otlp_encode::proto(&request)),
    ] {
        assert!(matches!(decode(decoder, &body), Err(DecodeError::TooDeep { .. })));
    }
    let deep = "{\"a\":".repeat(100_000);
    assert!(matches!(decode(decode_json, deep.as_bytes()), Err(DecodeError::TooDeep { .. })));
    let mut deep = Vec::new();
    (0..5_000).for_each(|_| deep = proto_bytes(1, &proto_bytes(5, &deep)));
    let attribute = [proto_bytes(1, b"k"), proto_bytes(2, &proto_bytes(5, &deep))].concat();
    let body = proto_bytes(1, &proto_bytes(2, &proto_bytes(2, &proto_bytes(9, &attribute))));
    assert!(matches!(decode(decode_protobuf, &body), Err(DecodeError::TooDeep { .. })));
}

#[test]
fn what_a_resource_says_a_thousand_times_has_a_limit() {
    let request = |spans| Request {
        resource: vec![("k".into(), Any::Text("x".repeat(100_000)))],
        spans: vec![span(); spans],
        ..Request::default()
    };
    assert_eq!(read(&request(300)).0.len(), 300);
    let error = decode(decode_protobuf, &otlp_encode::proto(&request(400))).unwrap_err();
    assert!(matches!(error, DecodeError::Outgrown { .. }), "{error}");
}

#[test]
fn answers() {
    let none = Rejected::default();
    assert_eq!((answer::response_protobuf(&none), &*answer::response_json(&none)), (vec![], "{}"));
    let some = Rejected { spans: 300, why: "no \"id\"" };
    assert_eq!(answer::response_protobuf(&some), b"\n\x0c\x08\xac\x02\x12\x07no \"id\"");
    assert_eq!(
        answer::response_json(&some),
        r#"{"partialSuccess":{"rejectedSpans":"300","errorMessage":"no \"id\""}}"#
    );
    assert_eq!(answer::status_json(3, "a\"b"), r#"{"code":3,"message":"a\"b"}"#);
    assert_eq!(answer::status_protobuf(3, "ab", None), b"\x08\x03\x12\x02ab");
    let retry = answer::status_protobuf(8, "ab", Some(1));
    let any = b"\n\x28type.googleapis.com/google.rpc.RetryInfo\x12\x04\n\x02\x08\x01";
    assert_eq!(retry, [&b"\x08\x08\x12\x02ab\x1a\x30"[..], any].concat());
}

fn any_value() -> impl Strategy<Value = Any> {
    let plain = prop_oneof![
        Just(Any::Empty),
        "\\PC{0,6}|[\u{0}-\u{40}]{0,6}".prop_map(Any::Text),
        any::<bool>().prop_map(Any::Bool),
        any::<i64>().prop_map(Any::Int),
        any::<f64>().prop_map(Any::Double),
        vec(any::<u8>(), 0..7).prop_map(Any::Bytes),
    ];
    plain.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Any::List),
            vec(("\\PC{0,4}", inner), 0..4).prop_map(Any::Map),
        ]
    })
}

fn any_attributes() -> impl Strategy<Value = Attributes> {
    let known = select(
        &[
            "error",
            "peer.service",
            "server.address",
            "net.peer.name",
            "server.port",
            "network.peer.port",
            "network.peer.address",
            "network.local.port",
            "db.name",
            "service.name",
            "otel.scope.name",
        ][..],
    );
    vec((prop_oneof!["\\PC{0,5}", known.prop_map(str::to_owned)], any_value()), 0..5)
}

fn any_id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(any::<u8>(), length), 1 => vec(any::<u8>(), 0..20), 1 => vec(Just(0), length)]
}

prop_compose! {
    fn any_event()(time_ns in 0..1u64 << 63, name in "\\PC{0,6}", attributes in any_attributes(), dropped in 0u32..3) -> Event {
        Event { time_ns, name, attributes, dropped }
    }
}

prop_compose! {
    fn any_link()(
        trace_id in any_id(16), span_id in any_id(8), trace_state in "[a-z=,]{0,6}", attributes in any_attributes(), dropped: u32,
    ) -> Link {
        Link { trace_id, span_id, trace_state, attributes, dropped }
    }
}

prop_compose! {
    fn any_span()(
        ids in (any_id(16), any_id(8), prop_oneof![any_id(8), Just(vec![])]), texts in ("[a-z=,]{0,6}", "\\PC{0,6}"),
        kind in 0u64..8, times in (0..1u64 << 63, 0..1u64 << 63), attributes in any_attributes(),
        events in vec(any_event(), 0..3), links in vec(any_link(), 0..3), dropped in [0u32..3, 0u32..3, 0u32..3],
        status in proptest::option::of((0u64..4, "\\PC{0,6}")),
    ) -> otlp_encode::Span {
        otlp_encode::Span {
            trace_id: ids.0, span_id: ids.1, parent_id: ids.2, trace_state: texts.0, name: texts.1, kind,
            start_ns: times.0, end_ns: times.1, attributes, events, links, dropped, status,
        }
    }
}

prop_compose! {
    fn any_request()(
        resource in any_attributes(), names in ("[a-z]{0,3}", "[0-9]{0,3}"), scope in any_attributes(),
        spans in vec(any_span(), 0..4),
    ) -> Request {
        Request { resource, scope_name: names.0, scope_version: names.1, scope, spans }
    }
}

const PREFIXES: [&[u8]; 3] = [b"", b"\n", b"{\"resourceSpans\":["];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_forms_say_the_same(request in any_request()) {
        let (spans, rejected) = read(&request);
        prop_assert_eq!(spans.len() + rejected.spans, request.spans.len());
    }

    #[test]
    fn any_bytes_are_a_request_or_an_error(
        bytes in vec(any::<u8>(), 0..300), prefix in select(&PREFIXES[..]),
    ) {
        let body = [prefix, &bytes].concat();
        for decoder in [decode_json as Decoder, decode_protobuf] {
            let _ = decode(decoder, &body);
        }
    }

    #[test]
    fn damaged_requests_are_requests_or_errors(
        request in any_request(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (decoder, mut body) in
            [(decode_json as Decoder, otlp_encode::json(&request)), (decode_protobuf, otlp_encode::proto(&request))]
        {
            for (at, byte) in &damage {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            let _ = decode(decoder, &body);
        }
    }
}
