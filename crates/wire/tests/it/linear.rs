//! Bodies as large as a door takes, in the shapes that are dear to read: each is read in time that grows with its bytes.
//!
//! A reader whose time grew with their square would need hours for these; one that does not end within
//! [`DEADLINE`], hundreds of times of what is needed, fails.

use std::cell::Cell;
use std::sync::mpsc;
use std::time::Duration;

use model::batch::Batch;

use crate::any_bytes::{otlp_json, otlp_protobuf};
use crate::encode::{field, proto_bytes, thrift_bytes, thrift_i64};
use crate::memory::held_at_most_by;
use crate::support::Decoder;

/// Zipkin's limit on a body, and the default one of the HTTP door.
const BODY_BYTES: usize = 10 << 20;
const DEADLINE: Duration = Duration::from_secs(60);
/// As in `any_bytes`.
const HELD_PER_BYTE_MAX: usize = 32;

/// Repeats numbered pieces until the body is full.
fn filled(head: &[u8], piece: impl Fn(usize) -> Vec<u8>, separator: &[u8], tail: &[u8]) -> Vec<u8> {
    let mut body = head.to_vec();
    for number in 0.. {
        let piece = piece(number);
        if body.len() + piece.len() + separator.len() + tail.len() > BODY_BYTES {
            break;
        }
        if number > 0 {
            body.extend_from_slice(separator);
        }
        body.extend(piece);
    }
    body.extend_from_slice(tail);
    body
}

fn json(head: &str, piece: impl Fn(usize) -> String, tail: &str) -> Vec<u8> {
    filled(head.as_bytes(), |number| piece(number).into_bytes(), b",", tail.as_bytes())
}

/// One thrift span with a list of many structs in one of its fields.
fn thrift(list: i16, piece: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let head =
        [&[12, 0, 0, 0, 1][..], &thrift_i64(1, 1), &thrift_i64(4, 1), &field(15, list), &[12, 0, 0, 0, 0]];
    let head = head.concat();
    let number = Cell::new(0);
    let mut body = filled(
        &head,
        |n| {
            number.set(n);
            piece(n)
        },
        b"",
        &[0],
    );
    // The piece that was asked for last did not fit.
    let count = number.get() as u32;
    body[head.len() - 4..head.len()].copy_from_slice(&count.to_be_bytes());
    body
}

/// One protocol buffers span with many of one field.
fn proto(piece: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let ids = [proto_bytes(1, &[1; 16]), proto_bytes(3, &[1; 8])].concat();
    proto_bytes(1, &filled(&ids, piece, b"", b""))
}

fn endpoint(number: usize) -> Vec<u8> {
    [field(12, 3), thrift_bytes(3, format!("{number:08}").as_bytes()), vec![0]].concat()
}

/// Words of eight characters whose hash in Java is the same, and so a test of any hash that copies it.
fn colliding(number: usize) -> String {
    (0..16).map(|bit| if number >> bit & 1 == 0 { "Aa" } else { "BB" }).collect()
}

/// An OTLP request of one resource with many attributes, and many spans; each is half of it.
fn otlp(attribute: impl Fn(usize) -> Vec<u8>, span: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let half = |piece: &dyn Fn(usize) -> Vec<u8>| -> Vec<u8> {
        (0..)
            .map(piece)
            .scan(0, |bytes, piece| {
                *bytes += piece.len();
                (*bytes < BODY_BYTES / 2 - 100).then_some(piece)
            })
            .flatten()
            .collect()
    };
    let resource = half(&|n| proto_bytes(1, &attribute(n)));
    let spans = half(&|n| proto_bytes(2, &span(n)));
    proto_bytes(1, &[proto_bytes(1, &resource), proto_bytes(2, &spans)].concat())
}

fn otlp_attribute(key: &str) -> Vec<u8> {
    proto_bytes(1, key.as_bytes())
}

fn otlp_span(id_bytes: usize) -> Vec<u8> {
    [proto_bytes(1, &[1; 16]), proto_bytes(2, &vec![1; id_bytes])].concat()
}

/// A value of OTLP that holds what follows.
fn otlp_list(values: Vec<u8>) -> Vec<u8> {
    [proto_bytes(1, b"k"), proto_bytes(2, &proto_bytes(5, &values))].concat()
}

const SPAN: &str = r#"[{"traceId":"1","id":"1""#;

fn shapes() -> Vec<(&'static str, Decoder, Vec<u8>)> {
    let v2: Decoder = wire::json_v2::decode_list;
    let v1: Decoder = wire::json_v1::decode_list;
    let proto3: Decoder = wire::proto3::decode_list;
    let thrift1: Decoder = wire::thrift_v1::decode_list;
    let in_span = |rest: &str| format!("{SPAN},{rest}");
    vec![
        ("tiny spans", v2, json("[", |_| r#"{"traceId":"1","id":"1"}"#.into(), "]")),
        ("tags of one key", v2, json(&in_span(r#""tags":{"#), |_| r#""":"""#.into(), "}}]")),
        (
            "tags that collide",
            v2,
            json(&in_span(r#""tags":{"#), |n| format!("\"{}\":\"\"", colliding(n)), "}}]"),
        ),
        (
            "tags in falling order",
            v2,
            json(&in_span(r#""tags":{"#), |n| format!("\"{:08}\":\"\"", 99_999_999 - n), "}}]"),
        ),
        (
            "annotations",
            v2,
            json(
                &in_span(r#""annotations":["#),
                |n| format!(r#"{{"timestamp":{},"value":""}}"#, 9 - n % 9),
                "]}]",
            ),
        ),
        ("escapes", v2, json(&in_span(r#""name":""#), |_| r"\u00e9\\\n".into(), "\"}]")),
        (
            "one long number",
            v2,
            json(&in_span(r#""x":"#), |_| "7".repeat(1000), "]")
                .into_iter()
                .filter(|byte| *byte != b',')
                .collect(),
        ),
        ("white space", v2, filled(b"[", |_| b" \n\t\r".to_vec(), b"", b"]")),
        ("unknown fields", v2, json(&in_span(""), |n| format!(r#""x{n}":[]"#), "}]")),
        ("open strings", v2, filled(b"[{\"", |_| b"\\\"".to_vec(), b"", b"")),
        (
            "no UTF-8",
            v2,
            json(&in_span(r#""name":""#), |_| String::new(), "\"}]")
                .into_iter()
                .chain(vec![0xff; 1 << 20])
                .collect(),
        ),
        (
            "annotations of many services",
            v1,
            json(
                &in_span(r#""annotations":["#),
                |n| format!(r#"{{"timestamp":1,"value":"a","endpoint":{{"serviceName":"{n}"}}}}"#),
                "]}]",
            ),
        ),
        (
            "annotations of few services",
            v1,
            json(
                &in_span(r#""annotations":["#),
                |n| format!(r#"{{"timestamp":1,"value":"a","endpoint":{{"serviceName":"{}"}}}}"#, n % 200),
                "]}]",
            ),
        ),
        (
            "binary annotations",
            v1,
            json(
                &in_span(r#""binaryAnnotations":["#),
                |n| format!(r#"{{"key":"{}","value":""}}"#, n % 7),
                "]}]",
            ),
        ),
        (
            "thrift annotations of many services",
            thrift1,
            thrift(6, |n| [thrift_i64(1, 1), thrift_bytes(2, b"a"), endpoint(n), vec![0]].concat()),
        ),
        (
            "thrift annotations of few services",
            thrift1,
            thrift(6, |n| [thrift_i64(1, 1), thrift_bytes(2, b"a"), endpoint(n % 200), vec![0]].concat()),
        ),
        ("thrift empty annotations", thrift1, thrift(6, |_| vec![0])),
        (
            "proto tags",
            proto3,
            proto(|n| {
                proto_bytes(11, &[proto_bytes(1, format!("{n:06}").as_bytes()), proto_bytes(2, b"")].concat())
            }),
        ),
        ("proto endpoints", proto3, proto(|_| proto_bytes(8, &proto_bytes(1, b"a")))),
        ("proto unknown groups", proto3, proto(|_| vec![0x7b, 0x7c])),
        (
            "OTLP attributes of one key on every span",
            otlp_protobuf,
            otlp(|_| otlp_attribute("a"), |_| otlp_span(8)),
        ),
        (
            "OTLP attributes on every span",
            otlp_protobuf,
            otlp(|n| otlp_attribute(&format!("{n:06}")), |_| otlp_span(8)),
        ),
        (
            "OTLP attributes on spans that are none",
            otlp_protobuf,
            otlp(|n| otlp_attribute(&format!("{n:06}")), |_| otlp_span(7)),
        ),
        ("OTLP spans", otlp_protobuf, otlp(|_| Vec::new(), |_| otlp_span(8))),
        (
            "OTLP events and links",
            otlp_protobuf,
            otlp(
                |_| Vec::new(),
                |n| {
                    [otlp_span(8), proto_bytes(11, b"").repeat(n % 99), proto_bytes(13, b"").repeat(n % 99)]
                        .concat()
                },
            ),
        ),
        (
            "OTLP wide lists",
            otlp_protobuf,
            otlp(|_| otlp_list(proto_bytes(1, b"").repeat(10_000)), |_| otlp_span(8)),
        ),
        (
            "OTLP escapes",
            otlp_protobuf,
            otlp(|_| otlp_list(proto_bytes(1, &proto_bytes(1, &[1; 10_000]))), |_| otlp_span(7)),
        ),
        (
            "OTLP in JSON",
            otlp_json,
            json(
                r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#,
                |_| r#"{"traceId":"01010101010101010101010101010101","spanId":"0101010101010101"}"#.into(),
                "]}]}]}",
            ),
        ),
        (
            "OTLP in JSON, scopes again and again",
            otlp_json,
            json(r#"{"resourceSpans":[{"#, |_| r#""scopeSpans":[{"spans":[],"spans":[]}]"#.into(), "}]}"),
        ),
        ("proto tiny spans", proto3, filled(b"", |_| b"\n\x06\n\x01\x01\x1a\x01\x01".to_vec(), b"", b"")),
    ]
}

#[test]
fn large_bodies_are_read_in_linear_time_and_memory() {
    for (name, decoder, body) in shapes() {
        let (done, wait) = mpsc::channel();
        let length = body.len();
        std::thread::spawn(move || {
            let mut batch = Batch::new();
            let held = held_at_most_by(|| drop(decoder(&body, &mut batch)));
            let _ = done.send(held);
        });
        let held =
            wait.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("{name}: not read within {DEADLINE:?}"));
        println!("{name}: {:.1} bytes held for each of {length}", held as f64 / length as f64);
        assert!(held <= HELD_PER_BYTE_MAX * length, "{name}: {held} bytes held for {length}");
    }
}

/// What one span says for all services that it names must not be copied without limit.
#[test]
fn a_long_name_is_not_copied_for_every_service() {
    let name = "n".repeat(1 << 20);
    let services: Vec<_> = (0..250)
        .map(|n| format!(r#"{{"timestamp":1,"value":"a","endpoint":{{"serviceName":"{n}"}}}}"#))
        .collect();
    let body = format!(r#"{SPAN},"name":"{name}","annotations":[{}]}}]"#, services.join(","));
    let held = held_at_most_by(|| drop(wire::json_v1::decode_list(body.as_bytes(), &mut Batch::new())));
    assert!(held <= HELD_PER_BYTE_MAX * body.len(), "{held} bytes held for {}", body.len());
}
