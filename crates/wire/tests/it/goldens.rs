//! What the real Zipkin answered, byte for byte the same from us.

use std::path::Path;

use base64_simd::STANDARD;
use serde_json::Value;

use crate::support::{Decoder, decode, written};

fn lines(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/zipkin-codecs").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns every recorded body, good and bad.
pub fn bodies() -> Vec<Vec<u8>> {
    [lines("probes.jsonl"), lines("random.jsonl")].concat().iter().map(body).collect()
}

fn body(line: &Value) -> Vec<u8> {
    match line["body_b64"].as_str() {
        Some(encoded) => STANDARD.decode_to_vec(encoded).unwrap(),
        None => line["body"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// Holds one recorded answer against ours.
fn check(line: &Value) {
    let name = line["name"].as_str().unwrap();
    let decoder: Decoder = match line["format"].as_str().unwrap() {
        "JSON_V2" => wire::json_v2::decode_list,
        "JSON_V1" => wire::json_v1::decode_list,
        "THRIFT" => wire::thrift_v1::decode_list,
        "PROTO3" => wire::proto3::decode_list,
        other => panic!("{name}: format {other}"),
    };
    let body = body(line);
    let answer = line["answer"].as_str().unwrap();
    match (decode(decoder, &body), line["status"].as_u64().unwrap()) {
        (Ok(spans), 202) if answer.is_empty() => drop(spans),
        (Ok(spans), 202) => {
            let expected = decode(wire::json_v2::decode_list, answer.as_bytes()).unwrap();
            // What the server wrote comes out of our writer as it was.
            assert_eq!(written(&expected), answer, "{name}");
            // The server groups a trace by milliseconds and keeps equal spans once.
            let sorted = |spans: &[model::span::Span]| {
                let mut texts: Vec<_> =
                    spans.iter().map(|span| written(std::slice::from_ref(span))).collect();
                texts.sort();
                texts.dedup();
                texts
            };
            assert_eq!(sorted(&spans), sorted(&expected), "{name}");
        }
        (Err(error), 400) => assert_eq!(message(&error), message(answer), "{name}"),
        (got, status) => panic!("{name}: {status} {answer}, but we say {got:?}"),
    }
}

/// Returns an error's text without the lengths of what was cut off, which the server counts within its own buffer.
fn message(text: &str) -> (String, String) {
    // A required field of its own in the server's proto3 reader; we name it as the other formats do.
    let text = text
        .replace("id == null reading List<Span> from proto3", "Missing : id reading List<Span> from proto3");
    let (what, source) = match text.split_once(" reading ") {
        Some((what, source)) => (what, source),
        None => (text.as_str(), ""),
    };
    let what = what.split(": length ").next().unwrap_or(what);
    (what.to_owned(), source.to_owned())
}

#[test]
fn probes() {
    let lines = lines("probes.jsonl");
    assert!(lines.len() > 100, "{}", lines.len());
    lines.iter().for_each(check);
}

#[test]
fn random_spans() {
    let lines = lines("random.jsonl");
    assert!(lines.len() > 100, "{}", lines.len());
    lines.iter().for_each(check);
}
