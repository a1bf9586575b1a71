//! Spans written as v1 thrift mean the same when they are read.

use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};
use wire::thrift_v1::decode_span;
use wire::thrift_write::write_span;

use crate::support::decode;

fn written(span: &Span) -> Vec<u8> {
    let mut out = Vec::new();
    write_span(&mut out, span);
    out
}

/// Checks that a span is read as it was written.
fn check(span: Span) {
    assert_eq!(decode(decode_span, &written(&span)), Ok(vec![span]));
}

fn span(kind: Option<Kind>) -> Span {
    let mut span = Span::new(TraceId::new(u128::MAX - 1).unwrap(), SpanId::new(u64::MAX).unwrap());
    span.parent_id = SpanId::new(1 << 63);
    span.kind = kind;
    span.name = Some("get /ü".into());
    span.timestamp_us = Some(1_700_000_000_000_000);
    span.duration_us = Some(1_500);
    span.local_endpoint = Some(Endpoint {
        service_name: Some("shop".into()),
        ipv4: Some([203, 0, 113, 9].into()),
        ipv6: None,
        port: Some(54321),
    });
    span
}

fn kinds() -> impl Iterator<Item = Option<Kind>> {
    Kind::ALL.into_iter().map(Some).chain([None])
}

#[test]
fn spans_of_every_kind() {
    kinds().for_each(|kind| check(span(kind)));
}

#[test]
fn short_ids_and_roots() {
    let root = Span {
        trace_id: TraceId::new(1).unwrap(),
        id: SpanId::new(1).unwrap(),
        parent_id: None,
        ..span(None)
    };
    check(Span { kind: Some(Kind::Server), ..root.clone() });
    check(root);
}

#[test]
fn the_server_s_half_of_a_shared_span() {
    check(Span { shared: true, ..span(Some(Kind::Server)) });
    // Its own times are left out, which is how readers know it.
    let alone = written(&span(Some(Kind::Server))).len();
    assert_eq!(written(&Span { shared: true, ..span(Some(Kind::Server)) }).len(), alone - 2 * 11);
}

#[test]
fn remote_endpoints() {
    for kind in kinds() {
        let remote = Endpoint {
            service_name: Some("db".into()),
            ipv6: Some("2001:db8::1".parse().unwrap()),
            port: Some(5432),
            ipv4: None,
        };
        check(Span { remote_endpoint: Some(remote), ..span(kind) });
    }
}

#[test]
fn endpoints_of_unix_sockets() {
    let local = Endpoint { service_name: Some("shop".into()), ..Endpoint::default() };
    kinds().for_each(|kind| check(Span { local_endpoint: Some(local.clone()), ..span(kind) }));
}

#[test]
fn endpoints_of_ipv6_sockets() {
    let local = Endpoint {
        service_name: Some("shop".into()),
        ipv6: Some("::1".parse().unwrap()),
        port: Some(80),
        ipv4: None,
    };
    kinds().for_each(|kind| check(Span { local_endpoint: Some(local.clone()), ..span(kind) }));
}

#[test]
fn tags_annotations_debug_and_errors() {
    for kind in kinds() {
        let annotation = |timestamp_us, value: &str| Annotation { timestamp_us, value: value.into() };
        check(Span {
            annotations: vec![
                annotation(1_700_000_000_000_001, "wire send"),
                annotation(1_700_000_000_000_900, "ü"),
            ],
            tags: vec![("empty".into(), "".into()), ("error".into(), "no \u{1f525}".into())],
            debug: true,
            ..span(kind)
        });
    }
}

#[test]
fn a_span_still_open() {
    for kind in [Some(Kind::Client), Some(Kind::Producer), None] {
        check(Span { duration_us: None, ..span(kind) });
    }
}

#[test]
fn ports_above_32767_are_negative() {
    let bytes = written(&span(Some(Kind::Server)));
    let port = [&[6, 0, 2][..], &(54321u16 as i16).to_be_bytes()].concat();
    assert!(bytes.windows(port.len()).any(|window| window == port));
}
