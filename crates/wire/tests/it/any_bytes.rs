//! Any bytes at every reader of this crate: no panic, no more memory than the limit, all or nothing, and what was
//! read is in normal form.

use std::sync::LazyLock;

use model::batch::Batch;
use model::span::Span;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wire::error::DecodeError;
use wire::messages::Messages;

use crate::encode;
use crate::goldens;
use crate::hostile::{DECODERS, whole};
use crate::memory::held_at_most_by;
use crate::otlp_encode::{self, Any};
use crate::support::{Decoder, decode, written};

/// What a reader may hold at most: a span, an error and its text, and this many bytes for each byte of input. The
/// smallest span has 8 bytes in protocol buffers and 58 in a batch, whose memory doubles as it grows.
const HELD_MAX: usize = 8 * 1024;
const HELD_PER_BYTE_MAX: usize = 32;

/// A name, and something that reads.
type Reader = (&'static str, fn(&[u8]));

/// Every reader that takes bytes from outside.
const READERS: &[Reader] = &[
    ("JSON v2", |bytes| all_or_nothing(wire::json_v2::decode_list, bytes)),
    ("JSON v1", |bytes| all_or_nothing(wire::json_v1::decode_list, bytes)),
    ("proto3", |bytes| all_or_nothing(wire::proto3::decode_list, bytes)),
    ("thrift", |bytes| all_or_nothing(wire::thrift_v1::decode_list, bytes)),
    ("thrift span", |bytes| all_or_nothing(wire::thrift_v1::decode_span, bytes)),
    ("proto3 message", |bytes| all_or_nothing(wire::proto3::decode_message, bytes)),
    ("OTLP", |bytes| all_or_nothing(otlp_protobuf, bytes)),
    ("OTLP in JSON", |bytes| all_or_nothing(otlp_json, bytes)),
    ("gRPC", read_grpc),
    ("detect", |bytes| drop(wire::detect::detect(bytes))),
    ("scribe call", read_call),
    ("scribe message", |bytes| drop(wire::scribe::decode_message(bytes))),
    ("scribe reply", |bytes| drop(wire::scribe::read_reply(bytes))),
    ("messages of a journal", |bytes| {
        if let Some(messages) = Messages::from_bytes(bytes.to_vec()) {
            assert_eq!(messages.iter().count(), messages.len());
        }
    }),
    ("b3 headers", read_headers),
    ("headers of one value", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        wire::b3_single::extract(&text);
        wire::traceparent::extract(&text);
        wire::traceparent::passes_tracestate(&text);
        wire::traceparent::passes_baggage(&text);
    }),
];

pub fn otlp_protobuf(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    wire::otlp::decode_protobuf(bytes, batch).map(drop)
}

pub fn otlp_json(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    wire::otlp::decode_json(bytes, batch).map(drop)
}

fn read_grpc(bytes: &[u8]) {
    let _ = wire::grpc::read_message(bytes);
    let text = wire::grpc::decode_text(bytes);
    let _ = text.as_deref().map(wire::grpc::read_message);
    wire::grpc::percent_encode(&String::from_utf8_lossy(bytes));
}

fn all_or_nothing(decoder: Decoder, bytes: &[u8]) {
    let mut batch = Batch::new();
    if decoder(bytes, &mut batch).is_err() {
        assert!(batch.is_empty(), "part of a refused list was kept");
    }
}

fn read_call(frame: &[u8]) {
    if let Ok((head, body)) = wire::scribe::read_head(frame) {
        let _ = wire::scribe::read_entries(&head, body, &mut |entry| {
            if let Ok(span) = wire::scribe::decode_message(entry.message) {
                all_or_nothing(wire::thrift_v1::decode_span, &span);
            }
        });
        let _ = wire::scribe::exception(&head, "no");
    }
}

/// The bytes as five values of headers, cut where they have a line break.
fn read_headers(bytes: &[u8]) {
    use wire::b3::{FLAGS, PARENT_SPAN_ID, SAMPLED, SPAN_ID, TRACE_ID};
    let text = String::from_utf8_lossy(bytes);
    let values: Vec<_> = text.split('\n').collect();
    let names = [TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SAMPLED, FLAGS];
    wire::b3::extract(|name| values.get(names.iter().position(|known| *known == name)?));
}

/// Good input of every kind: recorded bodies, and one of each format that we write.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut good = goldens::bodies();
    good.extend(whole());
    good.extend([otlp_encode::proto(&request()), otlp_encode::json(&request())]);
    let messages: Vec<_> = good
        .iter()
        .filter(|body| body.first() == Some(&12))
        .map(|body| wire::scribe::encode_message(body.get(5..).unwrap_or_default()))
        .collect();
    good.push(wire::scribe::log_call("zipkin", messages.iter().map(Vec::as_slice), 7)[4..].to_vec());
    good.extend(messages);
    good.push(b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90".to_vec());
    good.push(b"00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01".to_vec());
    good.push(b"463ac35c9f6413ad48485a3953bb6124\n0020000000000001\n0020000000000002\n1\n0".to_vec());
    good
});

/// An OTLP request with everything in it.
fn request() -> otlp_encode::Request {
    let values = Any::List(vec![Any::Int(-1), Any::Double(0.5), Any::Bytes(vec![0, 255]), Any::Empty]);
    let map = Any::Map(vec![("k".to_owned(), values), ("flag".to_owned(), Any::Bool(true))]);
    let text = |key: &str, value: &str| (key.to_owned(), Any::Text(value.to_owned()));
    let attributes =
        vec![text("peer.service", "dö"), text("network.peer.address", "10.0.0.1"), ("m".to_owned(), map)];
    let (trace_id, span_id) = (vec![1; 16], vec![2; 8]);
    let event =
        otlp_encode::Event { time_ns: 5_000, name: "e".into(), attributes: attributes.clone(), dropped: 1 };
    let link = otlp_encode::Link {
        trace_id: trace_id.clone(),
        span_id: span_id.clone(),
        trace_state: "a=b".into(),
        attributes: attributes.clone(),
        dropped: 1,
    };
    let span = otlp_encode::Span {
        trace_id,
        span_id,
        parent_id: vec![3; 8],
        trace_state: "a=b".into(),
        name: "GET".into(),
        kind: 3,
        start_ns: 1_000_000,
        end_ns: 3_000_000,
        attributes: attributes.clone(),
        events: vec![event],
        links: vec![link],
        dropped: [1, 2, 3],
        status: Some((2, "no".into())),
    };
    otlp_encode::Request {
        resource: [vec![text("service.name", "shop")], attributes.clone()].concat(),
        scope_name: "scope".into(),
        scope_version: "1".into(),
        scope: attributes,
        spans: vec![span.clone(), span],
    }
}

/// One thing done to a body.
#[derive(Clone, Debug)]
enum Damage {
    Byte(Index, u8),
    /// Four bytes that many formats read as a length.
    Length(Index, u32),
    /// A varint of ten bytes, the longest there is.
    Varint(Index, u64),
    Cut(Index),
    /// A piece is there many times.
    Repeat(Index, Index, u8),
    /// A piece of another good body, whatever its format.
    Splice(Index, Index, Index),
    Text(Index, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let lengths =
        prop::sample::select(&[0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x00ff_ffff][..]);
    prop_oneof![
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        2 => (at(), lengths).prop_map(|(at, length)| Damage::Length(at, length)),
        1 => (at(), any::<u64>()).prop_map(|(at, number)| Damage::Varint(at, number)),
        1 => at().prop_map(Damage::Cut),
        2 => (at(), at(), any::<u8>()).prop_map(|(from, to, times)| Damage::Repeat(from, to, times)),
        2 => (at(), at(), at()).prop_map(|(body, from, at)| Damage::Splice(body, from, at)),
        1 => (at(), "[\\PC\\[\\]{}\":,0-9]{0,20}").prop_map(|(at, text)| Damage::Text(at, text)),
    ]
}

fn damaged(mut body: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for damage in damage {
        let at = |index: &Index| index.index(body.len() + 1);
        match damage {
            Damage::Byte(index, byte) => {
                let at = at(index);
                if let Some(old) = body.get_mut(at) {
                    *old = *byte;
                }
            }
            Damage::Length(index, length) => {
                let at = at(index);
                let bytes = length.to_be_bytes();
                body.splice(at..(at + 4).min(body.len()), bytes);
            }
            Damage::Varint(index, number) => {
                let at = at(index);
                let bytes = (0..10)
                    .map(|group| (number >> (7 * group).min(63)) as u8 | if group < 9 { 0x80 } else { 0 });
                body.splice(at..at, bytes.collect::<Vec<_>>());
            }
            Damage::Cut(index) => body.truncate(at(index)),
            Damage::Repeat(from, to, times) => {
                let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
                let piece = body[from..to].repeat(usize::from(*times) / 8);
                body.splice(from..from, piece);
            }
            Damage::Splice(other, from, index) => {
                let other = &GOOD[other.index(GOOD.len())];
                let piece = other[from.index(other.len() + 1)..].to_vec();
                let at = at(index);
                body.splice(at..at, piece);
            }
            Damage::Text(index, text) => {
                let at = at(index);
                body.splice(at..at, text.bytes());
            }
        }
    }
    body
}

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    for (name, reader) in READERS {
        let held = held_at_most_by(|| reader(body));
        let held_max = HELD_MAX + HELD_PER_BYTE_MAX * body.len();
        prop_assert!(held <= held_max, "{}: {} held for {} bytes", name, held, body.len());
    }
    for decoder in DECODERS.into_iter().chain([otlp_protobuf as Decoder, otlp_json]) {
        if let Ok(spans) = decode(decoder, body) {
            in_normal_form(&spans)?;
        }
    }
    Ok(())
}

/// Spans that came from any bytes at all say the same when they are written again.
fn in_normal_form(spans: &[Span]) -> Result<(), TestCaseError> {
    prop_assert_eq!(decode(wire::json_v2::decode_list, written(spans).as_bytes()), Ok(spans.to_vec()));
    let mut proto = spans.to_vec();
    // Protocol buffers have no annotation at zero and no empty one: openzipkin/zipkin `ZipkinProto3Fields`.
    for span in &mut proto {
        span.annotations.retain(|annotation| annotation.timestamp_us > 0 && !annotation.value.is_empty());
        span.tags.retain(|(key, _)| !key.is_empty());
    }
    prop_assert_eq!(decode(wire::proto3::decode_list, &encode::proto3(&proto)), Ok(proto));
    Ok(())
}

/// How the messages of each format start.
const FIRST: &[&[u8]] = &[b"[{", b"[", b"\x0c", b"\x0b", b"\n", b"\x80\x01\0\x01\0\0\0\x03Log\0\0\0\x01"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bodies(body in any::<Index>(), damage in vec(damage(), 1..8)) {
        check(&damaged(GOOD[body.index(GOOD.len())].clone(), &damage))?;
    }

    #[test]
    fn bytes_at_random(
        bytes in vec(any::<u8>(), 0..300),
        first in prop::sample::select(FIRST),
    ) {
        check(&[first, bytes.as_slice()].concat())?;
    }

    /// Bytes that all formats give a meaning to, so that a walk gets deep.
    #[test]
    fn bytes_with_a_meaning(
        bytes in vec(prop::sample::select(&b"\0\x01\x02\x06\x08\x0a\x0b\x0c\x0d\x0e\x0f\x12\x1a\x52\x5a\x7f\x80\xff[]{}\":,\\un0eE-."[..]), 0..200),
    ) {
        check(&bytes)?;
    }
}

#[test]
fn good_bodies_keep_the_limit() {
    for body in GOOD.iter() {
        check(body).unwrap();
    }
}
