//! Frames of gRPC: what is one message, what is none, and any bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::grpc::{
    FrameError, Message, binary_header, decode_text, encode_text, percent_encode, push_message,
    push_trailers, read_message,
};

#[test]
fn one_message_a_call() {
    for (body, wanted) in [
        (&b"\0\0\0\0\0"[..], Ok((false, &b""[..]))),
        (b"\0\0\0\0\x02ab", Ok((false, b"ab"))),
        (b"\x01\0\0\0\x02ab", Ok((true, b"ab"))),
        (b"", Err(FrameError::CutOff { missing: 5 })),
        (b"\0\0\0\0", Err(FrameError::CutOff { missing: 1 })),
        (b"\0\0\0\0\x03ab", Err(FrameError::CutOff { missing: 1 })),
        (b"\0\xff\xff\xff\xffab", Err(FrameError::CutOff { missing: 0xffff_fffd })),
        (b"\x02\0\0\0\0", Err(FrameError::UnknownFlag(2))),
        (b"\0\0\0\0\0\0\0\0\0\0", Err(FrameError::MoreThanOne)),
    ] {
        let wanted = wanted.map(|(compressed, bytes)| Message { compressed, bytes });
        assert_eq!(read_message(body), wanted, "{}", body.escape_ascii());
    }
}

#[test]
fn headers() {
    assert_eq!(percent_encode("50% of Grüße\n"), "50%25 of Gr%C3%BC%C3%9Fe%0A");
    assert_eq!(binary_header(b"a"), "YQ");
    let mut out = Vec::new();
    push_trailers(&mut out, [("grpc-status", &b"8"[..]), ("a", b"b")].into_iter());
    assert_eq!(out, b"\x80\0\0\0\x16grpc-status: 8\r\na: b\r\n");
}

#[test]
fn text_may_come_in_pieces() {
    assert_eq!(decode_text(b"AAAAAAA=AAAA").as_deref(), Some(&[0; 8][..]));
    assert_eq!(decode_text(b"YQ==Yg==").as_deref(), Some(&b"ab"[..]));
    assert_eq!(decode_text(b"").as_deref(), Some(&b""[..]));
    assert_eq!(decode_text(b"a!"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in vec(any::<u8>(), 0..40)) {
        if let Ok(message) = read_message(&bytes) {
            prop_assert_eq!(message.bytes.len() + 5, bytes.len());
        }
        if let Some(decoded) = decode_text(&bytes) {
            prop_assert!(decoded.len() <= bytes.len());
        }
        let mut framed = Vec::new();
        push_message(&mut framed, &bytes);
        prop_assert_eq!(read_message(&framed), Ok(Message { compressed: false, bytes: &bytes }));
        prop_assert_eq!(decode_text(&encode_text(&framed)), Some(framed));
    }
}
