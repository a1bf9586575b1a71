//! Spans without number: tiny ones, names that are all different, and traces of odd shapes.

use std::fmt::Write;

use e2e::raw::post;

use super::Siege;

const PROTO: (&str, &str) = ("Content-Type", "application/x-protobuf");
const JSON: (&str, &str) = ("Content-Type", "application/json");
/// Distinct service names, span names and tag keys.
const NAMES: u32 = 1_000_000;
/// Spans of one trace.
const GIANT: u64 = 50_000;

/// A field of protocol buffers that has bytes, fewer than 128.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat()
}

/// Spans that have nothing in common but their trace.
fn distinct_names(numbers: std::ops::Range<u32>, now_us: u64) -> Vec<u8> {
    let span = |n: u32| {
        let text = format!("{n:07x}");
        let tag = [field(1, text.as_bytes()), field(2, b"")].concat();
        let span = [
            field(1, &(u64::from(n / 100) + 1_000).to_be_bytes()),
            field(3, &(u64::from(n) + 1).to_be_bytes()),
            field(5, text.as_bytes()),
            [&[6 << 3 | 1][..], &now_us.to_le_bytes()].concat(),
            field(8, &field(1, text.as_bytes())),
            field(11, &tag),
        ];
        field(1, &span.concat())
    };
    numbers.flat_map(span).collect()
}

fn now_us() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64
}

#[test]
fn names_without_number() {
    let siege = Siege::begin("names", &[]);
    let now_us = now_us();
    for from in (0..NAMES).step_by(100_000) {
        let status =
            post(siege.http(), "/api/v2/spans", &[PROTO], &distinct_names(from..from + 100_000, now_us));
        assert_eq!(status, 202);
    }
    let (status, services) = siege.server.get("/api/v2/services").unwrap();
    println!("hostile names: {status}, {} bytes of service names", services.len());
    assert_eq!(
        siege.server.get("/api/v2/dependencies?endTs=9999999999999&lookback=9999999999999").unwrap().0,
        200
    );
    siege.end(450);
}

#[test]
fn tiny_spans() {
    let siege = Siege::begin("tiny", &[]);
    // The smallest span there is, half a million times in 4 MiB; a row has seven times its bytes.
    let body = b"\n\x06\n\x01\x01\x1a\x01\x01".repeat(500_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let status = post(siege.http(), "/api/v2/spans", &[PROTO], &body);
                assert!([202, 503].contains(&status), "status {status}");
            });
        }
    });
    siege.end(450);
}

/// A trace in JSON v2 from (id, parent) pairs.
fn trace(trace_id: &str, ids: impl Iterator<Item = (u64, u64)>) -> String {
    let mut body = String::from("[");
    for (id, parent) in ids {
        let comma = if body.len() > 1 { "," } else { "" };
        write!(
            body,
            r#"{comma}{{"traceId":"{trace_id}","id":"{id:016x}","parentId":"{parent:016x}","kind":"SERVER","timestamp":{},"duration":9,"localEndpoint":{{"serviceName":"s{}"}}}}"#,
            1_700_000_000_000_000 + id,
            id % 7
        )
        .unwrap();
    }
    body + "]"
}

#[test]
fn traces_of_odd_shapes() {
    let siege = Siege::begin("shapes", &[]);
    let shapes = [
        ("a1", trace("a1", (1..=GIANT).map(|id| (id, 1)))),
        ("a2", trace("a2", (1..=GIANT).map(|id| (id, id - 1)))),
        ("a3", trace("a3", (1..=GIANT).map(|id| (id, id % GIANT + 1)))),
        ("a4", trace("a4", (1..=100).map(|id| (id, id)))),
        ("a5", trace("a5", (0..GIANT).map(|n| (n % 3 + 1, n % 2 + 1)))),
        ("a6", trace("a6", (1..=100).map(|id| (id, id + 1_000_000)))),
    ];
    for (trace_id, body) in &shapes {
        assert_eq!(post(siege.http(), "/api/v2/spans", &[JSON], body.as_bytes()), 202, "{trace_id}");
    }
    for (trace_id, _) in &shapes {
        let (status, body) = siege.server.get(&format!("/api/v2/trace/{trace_id}")).unwrap();
        assert_eq!(status, 200, "{trace_id}");
        assert!(body.matches("traceId").count() >= 3, "{trace_id}");
    }
    for path in [
        "/api/v2/dependencies?endTs=1700000100000&lookback=86400000",
        "/api/v2/traces?endTs=1700000100000&lookback=86400000&limit=100",
        "/api/v2/traceMany?traceIds=a1,a2,a3,a4,a5,a6",
    ] {
        assert_eq!(siege.server.get(path).unwrap().0, 200, "{path}");
    }
    siege.end(450);
}
