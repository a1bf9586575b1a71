//! Bodies of POST: bombs, depths, lengths that lie, and values that are too many or too long.

use std::io::Write;

use e2e::raw::post;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Siege;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PROTO: (&str, &str) = ("Content-Type", "application/x-protobuf");
const THRIFT: (&str, &str) = ("Content-Type", "application/x-thrift");
const GZIP: (&str, &str) = ("Content-Encoding", "gzip");
/// Deeper than any stack.
const DEPTH: usize = 200_000;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A gzip stream of about a GiB of white space after an opening bracket, in less than the smallest limit on a body.
///
/// One block that is flushed whole can stand many times in a stream; its checksum, at the end, is never reached.
pub fn bomb(gib: usize) -> Vec<u8> {
    const PIECE_BYTES: usize = 1 << 20;
    let mut compress = flate2::Compress::new(Compression::best(), false);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut deflate = |input: &[u8]| {
        let mut out = Vec::with_capacity(PIECE_BYTES / 64);
        compress.compress_vec(input, &mut out, flate2::FlushCompress::Full).unwrap();
        out
    };
    bytes.extend(deflate(b"["));
    let piece = deflate(&vec![b' '; PIECE_BYTES]);
    bytes.extend(piece.repeat((gib << 30) / PIECE_BYTES));
    bytes
}

fn json_depth(open: &str) -> Vec<u8> {
    format!(r#"[{{"traceId":"1","id":"1","x":{}"#, open.repeat(DEPTH)).into_bytes()
}

fn in_span(rest: &str) -> Vec<u8> {
    format!(r#"[{{"traceId":"1","id":"1",{rest}}}]"#).into_bytes()
}

/// A thrift list of one span that goes on with these bytes.
fn thrift_span(rest: &[u8]) -> Vec<u8> {
    [&[12, 0, 0, 0, 1, 10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 10, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1][..], rest].concat()
}

/// Words of the same hash in Java.
fn colliding(count: usize) -> Vec<String> {
    (0..count).map(|n| (0..16).map(|bit| if n >> bit & 1 == 0 { "Aa" } else { "BB" }).collect()).collect()
}

/// Name, path, headers, body, and the statuses that are right.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], Vec<u8>, &'static [u16]);

fn cases() -> Vec<Case> {
    let (v1, v2, otlp) = ("/api/v1/spans", "/api/v2/spans", "/v1/traces");
    let huge = [0x7f, 0xff, 0xff, 0xff];
    let tags: Vec<_> = colliding(1 << 15).iter().map(|key| format!("\"{key}\":\"\"")).collect();
    let long = "n".repeat(3 << 20);
    vec![
        ("gzip bomb", v2, &[JSON, GZIP], bomb(1), &[413]),
        ("gzip bomb as proto3", v2, &[PROTO, GZIP], bomb(1), &[413]),
        ("gzip bomb as thrift", v1, &[THRIFT, GZIP], bomb(1), &[413]),
        ("gzip bomb as JSON v1", v1, &[JSON, GZIP], bomb(1), &[413]),
        ("gzip in gzip", v2, &[JSON, GZIP], gzip(&bomb(1)), &[400]),
        ("gzip twice by name", v2, &[JSON, ("Content-Encoding", "gzip, gzip")], gzip(&gzip(b"[]")), &[400]),
        ("gzip cut off", v2, &[JSON, GZIP], gzip(&[b' '; 100_000])[..40].to_vec(), &[400]),
        (
            "deflate, which nobody offered",
            v2,
            &[JSON, ("Content-Encoding", "deflate")],
            b"x\x9c".to_vec(),
            &[400, 415],
        ),
        (
            "zstd, which nobody offered",
            v2,
            &[JSON, ("Content-Encoding", "zstd")],
            b"\x28\xb5\x2f\xfd".to_vec(),
            &[400, 415],
        ),
        ("arrays without end", v2, &[JSON], json_depth("["), &[400]),
        ("objects without end", v2, &[JSON], json_depth("{\"a\":"), &[400]),
        ("arrays without end in v1", v1, &[JSON], json_depth("["), &[400]),
        ("structs without end", v1, &[THRIFT], thrift_span(&[12, 0, 77].repeat(DEPTH)), &[400]),
        (
            "lists without end",
            v1,
            &[THRIFT],
            thrift_span(&[&[15, 0, 77][..], &[15, 0, 0, 0, 1].repeat(DEPTH)].concat()),
            &[400],
        ),
        ("groups without end", v2, &[PROTO], [&[10, 0xff, 0xff, 0x3f][..], &[0x7b; DEPTH]].concat(), &[400]),
        ("a list of 2^31 spans", v1, &[THRIFT], [&[12][..], &huge].concat(), &[400]),
        (
            "a list of 2^31 annotations",
            v1,
            &[THRIFT],
            thrift_span(&[&[15, 0, 6, 12][..], &huge].concat()),
            &[400],
        ),
        ("a text of 2^31 bytes", v1, &[THRIFT], thrift_span(&[&[11, 0, 3][..], &huge].concat()), &[400]),
        ("a negative length", v1, &[THRIFT], thrift_span(&[11, 0, 3, 0xff, 0xff, 0xff, 0xff]), &[400]),
        ("a message of 2^32 bytes", v2, &[PROTO], vec![10, 0xff, 0xff, 0xff, 0xff, 0x0f, 10], &[400]),
        ("a varint without end", v2, &[PROTO], [&[10][..], &[0xff; 1000]].concat(), &[400]),
        ("keys of one hash", v2, &[JSON], in_span(&format!("\"tags\":{{{}}}", tags.join(","))), &[202]),
        ("a name of 3 MiB", v2, &[JSON], in_span(&format!(r#""name":"{long}""#)), &[202, 400]),
        (
            "a service name of 3 MiB",
            v2,
            &[JSON],
            in_span(&format!(r#""localEndpoint":{{"serviceName":"{long}"}}"#)),
            &[202, 400],
        ),
        ("a tag key of 3 MiB", v2, &[JSON], in_span(&format!(r#""tags":{{"{long}":"v"}}"#)), &[202, 400]),
        ("a tag value of 3 MiB", v2, &[JSON], in_span(&format!(r#""tags":{{"k":"{long}"}}"#)), &[202, 400]),
        ("a name for each of 250 services", v1, &[JSON], one_name_many_services(), &[202, 400]),
        ("gzip bomb as OTLP", otlp, &[PROTO, GZIP], bomb(1), &[413]),
        ("gzip bomb as OTLP in JSON", otlp, &[JSON, GZIP], bomb(1), &[413]),
        (
            "zstd as OTLP",
            otlp,
            &[PROTO, ("Content-Encoding", "zstd")],
            b"\x28\xb5\x2f\xfd".to_vec(),
            &[400, 415],
        ),
        (
            "arrays without end as OTLP",
            otlp,
            &[JSON],
            format!(r#"{{"resourceSpans":{}"#, "[".repeat(DEPTH)).into(),
            &[400],
        ),
        ("a value in values as OTLP", otlp, &[JSON], otlp_depth(), &[400]),
        (
            "groups without end as OTLP",
            otlp,
            &[PROTO],
            [&[10, 0xff, 0xff, 0x3f][..], &[0x7b; DEPTH]].concat(),
            &[400],
        ),
        ("what a resource says, for every span", otlp, &[PROTO], otlp_repeats(), &[200, 400, 413]),
        ("more than a body may have as OTLP", otlp, &[PROTO], vec![b'['; (10 << 20) + 1], &[413, 0]),
        ("more than a body may have", v2, &[JSON], vec![b'['; (10 << 20) + 1], &[413, 0]),
    ]
}

/// An attribute of a resource that is a list of lists.
fn otlp_depth() -> Vec<u8> {
    let value = r#"{"arrayValue":{"values":["#.repeat(DEPTH);
    format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{value}"#).into_bytes()
}

/// A resource with 4 MiB of attributes of one key, and 100,000 spans.
fn otlp_repeats() -> Vec<u8> {
    let part = |tag: u8, bytes: &[u8]| {
        let length = bytes.len();
        let groups =
            (0..5).map(|group| (length >> (7 * group)) as u8 & 0x7f | if group < 4 { 0x80 } else { 0 });
        [&[tag << 3 | 2][..], &groups.collect::<Vec<_>>(), bytes].concat()
    };
    let resource = b"\x0a\x03\x0a\x01a".repeat(800_000);
    let span = [&b"\x12\x1c\x0a\x10"[..], &[1; 16], b"\x12\x08", &[1; 8]].concat();
    let scope_spans = span.repeat(100_000);
    part(1, &[part(1, &resource), part(2, &scope_spans)].concat())
}

/// A v1 span becomes one v2 span for each service it names.
fn one_name_many_services() -> Vec<u8> {
    let name = "n".repeat(1 << 20);
    let annotation = |n| format!(r#"{{"timestamp":1,"value":"a","endpoint":{{"serviceName":"s{n}"}}}}"#);
    let annotations: Vec<_> = (0..250).map(annotation).collect();
    in_span(&format!(r#""name":"{name}","annotations":[{}]"#, annotations.join(",")))
}

#[test]
fn bodies() {
    let siege = Siege::begin("bodies", &[]);
    for (name, path, headers, body, statuses) in cases() {
        let status = post(siege.http(), path, headers, &body);
        assert!(statuses.contains(&status), "{name}: status {status}, not one of {statuses:?}");
        siege.answers();
    }
    // All at once: some are told to come again later.
    let (http, bomb) = (siege.http(), bomb(1));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let status = post(http, "/api/v2/spans", &[JSON, GZIP], &bomb);
                assert!([413, 503].contains(&status), "bombs at once: status {status}");
            });
        }
    });
    siege.end(400);
}
