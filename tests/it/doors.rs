//! Bad input at the doors: answered as the contract says, and the server lives.

use std::io::{Read, Write};
use std::net::TcpStream;

use e2e::load;
use e2e::raw::exchange;
use e2e::server::Server;
use model::id::{SpanId, TraceId};
use model::span::Span;
use wire::scribe::ResultCode;

/// Sends spans in one scribe call and returns the answer.
pub fn scribe_log(stream: &mut TcpStream, spans: &[Span]) -> std::io::Result<ResultCode> {
    let messages: Vec<_> = spans
        .iter()
        .map(|span| {
            let mut bytes = Vec::new();
            wire::thrift_write::write_span(&mut bytes, span);
            wire::scribe::encode_message(&bytes)
        })
        .collect();
    stream.write_all(&wire::scribe::log_call("zipkin", messages.iter().map(Vec::as_slice), 1))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    wire::scribe::read_reply(&frame).map_err(std::io::Error::other)
}

fn server() -> (Server, tempfile::TempDir) {
    let data_dir = tempfile::tempdir().unwrap();
    (Server::start(data_dir.path(), &[]).unwrap(), data_dir)
}

#[test]
fn garbage_on_the_scribe_port() {
    let (server, _data_dir) = server();
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
        &[0xff; 64],
        &[0, 0, 0, 5, 1, 2, 3],
        &[0, 0, 0, 0],
        &[0, 0, 0, 4, 0x80, 1, 0, 1],
    ] {
        exchange(server.scribe, garbage);
    }
    let mut seed = fastrand::Rng::with_seed(7);
    for length in [1usize, 10, 100, 1000] {
        let mut frame = (length as u32).to_be_bytes().to_vec();
        frame.extend(std::iter::repeat_with(|| seed.u8(..)).take(length));
        exchange(server.scribe, &frame);
    }
    let mut stream = TcpStream::connect(server.scribe).unwrap();
    assert_eq!(scribe_log(&mut stream, &load::trace(1)).unwrap(), ResultCode::Ok);
    assert_eq!(server.get(&format!("/api/v2/trace/{}", load::trace_id(1))).unwrap().0, 200);
}

#[test]
fn garbage_on_the_http_port() {
    let (server, _data_dir) = server();
    for (body, status) in [
        (&b"{}"[..], 400),
        (b"[{]", 400),
        (b"\xff\xfe\x00", 400),
        // Not UTF-8: read as U+FFFD, as Java reads it.
        (b"[{\"traceId\":\"1\",\"id\":\"1\",\"name\":\"\xff\"}]", 202),
        (b"", 202),
    ] {
        assert_eq!(
            server.post("/api/v2/spans", body).unwrap(),
            status,
            "{:?}",
            String::from_utf8_lossy(body)
        );
    }
    exchange(server.http, &[0xff; 300]);
    exchange(server.http, b"POST /api/v2/spans HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n[");
    let huge = vec![b'['; (10 << 20) + 1];
    assert_eq!(server.post("/api/v2/spans", &huge).unwrap_or(413), 413);
    assert_eq!(server.get("/health").unwrap().0, 200);
}

#[test]
fn zipkins_switches() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut command = e2e::server::command(data_dir.path(), &[]);
    command
        .env("HTTP_COLLECTOR_ENABLED", "false")
        .env("COLLECTOR_SAMPLE_RATE", "0.5")
        .env("SCRIBE_CATEGORY", "zipkin");
    let server = Server::spawn(command).unwrap();
    assert_eq!(server.post("/api/v2/spans", b"[]").unwrap(), 404);
    assert_eq!(server.post("/api/v1/spans", b"[]").unwrap(), 404);
    assert_eq!(server.get("/api/v2/spans?serviceName=x").unwrap(), (200, "[]".into()));
    let span = |trace_id: u128| Span::new(TraceId::new(trace_id).unwrap(), SpanId::new(1).unwrap());
    let debug = Span { debug: true, ..span(0x7fff_ffff_ffff_fffe) };
    let spans = [span(0x4000_0000_0000_0000), span(0x4000_0000_0000_0001), debug];
    let mut stream = TcpStream::connect(server.scribe).unwrap();
    assert_eq!(scribe_log(&mut stream, &spans).unwrap(), ResultCode::Ok);
    let found = spans.map(|span| server.get(&format!("/api/v2/trace/{}", span.trace_id)).unwrap().0);
    assert_eq!(found, [200, 404, 200]);
    assert_eq!(server.metric("zipkin_collector_spans_dropped_total{transport=\"scribe\"}").unwrap(), 1.0);
}
