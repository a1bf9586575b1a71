//! Decoders of what clients send.

use std::hint::black_box;

use model::batch::Batch;
use serde::de::IgnoredAny;
use wire::{json_v2, thrift_v1};

use crate::Bench;
use crate::otlp;
use crate::spans::{self, TRACE_SPANS};

const TRACES: usize = 1_000;

pub fn benches() -> Vec<Bench> {
    let json = spans::json(TRACES, 1);
    let thrift = spans::thrift(&spans::batch(&json));
    let unit = ("span", TRACES * TRACE_SPANS);
    let request = otlp::request(TRACES * TRACE_SPANS, 1);
    let (json_again, thrift_again, request_again) = (json.clone(), thrift.clone(), request.clone());
    vec![
        Bench {
            name: "decode JSON v2",
            unit,
            run: Box::new(move || {
                let mut batch = Batch::new();
                json_v2::decode_list(json.as_bytes(), &mut batch).expect("sound JSON");
                black_box(batch);
            }),
            floor_name: "serde_json skips the text",
            floor: Box::new(move || {
                black_box(serde_json::from_str::<IgnoredAny>(&json_again).expect("sound JSON"));
            }),
        },
        Bench {
            name: "decode thrift v1",
            unit,
            run: Box::new(move || {
                let mut batch = Batch::new();
                thrift_v1::decode_list(&thrift, &mut batch).expect("sound thrift");
                black_box(batch);
            }),
            floor_name: "a copy and its CRC-32",
            floor: Box::new(move || {
                let copy = black_box(&thrift_again).clone();
                black_box(crc32fast::hash(&copy));
            }),
        },
        Bench {
            name: "decode OTLP protobuf",
            unit,
            run: Box::new(move || {
                let mut batch = Batch::new();
                wire::otlp::decode_protobuf(&request, &mut batch).expect("a sound request");
                black_box(batch);
            }),
            floor_name: "a copy and its CRC-32",
            floor: Box::new(move || {
                let copy = black_box(&request_again).clone();
                black_box(crc32fast::hash(&copy));
            }),
        },
    ]
}
