//! Formats told by their first bytes.

use wire::detect::{Format, detect};

use crate::support::answer;

#[test]
fn formats_of_messages_without_a_door() {
    for (bytes, format) in [
        (&b"\n\x05\n\x01\x01\x1a\x01"[..], Format::Proto3),
        (b"\x0c\0\0\0\0", Format::Thrift),
        (b"\x0b\0\0\0\0", Format::Thrift),
        (b"\x0a\0\x01\0", Format::Thrift),
        (b"\n", Format::Thrift),
        (b"\0", Format::Thrift),
        (b"[]", Format::JsonV1),
        (b"[{\"traceId\":\"1\",\"id\":\"1\"}]", Format::JsonV1),
        (b"{\"traceId\":\"1\",\"binaryAnnotations\":[{\"endpoint\":{}}]}", Format::JsonV1),
        (b"[{\"localEndpoint\":{}}]", Format::JsonV2),
        (b"[{\"remoteEndpoint\" :{}}]", Format::JsonV2),
        (b"{\"tags\":{}}", Format::JsonV2),
    ] {
        assert_eq!(detect(bytes), Ok(format), "{}", bytes.escape_ascii());
    }
    for bytes in [&b""[..], b"hello", b" []", b"\x1f\x8b", b"\xef\xbb\xbf[]", b"<html>"] {
        let error = detect(bytes).map_err(|error| error.to_string());
        assert_eq!(error, Err("Could not detect the span format".to_owned()), "{}", bytes.escape_ascii());
    }
}

#[test]
fn each_door_names_what_it_expects() {
    for body in [&b"hello"[..], b" []", b"{}", b"\n", b"\n\0", b"\x0d\0\0\0\0", b"\x80\x01\0\x01"] {
        for (decoder, format) in [
            (wire::json_v2::decode_list as crate::support::Decoder, "JSON_V2"),
            (wire::json_v1::decode_list, "JSON_V1"),
            (wire::thrift_v1::decode_list, "THRIFT"),
            (wire::proto3::decode_list, "PROTO3"),
        ] {
            assert_eq!(answer(decoder, body), format!("Expected a {format} encoded list\n"));
            assert_eq!(answer(decoder, b""), "[]");
        }
    }
}
