//! Proto3: what is told of its fields in the rules.

use wire::proto3::decode_list;

use crate::encode::{proto_bytes, proto_fixed, proto_varint};
use crate::support::answer;

const SPAN: &str = r#"{"traceId":"000000000000000a","id":"000000000000000b"}"#;

fn span(fields: &[Vec<u8>]) -> Vec<u8> {
    let ids = [proto_bytes(1, &[10]), proto_bytes(3, &[0, 11])].concat();
    proto_bytes(1, &[&fields.concat()[..], &ids].concat())
}

/// Checks what a span's fields become besides its ids.
fn check(fields: &[Vec<u8>], expected: &str) {
    assert_eq!(answer(decode_list, &span(fields)), format!("[{}{expected}}}]", &SPAN[..SPAN.len() - 1]));
}

fn refuse(body: &[u8], expected: &str) {
    assert_eq!(answer(decode_list, body), format!("{expected} reading List<Span> from proto3"));
}

#[test]
fn ids() {
    for (fields, expected) in [
        (vec![proto_bytes(3, &[1])], "Missing : traceId"),
        (vec![proto_bytes(1, &[1]), proto_bytes(3, &[])], "Missing : id"),
        (vec![proto_bytes(5, b"x")], "Missing : traceId id"),
        (vec![proto_bytes(1, &[1; 17])], "traceId.length > 32"),
        (vec![proto_bytes(1, &[0; 16])], "traceId is all zeros"),
        (vec![proto_bytes(3, &[1; 9])], "id.length > 16"),
        (vec![proto_bytes(3, &[0; 8])], "id is all zeros"),
        (vec![proto_bytes(2, &[1; 9])], "parentId.length > 16"),
    ] {
        refuse(&proto_bytes(1, &fields.concat()), expected);
    }
    check(&[proto_bytes(2, &[0; 8])], "");
    check(&[proto_bytes(2, &[])], "");
    let wide = proto_bytes(1, &[proto_bytes(1, &[7; 16]), proto_bytes(3, &[11])].concat());
    assert_eq!(
        answer(decode_list, &wide),
        format!(r#"[{{"traceId":"{}","id":"000000000000000b"}}]"#, "07".repeat(16))
    );
}

#[test]
fn unknown_fields_are_skipped_by_their_own_length() {
    for number in [14, 77, 1 << 20] {
        let mut fixed32 = proto_fixed(number, 5);
        fixed32[0] |= 4;
        fixed32.truncate(fixed32.len() - 4);
        let bytes = proto_bytes(number, b"some bytes");
        for unknown in [proto_varint(number, u64::MAX), proto_fixed(number, 5), bytes, fixed32] {
            check(&[unknown.clone(), proto_bytes(5, b"x"), unknown.clone()], r#","name":"x""#);
            // Between the spans too, where upstream loses what follows.
            let body = [span(&[]), unknown, span(&[])].concat();
            assert_eq!(answer(decode_list, &body), format!("[{SPAN},{SPAN}]"));
        }
    }
    // A known number with another type counts as unknown.
    check(
        &[
            proto_varint(5, 1),
            proto_bytes(4, b"x"),
            proto_varint(6, 5),
            proto_fixed(7, 5),
            proto_varint(1, 9),
        ],
        "",
    );
}

#[test]
fn fields() {
    for (number, expected) in
        [(0, ""), (2, r#","kind":"SERVER""#), (4, r#","kind":"CONSUMER""#), (5, ""), (300, "")]
    {
        check(&[proto_varint(4, number)], expected);
    }
    check(&[proto_fixed(6, 5), proto_varint(7, 6)], r#","timestamp":5,"duration":6"#);
    check(&[proto_fixed(6, u64::MAX), proto_varint(7, u64::MAX)], "");
    check(&[proto_bytes(8, &[]), proto_bytes(9, &proto_varint(4, 0))], "");
    check(&[proto_bytes(8, &proto_varint(4, u64::MAX))], "");
    refuse(&span(&[proto_bytes(8, &proto_varint(4, 65536))]), "invalid port 65536");
    let both = [proto_bytes(2, &[1, 2, 3, 4]), proto_bytes(3, &[0x20; 16]), proto_bytes(1, b"Db")].concat();
    check(
        &[proto_bytes(9, &both)],
        r#","remoteEndpoint":{"serviceName":"db","ipv4":"1.2.3.4","ipv6":"2020:2020:2020:2020:2020:2020:2020:2020"}"#,
    );
    check(&[proto_bytes(8, &proto_bytes(2, &[1, 2, 3]))], "");
    for dropped in
        [proto_fixed(1, 5), proto_bytes(2, b"x"), [proto_fixed(1, 5), proto_bytes(2, b"")].concat()]
    {
        check(&[proto_bytes(10, &dropped)], "");
    }
    check(&[proto_bytes(11, &proto_bytes(2, b"v"))], "");
    check(&[proto_bytes(11, &proto_bytes(1, b"k"))], r#","tags":{"k":""}"#);
    check(&[proto_bytes(5, b"a\xff")], ",\"name\":\"a\u{fffd}\"");
}

#[test]
fn what_is_cut_off_or_malformed() {
    let whole = span(&[proto_bytes(5, b"name"), proto_fixed(6, 5)]);
    for length in 2..whole.len() {
        let got = answer(decode_list, &whole[..length]);
        assert!(got.starts_with("Truncated: length "), "{length}: {got}");
    }
    refuse(b"\n\x02\x28", "Truncated: length 2 > bytes available 1");
    // A length within the body but past its own message.
    refuse(b"\n\x03\x2a\x08ax12345678", "Truncated: length 8 > bytes available 1");
    refuse(b"\n\x01\x0b", "Malformed: invalid wire type 3 at byte 3");
    refuse(&[&b"\n\x0c\x38"[..], &[0xff; 11]].concat(), "Malformed: varint of more than 10 bytes at byte 13");
    refuse(
        b"\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        "Truncated: length 18446744073709551615 > bytes available 0",
    );
}
