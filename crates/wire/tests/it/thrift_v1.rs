//! Thrift v1: what is told of its fields in the rules. What v1 spans become is in the recorded answers too.

use wire::thrift_v1::{decode_list, decode_span};

use crate::encode::{field, thrift_bytes, thrift_i64};
use crate::support::answer;

fn span(fields: &[Vec<u8>]) -> Vec<u8> {
    [&fields.concat()[..], &[0]].concat()
}

fn ids() -> Vec<u8> {
    [thrift_i64(1, 10), thrift_i64(4, 11)].concat()
}

const SPAN: &str = r#"[{"traceId":"000000000000000a","id":"000000000000000b"}]"#;

fn list(count: u32, spans: &[u8]) -> Vec<u8> {
    [&[12][..], &count.to_be_bytes(), spans].concat()
}

#[test]
fn ids_and_lists() {
    assert_eq!(answer(decode_span, &span(&[ids()])), SPAN);
    assert_eq!(answer(decode_list, &list(1, &span(&[ids()]))), SPAN);
    assert_eq!(answer(decode_list, &list(0, b"")), "[]");
    // Some old senders say that the elements are strings.
    let mut old = list(1, &span(&[ids()]));
    old[0] = 11;
    assert_eq!(answer(decode_list, &old), SPAN);
    // Bytes after the struct or the list are not looked at.
    assert_eq!(answer(decode_span, &[&span(&[ids()])[..], b"rest"].concat()), SPAN);
    let wide = span(&[ids(), thrift_i64(12, 1), thrift_i64(5, u64::MAX)]);
    assert_eq!(
        answer(decode_span, &wide),
        r#"[{"traceId":"0000000000000001000000000000000a","parentId":"ffffffffffffffff","id":"000000000000000b"}]"#
    );
    for (body, expected) in [
        (span(&[thrift_i64(1, 10)]), "id == 0"),
        (span(&[thrift_i64(4, 11)]), "traceId == 0"),
        (span(&[thrift_i64(1, 0), thrift_i64(4, 11), thrift_i64(12, 1)]), "traceId == 0"),
        (Vec::new(), "Truncated: length 1 > bytes available 0"),
        (b"\x0a\0".to_vec(), "Truncated: length 2 > bytes available 1"),
        (b"\x0b\0\x03\0\0\0\x04abc".to_vec(), "Truncated: length 4 > bytes available 3"),
        (b"\x0b\0\x03\xff\xff\xff\xffabc".to_vec(), "Truncated: length -1 > bytes available 3"),
        (span(&[field(1, 1)]), "Unknown field type 1 at byte 3"),
    ] {
        assert_eq!(answer(decode_span, &body), format!("{expected} reading List<Span> from TBinary"));
    }
    let two = [span(&[ids()]), span(&[thrift_i64(1, 10)])].concat();
    assert_eq!(answer(decode_list, &list(2, &two)), "id == 0 reading List<Span> from TBinary");
}

#[test]
fn unknown_fields_of_every_type_are_skipped() {
    let values: [(u8, &[u8]); 12] = [
        (2, b"\x01"),
        (3, b"\x01"),
        (4, b"12345678"),
        (6, b"12"),
        (8, b"1234"),
        (10, b"12345678"),
        (11, b"\0\0\0\x03abc"),
        (12, b"\x08\0\x01\0\0\0\x05\x0c\0\x02\0\0"),
        (13, b"\x0b\x08\0\0\0\x01\0\0\0\x01a\0\0\0\x05"),
        (14, b"\x06\0\0\0\x02\0\x01\0\x02"),
        (15, b"\x0f\0\0\0\x01\x0c\0\0\0\x02\0\0"),
        (15, b"\x02\0\0\0\0"),
    ];
    for (kind, value) in values {
        // With an unknown number, and with a known number of another type.
        for number in [77, -1, if kind == 10 { 3 } else { 1 }] {
            let unknown = [field(kind, number), value.to_vec()].concat();
            let body = span(&[unknown.clone(), thrift_i64(1, 10), unknown, thrift_i64(4, 11)]);
            assert_eq!(answer(decode_span, &body), SPAN, "type {kind} number {number}");
        }
    }
}

#[test]
fn annotations_and_endpoints() {
    let event = |parts: &[Vec<u8>]| span(parts);
    let host = |parts: &[Vec<u8>]| [field(12, 3), span(parts)].concat();
    let annotations = |events: &[Vec<u8>]| {
        [field(15, 6), vec![12], (events.len() as u32).to_be_bytes().to_vec(), events.concat()].concat()
    };
    let port = |port: u16| [field(6, 2), port.to_be_bytes().to_vec()].concat();
    let ipv4 = |ip: u32| [field(8, 1), ip.to_be_bytes().to_vec()].concat();
    for (parts, expected) in [
        (vec![ipv4(0), port(0), thrift_bytes(3, b"")], ""),
        (vec![port(65535)], r#","localEndpoint":{"port":65535}"#),
        (vec![ipv4(0xffff_ffff)], r#","localEndpoint":{"ipv4":"255.255.255.255"}"#),
        (vec![thrift_bytes(3, b"A\xff")], ",\"localEndpoint\":{\"serviceName\":\"a\u{fffd}\"}"),
        (vec![thrift_bytes(4, b"short")], ""),
        (
            vec![thrift_bytes(4, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4])],
            r#","localEndpoint":{"ipv4":"1.2.3.4"}"#,
        ),
    ] {
        let events = annotations(&[event(&[host(&parts), thrift_bytes(2, b"x"), thrift_i64(1, 5)])]);
        let expected = format!(
            r#"{}{expected},"annotations":[{{"timestamp":5,"value":"x"}}]}}]"#,
            &SPAN[..SPAN.len() - 2]
        );
        assert_eq!(answer(decode_span, &span(&[events, ids()])), expected);
    }
    let dropped = annotations(&[event(&[thrift_bytes(2, b"x")]), event(&[thrift_i64(1, 5)]), event(&[])]);
    assert_eq!(answer(decode_span, &span(&[ids(), dropped])), SPAN);
}

#[test]
fn only_text_becomes_a_tag() {
    let binary = |kind: u32, value: &[u8]| {
        let kind = [field(8, 3), kind.to_be_bytes().to_vec()].concat();
        let one = span(&[thrift_bytes(1, b"k"), thrift_bytes(2, value), kind]);
        span(&[ids(), field(15, 8), vec![12, 0, 0, 0, 1], one])
    };
    let tagged = format!(r#"{},"tags":{{"k":"v"}}}}]"#, &SPAN[..SPAN.len() - 2]);
    assert_eq!(answer(decode_span, &binary(6, b"v")), tagged);
    for kind in [0, 1, 2, 3, 4, 5, 7, u32::MAX] {
        assert_eq!(answer(decode_span, &binary(kind, b"v")), SPAN, "type {kind}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| span(&[field(12, 77).repeat(depth), vec![0; depth], ids()]);
    assert_eq!(answer(decode_span, &nested(64)), SPAN);
    for depth in [65, 100_000] {
        let got = answer(decode_span, &nested(depth));
        assert!(got.starts_with("Nested deeper than 64 at byte "), "{got}");
    }
    let lists = span(&[field(15, 77), [15, 0, 0, 0, 1].repeat(100_000)]);
    assert!(answer(decode_span, &lists).starts_with("Nested deeper than 64 at byte "));
}
