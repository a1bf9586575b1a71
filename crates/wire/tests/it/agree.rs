//! Reading undoes writing in each format, and all formats say the same of one span.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::batch::Batch;
use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::support::{decode, written};
use crate::{encode, support::Decoder};

/// Values and keys that are more than text in v1.
const V1_WORDS: [&str; 12] = ["cs", "cr", "sr", "ss", "ms", "mr", "ws", "wr", "ca", "sa", "ma", "lc"];

/// Text with all that needs care: quotes, escapes, control characters, line separators, two to four byte characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::from("http.path")), "[a-z\"\\\\/\u{0}-\u{20}\u{7f}é\u{2028}\u{2029}😀]{1,12}"]
        .prop_filter("a word of v1", |text| !V1_WORDS.contains(&text.as_str()))
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let ipv4 = (1u32..).prop_map(Ipv4Addr::from_bits);
    let ipv6 = (1u128 << 120..1 << 127).prop_map(Ipv6Addr::from_bits);
    ("[a-e]{1,3}", of(ipv4), of(ipv6), of(1u16..)).prop_map(|(name, ipv4, ipv6, port)| Endpoint {
        service_name: Some(name),
        ipv4,
        ipv6,
        port,
    })
}

prop_compose! {
    /// Any span in normal form (the batch sees to that) that v1 can express: it has times, and a name at its own end.
    fn span()(
        trace_id in (0u64..3, 1u64..), ids in (1u64.., of(1u64..)), kind in of(prop::sample::select(&Kind::ALL[..])),
        name in of(text()), times in (1u64..1 << 60, 1u64..1 << 40), local in endpoint(), remote in of(endpoint()),
        annotations in vec((1u64..1 << 60, text()), 0..4), tags in vec((text(), text()), 0..6), debug: bool,
    ) -> Span {
        let mut span = Span::new(TraceId::from_halves(trace_id.0, trace_id.1).unwrap(), SpanId::new(ids.0).unwrap());
        span.parent_id = ids.1.and_then(SpanId::new);
        (span.kind, span.name, span.debug) = (kind, name, debug);
        (span.timestamp_us, span.duration_us) = (Some(times.0), Some(times.1));
        // A service that calls itself loses its name at the other end in v1.
        span.remote_endpoint = remote.filter(|remote| remote.service_name != local.service_name);
        span.local_endpoint = Some(local);
        span.annotations =
            annotations.into_iter().map(|(timestamp_us, value)| Annotation { timestamp_us, value }).collect();
        span.tags = tags;
        normal(&span)
    }
}

fn normal(span: &Span) -> Span {
    let mut batch = Batch::new();
    batch.push_span(span).unwrap();
    batch.rows().next().unwrap().to_span()
}

fn check(decoder: Decoder, body: &[u8], spans: &[Span]) -> Result<(), TestCaseError> {
    prop_assert_eq!(decode(decoder, body), Ok(spans.to_vec()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_format_says_the_same(spans in vec(span(), 1..4)) {
        check(wire::json_v2::decode_list, written(&spans).as_bytes(), &spans)?;
        check(wire::proto3::decode_list, &encode::proto3(&spans), &spans)?;
        check(wire::json_v1::decode_list, &encode::json_v1(&spans), &spans)?;
        check(wire::thrift_v1::decode_list, &encode::thrift(&spans), &spans)?;
        check(wire::thrift_v1::decode_span, &encode::thrift_span(&spans[0]), &spans[..1])?;
        let mut ours = Vec::new();
        wire::thrift_write::write_span(&mut ours, &spans[0]);
        check(wire::thrift_v1::decode_span, &ours, &spans[..1])?;
    }

    /// What v1 cannot express: no times, no own end, shared, annotations at zero, empty text.
    #[test]
    fn v2_keeps_every_field(
        span in span(), keep: [bool; 4], shared: bool, empty in (text(), Just(String::new())), zero in of(Just(0u64)),
    ) {
        let mut span = span;
        span.timestamp_us = span.timestamp_us.filter(|_| keep[0]);
        span.duration_us = span.duration_us.filter(|_| keep[1]);
        span.local_endpoint = span.local_endpoint.filter(|_| keep[2]);
        span.name = span.name.filter(|_| keep[3]);
        span.shared = shared;
        span.tags.push(empty);
        let span = normal(&span);
        check(wire::proto3::decode_list, &encode::proto3(std::slice::from_ref(&span)), std::slice::from_ref(&span))?;
        let mut span = span;
        span.annotations.extend(zero.map(|timestamp_us| Annotation { timestamp_us, value: String::new() }));
        let spans = [normal(&span)];
        check(wire::json_v2::decode_list, written(&spans).as_bytes(), &spans)?;
        // Ours is the same JSON to any other reader.
        let parsed: serde_json::Value = serde_json::from_str(&written(&spans)).unwrap();
        prop_assert_eq!(parsed[0]["id"].as_str(), Some(&*spans[0].id.to_string()));
        prop_assert_eq!(parsed[0]["name"].as_str(), spans[0].name.as_deref());
    }
}
