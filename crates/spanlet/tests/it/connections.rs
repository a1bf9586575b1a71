//! Limits of connections, each reached: slow heads and bodies, silence, too many, too large.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use crate::process::{SPAN, Server, curl, free_ports, start, wait_until};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.at["http"]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Reads until the other side closes.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a byte every now and then, until the other side has closed.
fn trickle(mut stream: TcpStream) {
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    wait_until("end of a connection that trickles", || {
        let sent = stream.write_all(b"x");
        let closed = matches!(stream.read(&mut [0; 1024]), Ok(0));
        sent.is_err() || closed
    });
}

#[test]
fn a_head_that_takes_too_long_ends_the_connection() {
    let server = start(&["--http-header-timeout", "300ms"]);
    let mut slow = connect(&server);
    slow.write_all(b"GET /health HTTP/1.1\r\nX: ").unwrap();
    trickle(slow);
    assert_eq!(server.metric("spanlet_http_header_timeouts_total"), 1.0);
    // The second request of a connection too, and the preface of HTTP/2.
    let mut slow = connect(&server);
    slow.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(slow.read(&mut [0; 4096]).unwrap() > 0);
    slow.write_all(b"GET /health HT").unwrap();
    trickle(slow);
    let mut slow = connect(&server);
    slow.write_all(b"PRI * HTTP/2.0\r\n").unwrap();
    rest(slow);
    assert_eq!(server.metric("spanlet_http_header_timeouts_total"), 3.0);
}

#[test]
fn silence_ends_the_connection() {
    let times = ["--query-timeout", "2s", "--http-idle-timeout", "2100ms", "--http-header-timeout", "300ms"];
    let server = start(&times);
    let mut used = connect(&server);
    used.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(rest(used).starts_with("HTTP/1.1 200"));
    assert_eq!(rest(connect(&server)), "");
    // A client of HTTP/2 is told (GOAWAY, frame type 7), but its answer is not waited for for ever.
    let mut http2 = connect(&server);
    http2.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut bytes = Vec::new();
    let _ = http2.read_to_end(&mut bytes);
    let mut frames = bytes.as_slice();
    let mut kinds = Vec::new();
    while let [a, b, c, kind, ..] = *frames {
        kinds.push(kind);
        frames = frames.get(9 + u32::from_be_bytes([0, a, b, c]) as usize..).unwrap_or(&[]);
    }
    assert!(kinds.contains(&7), "{kinds:?}");
    assert_eq!(server.metric("spanlet_http_idle_timeouts_total"), 2.0);
    assert_eq!(server.metric("spanlet_http_header_timeouts_total"), 1.0);
}

#[test]
fn a_body_that_takes_too_long_is_given_up() {
    let server = start(&["--http-body-timeout", "300ms"]);
    let mut slow = connect(&server);
    slow.write_all(b"POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n[").unwrap();
    trickle(slow);
    assert_eq!(server.metric("spanlet_http_body_timeouts_total"), 1.0);
}

#[test]
fn those_who_do_nothing_make_room() {
    let server = start(&["--http-connections-max", "8"]);
    let mut idle: Vec<_> = (0..100).map(|_| connect(&server)).collect();
    assert_eq!(curl(&[&server.url("/health")]).status, 200);
    assert!(server.metric("spanlet_http_connections_evicted_total") >= 92.0);
    // Who has sent half a head goes as fast.
    for mut stream in (0..100).map(|_| connect(&server)) {
        let _ = stream.write_all(b"GET /health HTTP/1.1\r\nX: ");
        idle.push(stream);
    }
    assert_eq!(curl(&[&server.url("/health")]).status, 200);
    assert!(server.metric("spanlet_http_connections") <= 8.0);
    drop(idle);
}

#[test]
fn those_who_do_something_keep_their_place() {
    let server = start(&["--http-connections-max", "4"]);
    let length = SPAN.len();
    let head = format!(
        "POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut busy: Vec<_> = (0..4).map(|_| connect(&server)).collect();
    for stream in &mut busy {
        stream.write_all(head.as_bytes()).unwrap();
        // Now it is surely being answered.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let mut next = connect(&server);
    next.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    for mut stream in busy {
        stream.write_all(SPAN.as_bytes()).unwrap();
        let mut head = [0; 4096];
        let length = stream.read(&mut head).unwrap();
        let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
        assert!(head.starts_with("http/1.1 202") && !head.contains("connection: close"), "{head}");
    }
    assert!(rest(next).starts_with("HTTP/1.1 200"));
}

#[test]
fn health_answers_while_hundreds_are_slow() {
    let server = start(&["--http-connections-max", "300"]);
    let mut slow: Vec<_> = (0..250).map(|_| connect(&server)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /api/v2/traces HTTP/1.1\r\nX-Slow: ").unwrap();
    }
    let idle: Vec<_> = (0..500).map(|_| connect(&server)).collect();
    assert_eq!(curl(&["--max-time", "5", &server.url("/health")]).status, 200);
    drop((slow, idle));
    wait_until("their end", || server.metric("spanlet_http_connections") <= 1.0);
}

/// Starts a server under a limit of open files.
fn limited(limit: &str) -> Server {
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_spanlet")]);
    command.args(free_ports()).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Server::spawn(command)
}

#[test]
fn the_limit_of_open_files_is_raised_and_those_who_are_idle_make_room_below_it() {
    let server = limited("-S -n 60");
    let idle: Vec<_> = (0..100).map(|_| connect(&server)).collect();
    wait_until("all connections", || server.metric("spanlet_http_connections") >= 100.0);
    assert_eq!(server.metric("spanlet_http_connections_evicted_total"), 0.0);
    drop((idle, server));
    let server = limited("-n 60");
    let idle: Vec<_> = (0..100).map(|_| connect(&server)).collect();
    assert_eq!(curl(&[&server.url("/health")]).status, 200);
    assert!(server.metric("spanlet_http_connections_evicted_total") > 40.0);
    assert!(server.metric("spanlet_http_accept_failures_total") > 0.0);
    drop(idle);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = start(&["--http-header-bytes-max", "8KiB"]);
    let header = format!("X-Long: {}", "x".repeat(20_000));
    assert_eq!(curl(&["-H", &header, &server.url("/health")]).status, 431);
    assert_eq!(server.metric("spanlet_http_headers_too_large_total"), 1.0);
    let answer = curl(&["--http2-prior-knowledge", "-H", &header, &server.url("/health")]);
    assert!([0, 431].contains(&answer.status), "{answer:?}");
    assert_eq!(curl(&[&server.url("/health")]).status, 200);
}

#[test]
fn http2_is_spoken_by_knowledge_and_by_upgrade() {
    let server = start(&[]);
    let services = server.url("/zipkin/config.json");
    for (flag, version) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2"), ("--http2", "2")] {
        let answer = curl(&[flag, &services]);
        assert_eq!((answer.status, answer.version.as_str()), (200, version), "{flag}");
        assert!(answer.body.contains("queryLimit"), "{flag}: {answer:?}");
    }
    // Two questions over one upgraded connection, the first with a long header.
    let header = format!("X-Long: {}", "x".repeat(300));
    let answer = curl(&["--http2", "-H", &header, &server.url("/health"), &services]);
    assert_eq!((answer.status, answer.version.as_str()), (200, "2"));
    // A request with a body is answered without an upgrade.
    let answer = curl(&["--http2", "--data", SPAN, &server.url("/api/v2/spans")]);
    assert_eq!((answer.status, answer.version.as_str()), (202, "1.1"));
}

#[test]
fn an_answer_before_the_end_of_the_request_arrives() {
    let server = start(&["--collector-body-bytes-max", "10"]);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let too_large = curl(&[version, "--data", SPAN, &server.url("/api/v2/spans")]);
        assert_eq!(too_large.status, 413, "{version}");
        assert_eq!(curl(&[version, "--data", SPAN, &server.url("/nowhere")]).status, 404, "{version}");
    }
}

#[test]
fn an_upgrade_to_something_else_ends_the_connection() {
    let server = start(&[]);
    let mut stream = connect(&server);
    let head = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[b'x'; 100]).unwrap();
    assert!(rest(stream).starts_with("HTTP/1.1 101"));
    assert_eq!(curl(&[&server.url("/health")]).status, 200);
}
