//! Senders that take their time, connections that say nothing, and readers that do not read.

use std::io::{Read, Write};
use std::net::TcpStream;

use e2e::raw::{self, request};

use super::Siege;

const IDLE: usize = 1_000;
const SLOW: usize = 150;

/// Opens connections that each send this and then nothing.
fn hold(siege: &Siege, count: usize, bytes: &[u8], to_scribe: bool) -> Vec<TcpStream> {
    let address = if to_scribe { siege.scribe() } else { siege.http() };
    let open = |_| {
        let mut stream = raw::connect(address);
        stream.write_all(bytes).unwrap();
        stream
    };
    (0..count).map(open).collect()
}

#[test]
fn slow_and_silent() {
    raw::open_many();
    let siege = Siege::begin("slow", &[]);
    let body = format!("POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n[", 9 << 20);
    let chunked = b"POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n";
    let mut held = Vec::new();
    for (count, bytes, to_scribe) in [
        (IDLE, &b""[..], false),
        (IDLE, b"", true),
        (SLOW, b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b", false),
        (SLOW, body.as_bytes(), false),
        (SLOW, chunked, false),
        (SLOW, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false),
        (SLOW, &[0, 0], true),
        (SLOW, &[0, 0, 4, 0, 0x80, 1, 0, 1], true),
    ] {
        held.extend(hold(&siege, count, bytes, to_scribe));
        siege.answers();
        siege.store(0..2);
    }
    // One more byte for each: a trickle is no sign of life that would keep a connection for ever.
    for stream in &mut held {
        let _ = stream.write_all(b" ");
    }
    siege.answers();
    // Half of them end without a goodbye.
    for stream in held.drain(..).step_by(2) {
        let _ = stream.shutdown(std::net::Shutdown::Read);
    }
    readers_that_do_not_read(&siege);
    siege.end(200);
}

/// Large answers that nobody takes: they wait in the connection, a few at a time, not all in memory.
fn readers_that_do_not_read(siege: &Siege) {
    let ask = request("GET /api/v2/traces?limit=1000&lookback=9000000000000", &[], b"");
    let streams: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = raw::connect(siege.http());
            stream.write_all(&ask).unwrap();
            stream
        })
        .collect();
    siege.answers();
    for mut stream in streams {
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
    }
}

/// More connections than there are places, of every kind that is slow: those that wait longest go, and the others run
/// into their limits on time.
#[test]
fn more_connections_than_places() {
    raw::open_many();
    let settings = [
        ("SPANLET_HTTP_CONNECTIONS_MAX", "40"),
        ("SPANLET_SCRIBE_CONNECTIONS_MAX", "40"),
        ("SPANLET_HTTP_BODY_TIMEOUT", "500ms"),
        ("SPANLET_SCRIBE_FRAME_TIMEOUT", "500ms"),
    ];
    let siege = Siege::begin("places", &settings);
    let post = b"POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[";
    let mut held = Vec::new();
    for (bytes, to_scribe) in [
        (&b""[..], false),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b", false),
        (post, false),
        (b"", true),
        (&[0, 0], true),
        (&[0, 0, 4, 0, 0x80], true),
    ] {
        held.extend(hold(&siege, 100, bytes, to_scribe));
        siege.answers();
        siege.store(0..2);
    }
    siege.end(100);
    assert_eq!(held.len(), 600);
}

/// Those who neither send on nor read do not keep the server from stopping.
#[test]
fn stopping_is_not_held_up() {
    let siege = Siege::begin("stop", &[]);
    let post = b"POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[";
    let ask = request("GET /api/v2/traces?limit=1000&lookback=9000000000000", &[], b"").repeat(2_000);
    let calls = wire::scribe::log_call("zipkin", std::iter::empty(), 1).repeat(200_000);
    let mut held = hold(&siege, 10, post, false);
    held.extend(hold(&siege, 10, &[0, 0, 4, 0, 0x80], true));
    for (address, bytes) in [(siege.http(), &ask), (siege.scribe(), &calls)] {
        let mut stream = raw::connect(address);
        stream.set_nonblocking(true).unwrap();
        // As much as the server takes.
        let _ = stream.write_all(bytes);
        held.push(stream);
    }
    siege.end(200);
    assert_eq!(held.len(), 22);
}
