//! Scribe calls and answers, both sides.

use proptest::prelude::*;
use wire::scribe::{
    Entry, ResultCode, ScribeError, decode_message, encode_message, exception, log_call, read_entries,
    read_head, read_reply, reply,
};

const NON_STRICT: bool = false;
const STRICT: bool = true;

fn bytes(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text].concat()
}

/// A message of this type with what follows its head.
fn message(strict: bool, kind: u8, method: &str, body: &[u8]) -> Vec<u8> {
    let head = match strict {
        true => [vec![0x80, 1, 0, kind], bytes(method.as_bytes())].concat(),
        false => [bytes(method.as_bytes()), vec![kind]].concat(),
    };
    [&head, &[0, 0, 0, 7][..], body].concat()
}

fn entries(frame: &[u8]) -> Result<Vec<(String, String)>, ScribeError> {
    let (head, body) = read_head(frame)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut found = Vec::new();
    read_entries(&head, body, &mut |Entry { category, message }| {
        found.push((text(category), text(message)))
    })?;
    Ok(found)
}

/// Takes the frame's length off.
fn unframed(frame: &[u8]) -> &[u8] {
    let (length, rest) = frame.split_first_chunk::<4>().unwrap();
    assert_eq!(u32::from_be_bytes(*length) as usize, rest.len());
    rest
}

fn pair(category: &str, message: &str) -> (String, String) {
    (category.to_owned(), message.to_owned())
}

#[test]
fn calls_with_either_header_are_read() {
    let entry = [&[11, 0, 1][..], &bytes(b"zipkin"), &[11, 0, 2], &bytes(b"AAAA"), &[0]].concat();
    let body = [&[15, 0, 1, 12, 0, 0, 0, 2][..], &entry, &entry, &[0]].concat();
    for strict in [STRICT, NON_STRICT] {
        let all = [pair("zipkin", "AAAA"), pair("zipkin", "AAAA")];
        assert_eq!(entries(&message(strict, 1, "Log", &body)).unwrap(), all);
    }
}

#[test]
fn fields_in_any_order_and_unknown_ones_are_read() {
    let unknown =
        [&[12, 0, 9, 8, 0, 1, 0, 0, 0, 5, 0][..], &[13, 0, 8, 11, 8, 0, 0, 0, 1], &bytes(b"k"), &[0; 4]]
            .concat();
    let entry = [&unknown[..], &[11, 0, 2], &bytes(b"BBBB"), &[11, 0, 1], &bytes(b"other"), &[0]].concat();
    let body = [&unknown[..], &[15, 0, 1, 12, 0, 0, 0, 1], &entry, &[0]].concat();
    assert_eq!(entries(&message(STRICT, 1, "Log", &body)).unwrap(), [pair("other", "BBBB")]);
    assert_eq!(entries(&message(STRICT, 1, "Log", &[0])).unwrap(), []);
}

#[test]
fn other_methods_can_be_answered() {
    for strict in [STRICT, NON_STRICT] {
        let frame = message(strict, 1, "getName", &[0]);
        let (head, body) = read_head(&frame).unwrap();
        let error = read_entries(&head, body, &mut |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "not a scribe message: unknown method getName");
        let answer = exception(&head, &error.to_string());
        assert_eq!(read_reply(unframed(&answer)), Err(ScribeError::Exception(error.to_string())));
    }
}

#[test]
fn answers_come_in_the_form_of_the_call() {
    for strict in [STRICT, NON_STRICT] {
        let frame = message(strict, 1, "Log", &[0]);
        let (head, _) = read_head(&frame).unwrap();
        for (code, number) in [(ResultCode::Ok, 0), (ResultCode::TryLater, 1)] {
            let answer = reply(&head, code);
            let expected = message(strict, 2, "Log", &[8, 0, 0, 0, 0, 0, number, 0]);
            assert_eq!(unframed(&answer), expected);
            assert_eq!(read_reply(&expected), Ok(code));
        }
        let answer = exception(&head, "bad");
        let body = [&[11, 0, 1][..], &bytes(b"bad"), &[8, 0, 2, 0, 0, 0, 6, 0]].concat();
        assert_eq!(unframed(&answer), message(strict, 3, "Log", &body));
    }
}

#[test]
fn frames_that_are_no_call_are_turned_away() {
    let whole = message(STRICT, 1, "Log", &[15, 0, 1, 12, 0, 0, 0, 0, 0]);
    assert_eq!(entries(&whole), Ok(Vec::new()));
    for length in 0..whole.len() {
        assert!(entries(&whole[..length]).is_err(), "{length} bytes");
    }
    for frame in [
        &message(STRICT, 2, "Log", &[0])[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        // More entries than there are bytes.
        &message(STRICT, 1, "Log", &[15, 0, 1, 12, 0x7f, 0xff, 0xff, 0xff]),
        &message(STRICT, 1, "Log", &[15, 0, 1, 12, 0xff, 0xff, 0xff, 0xff]),
        // Nested without end.
        &message(STRICT, 1, "Log", &[12, 0, 9].repeat(1000)),
    ] {
        assert!(entries(frame).is_err());
    }
}

#[test]
fn replies_that_are_none_are_malformed() {
    for frame in [
        &b""[..],
        b"HTTP/1.1 400 Bad",
        &message(STRICT, 2, "Log", &[0]),
        &message(STRICT, 2, "Log", &[8, 0, 0, 0, 0, 0, 2, 0]),
        &message(STRICT, 2, "Log", &[8, 0, 0, 0, 0]),
        &message(STRICT, 1, "Log", &[8, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        assert!(matches!(read_reply(frame), Err(ScribeError::Malformed(_))), "{frame:?}");
    }
}

#[test]
fn messages_are_decoded_as_mime() {
    for (message, expected) in [
        ("QUJD", "ABC"),
        ("QUJDRA==", "ABCD"),
        ("QUJDRA", "ABCD"),
        ("QUJDRA==\n", "ABCD"),
        ("QUJD\r\nREVG\r\n", "ABCDEF"),
        ("Q-U*J\0D\u{fc} ", "ABC"),
        // What follows the padding is not read.
        ("QUJDRA==QUJD", "ABCD"),
    ] {
        assert_eq!(decode_message(message.as_bytes()).unwrap(), expected.as_bytes(), "{message}");
    }
    for message in ["", "\n", "====", "A", "QUJDR"] {
        assert!(decode_message(message.as_bytes()).is_err(), "{message:?}");
    }
}

#[test]
fn the_entries_of_our_calls_are_read() {
    let messages = [encode_message(b"one"), encode_message(&[0, 255, 128])];
    let frame = log_call("zipkin", messages.iter().map(Vec::as_slice), 3);
    let found = entries(unframed(&frame)).unwrap();
    assert_eq!(found, [pair("zipkin", "b25l"), pair("zipkin", "AP+A")]);
    assert_eq!(decode_message(found[1].1.as_bytes()).unwrap(), [0, 255, 128]);
    assert_eq!(entries(unframed(&log_call("zipkin", std::iter::empty(), 3))).unwrap(), []);
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(frame: Vec<u8>, flips in prop::collection::vec((0usize..80, any::<u8>()), 0..4)) {
        let message = encode_message(b"span");
        let mut near = log_call("zipkin", [message.as_slice(), &message].into_iter(), 1)[4..].to_vec();
        for (at, byte) in flips {
            let at = at % near.len();
            near[at] = byte;
        }
        for frame in [frame, near] {
            let _ = read_reply(&frame);
            let _ = decode_message(&frame);
            if let Ok((head, body)) = read_head(&frame) {
                let _ = read_entries(&head, body, &mut |_| ());
            }
        }
    }

    #[test]
    fn any_span_comes_back_from_base64(span in prop::collection::vec(any::<u8>(), 1..300)) {
        prop_assert_eq!(decode_message(&encode_message(&span)).unwrap(), span);
    }
}

/// Recorded from Zipkin 3.5.1, which was sent a message that holds no span: an exception with a type and without a text.
#[test]
fn zipkins_exception_without_a_text_is_an_exception() {
    let frame = b"\x80\x01\x00\x03\x00\x00\x00\x03Log\x00\x00\x00\x07\x08\x00\x02\x00\x00\x00\x06\x00";
    assert!(matches!(wire::scribe::read_reply(frame), Err(wire::scribe::ScribeError::Exception(_))));
}
