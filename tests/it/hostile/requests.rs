//! Requests that are no requests, and questions that ask for too much.

use e2e::raw::{ask, connect, exchange, request, rest, status};
use std::io::Write;

use super::Siege;

/// Name, bytes on the wire, and the statuses that are right; 0 is a closed connection.
fn requests() -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let get = |path: &str| request(&format!("GET {path}"), &[], b"");
    let header = |name: &str, value: &str| request("GET /health", &[(name, value)], b"");
    let many: String = (0..5_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let ids = vec!["1"; 20_000].join(",");
    let lies = |header: &str, body: &str| {
        format!("POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n{body}")
            .into_bytes()
    };
    vec![
        ("bytes", vec![0xff; 300], &[400, 0]),
        ("a null byte", b"GET /\0 HTTP/1.1\r\n\r\n".to_vec(), &[400, 0]),
        ("TLS", [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 500]].concat(), &[400, 0]),
        ("scribe", wire::scribe::log_call("zipkin", std::iter::empty(), 1), &[400, 0]),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), &[400, 0]),
        ("a version nobody has", b"GET / HTTP/9.9\r\n\r\n".to_vec(), &[400, 505, 0]),
        ("a length of 10^18", lies("Content-Length: 1000000000000000000", "["), &[413, 400, 0]),
        ("a length above all numbers", lies("Content-Length: 99999999999999999999999", "["), &[400, 413, 0]),
        ("a negative length", lies("Content-Length: -1", "["), &[400, 0]),
        ("two lengths", lies("Content-Length: 2\r\nContent-Length: 3", "[]x"), &[400, 0]),
        (
            "length and chunks",
            lies("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
            &[202, 400, 0],
        ),
        (
            "a chunk above all numbers",
            lies("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n["),
            &[400, 0],
        ),
        ("a chunk that lies", lies("Transfer-Encoding: chunked", "5\r\n[]\r\n0\r\n\r\n"), &[400, 0]),
        ("a body that breaks off", lies("Content-Length: 100", "[]"), &[400, 0]),
        (
            "an encoding of encodings",
            lies("Transfer-Encoding: gzip, chunked", "2\r\n[]\r\n0\r\n\r\n"),
            &[400, 501, 202, 0],
        ),
        ("a header of a MiB", header("x", &"y".repeat(1 << 20)), &[431, 400, 0]),
        (
            "5,000 headers",
            [&b"GET /health HTTP/1.1\r\n"[..], many.as_bytes(), b"\r\n"].concat(),
            &[431, 400, 0],
        ),
        ("a path of a MiB", get(&format!("/{}", "a".repeat(1 << 20))), &[414, 431, 400, 0]),
        ("a path of 30,000 slashes", get(&"/".repeat(30_000)), &[302, 404, 414]),
        ("up and out", get("/zipkin/../../../../etc/passwd"), &[404, 400]),
        ("up and out, in percent", get("/zipkin/%2e%2e/%2e%2e/etc/passwd"), &[404, 400]),
        ("up and out, in backslashes", get("/zipkin/..%5c..%5cetc/passwd"), &[404, 400]),
        ("an absolute path as a file", get("/zipkin//etc/passwd"), &[404, 400]),
        ("another server's address", get("http://169.254.169.254/latest/meta-data"), &[404, 400]),
        (
            "a tunnel",
            b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
            &[404, 405, 400, 0],
        ),
        ("a header in a path", get("/api/v2/trace/1%0d%0aSet-Cookie:%20a=b"), &[400, 404]),
        ("a header in a name", get("/api/v2/spans?serviceName=a%0d%0aSet-Cookie:%20a=b"), &[200]),
        ("a header in an origin", header("Origin", "http://a\rSet-Cookie: a=b"), &[400, 0]),
        ("a limit of 2^31", get("/api/v2/traces?limit=2147483647"), &[200, 400]),
        ("a limit above all numbers", get("/api/v2/traces?limit=99999999999999999999"), &[400]),
        ("a negative limit", get("/api/v2/traces?limit=-1"), &[400]),
        (
            "a lookback of all time",
            get("/api/v2/dependencies?endTs=9223372036854775807&lookback=9223372036854775807"),
            &[200, 400],
        ),
        ("a window before time", get("/api/v2/traces?endTs=1&lookback=9223372036854775807"), &[200, 400]),
        ("20,000 traces", get(&format!("/api/v2/traceMany?traceIds={ids}")), &[200, 400, 414, 431]),
        (
            "a query of 10,000 conditions",
            get(&format!("/api/v2/traces?annotationQuery={}", vec!["a%3Db"; 10_000].join("%20and%20"))),
            &[200, 400, 414, 431],
        ),
        ("percent signs", get(&format!("/api/v2/traces?serviceName={}", "%".repeat(10_000))), &[200, 400]),
        ("no UTF-8 in percent", get("/api/v2/traces?serviceName=%ff%fe%00"), &[200, 400]),
    ]
}

#[test]
fn requests_and_questions() {
    let siege = Siege::begin("requests", &[]);
    for (name, bytes, statuses) in requests() {
        // Where no answer is right too, the server learns that nothing more will come; others may see in that a sender
        // who is gone.
        let send = if statuses.contains(&0) { exchange } else { ask };
        let answer = send(siege.http(), &bytes);
        let got = status(&answer);
        assert!(statuses.contains(&got), "{name}: status {got}, not one of {statuses:?}");
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        assert!(!head.contains("\nset-cookie"), "{name}: the answer's head was split: {head}");
        siege.answers();
    }
    // The same at the ports that take OTLP alone: whatever is answered there, it goes on.
    for address in siege.server.otlp.into_iter().flatten() {
        for (_, bytes, _) in requests().into_iter().filter(|(_, _, statuses)| statuses.contains(&0)) {
            exchange(address, &bytes);
        }
        siege.answers();
    }
    // Many at once on one connection: answered one after the other.
    let mut stream = connect(siege.http());
    let many = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(999);
    stream.write_all(&many).unwrap();
    stream.write_all(&request("GET /health", &[], b"")).unwrap();
    let answers = rest(&mut stream);
    let count = answers.windows(12).filter(|window| window == b"HTTP/1.1 200").count();
    assert_eq!(count, 1_000, "answers on one connection");
    siege.end(150);
}
