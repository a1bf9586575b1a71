//! Bytes that mean harm: no panic, and no more memory than the bytes could fill.

use model::batch::Batch;
use model::id::{SpanId, TraceId};
use model::span::Span;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::encode;
use crate::memory::asked_by;
use crate::support::{Decoder, answer, written};

pub const DECODERS: [Decoder; 5] = [
    wire::json_v2::decode_list,
    wire::json_v1::decode_list,
    wire::proto3::decode_list,
    wire::thrift_v1::decode_list,
    wire::thrift_v1::decode_span,
];

#[test]
fn a_length_is_not_believed() {
    let huge = i32::MAX.to_be_bytes();
    let ids = [encode::thrift_i64(1, 1), encode::thrift_i64(4, 1)].concat();
    let with = |head: &[u8]| [&ids[..], head, &huge, &[0; 64]].concat();
    let list = |span: &[u8]| [&[12, 0, 0, 0, 1][..], span].concat();
    for body in [
        [&[12][..], &huge].concat(),
        [&[12][..], &huge, &[0; 64]].concat(),
        list(&with(&[15, 0, 6, 12])),
        list(&with(&[15, 0, 8, 12])),
        list(&with(&[15, 0, 77, 2])),
        list(&with(&[13, 0, 77, 12, 12])),
        list(&with(&[11, 0, 3])),
        b"\n\xff\xff\xff\xff\x07\n\x01".to_vec(),
        b"\n\x08\n\xff\xff\xff\xff\x07\n\x01".to_vec(),
    ] {
        for decoder in DECODERS {
            // A message and the box it travels in, and the memory of one span: never the length.
            let asked = asked_by(|| assert!(decoder(&body, &mut Batch::new()).is_err()));
            assert!(asked < 4096, "{asked} for {}", body.escape_ascii());
        }
    }
}

#[test]
fn memory_grows_with_the_bytes_that_came() {
    // The smallest elements each format has, many of them.
    let count = 100_000u32;
    let thrift = [
        &[12, 0, 0, 0, 1][..],
        &[15, 0, 6, 12],
        &count.to_be_bytes(),
        &vec![0; count as usize],
        &encode::thrift_i64(1, 1),
        &encode::thrift_i64(4, 1),
        &[0],
    ]
    .concat();
    let proto = encode::proto_bytes(
        1,
        &[&b"\n\x01\x01\x1a\x01\x01"[..], &b"\x52\x00".repeat(count as usize)].concat(),
    );
    let tags = r#""":"","#.repeat(count as usize);
    let json = format!(r#"[{{"traceId":"1","id":"1","tags":{{{}}}}}]"#, tags.trim_end_matches(','));
    let cases: [(Decoder, &[u8]); 3] =
        [(DECODERS[3], &thrift), (DECODERS[2], &proto), (DECODERS[0], json.as_bytes())];
    for (decoder, body) in cases {
        let asked = asked_by(|| decoder(body, &mut Batch::new()).unwrap());
        // A tag of six bytes takes two borrowed texts, in a vector that doubles, and the sort's scratch space.
        assert!(asked < 64 * body.len(), "{asked} for {} bytes", body.len());
    }
}

/// Each decoder's own input, to be damaged.
pub fn whole() -> [Vec<u8>; 5] {
    let mut span = Span::new(TraceId::from_halves(1, 2).unwrap(), SpanId::new(3).unwrap());
    span.name = Some("get \"é\"".to_owned());
    span.timestamp_us = Some(5);
    span.tags = vec![("key".to_owned(), "value\n😀".to_owned()), ("other".to_owned(), String::new())];
    let spans = [span.clone(), span];
    [
        written(&spans).into_bytes(),
        encode::json_v1(&spans),
        encode::proto3(&spans),
        encode::thrift(&spans),
        encode::thrift_span(&spans[0]),
    ]
}

#[test]
fn cut_off_anywhere_is_refused() {
    for (decoder, body) in DECODERS.into_iter().zip(whole()) {
        assert!(answer(decoder, &body).starts_with("[{"), "{}", answer(decoder, &body));
        for length in 1..body.len() {
            let mut batch = Batch::new();
            let got = decoder(&body[..length], &mut batch);
            // Protocol buffers have no end mark: the first span alone is a list too.
            let whole_message = batch.len() == 1 && got.is_ok();
            assert!(whole_message || (got.is_err() && batch.is_empty()), "{length} of {}", body.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_spans_or_an_error(
        bytes in vec(any::<u8>(), 0..200), first in prop::sample::select(&b"[\x0c\x0b\n"[..]),
    ) {
        let body = [&[first][..], &bytes].concat();
        for decoder in DECODERS {
            let mut batch = Batch::new();
            if decoder(&body, &mut batch).is_err() {
                prop_assert!(batch.is_empty());
            }
            let _ = wire::detect::detect(&bytes);
        }
    }

    #[test]
    fn damaged_spans_are_spans_or_an_error(damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for (decoder, mut body) in DECODERS.into_iter().zip(whole()) {
            for (at, byte) in &damage {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            let mut batch = Batch::new();
            if decoder(&body, &mut batch).is_err() {
                prop_assert!(batch.is_empty());
            }
        }
    }

    #[test]
    fn any_text_is_a_string_of_json(text in "\\PC{0,20}|[\u{0}-\u{40}\\\\\"]{0,20}") {
        let body = format!(r#"[{{"traceId":"1","id":"1","tags":{{"k":{}}}}}]"#, serde_json::to_string(&text).unwrap());
        let mut batch = Batch::new();
        wire::json_v2::decode_list(body.as_bytes(), &mut batch).unwrap();
        prop_assert_eq!(batch.rows().next().unwrap().tag("k"), Some(&*text));
    }
}
