//! Start and end under a service manager: sockets passed on, readiness told, accepted work finished.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{SPAN, Server, curl, free_ports, spanlet, start, wait_until};

#[test]
fn sigterm_finishes_what_was_accepted() {
    let mut server = start(&[]);
    let mut stream = TcpStream::connect(server.at["http"]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!("POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", SPAN.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&SPAN.as_bytes()[..10]).unwrap();
    // Another one is idle: it must hold nothing up.
    let idle = TcpStream::connect(server.at["http"]).unwrap();
    wait_until("both connections", || server.metric("spanlet_http_connections") >= 3.0);
    server.signal("-TERM");
    server.logged("finishing what was accepted");
    wait_until("closed listener", || TcpStream::connect(server.at["http"]).is_err());
    stream.write_all(&SPAN.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(server.wait().success());
    drop(idle);
}

#[test]
fn the_service_manager_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let told = || {
        let mut message = [0; 100];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let mut command = spanlet();
    command.args(free_ports()).env("NOTIFY_SOCKET", &path);
    let mut server = Server::spawn(command);
    assert_eq!(told(), "READY=1");
    server.signal("-TERM");
    assert_eq!(told(), "STOPPING=1");
    assert!(server.wait().success());
}

/// Runs the server as systemd does: the socket is file descriptor 3, meant for this process.
fn with_socket(name: &str, socket: TcpListener) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_spanlet")]).args(free_ports());
    command.env_clear().env("LISTEN_FDNAMES", name).stdin(Stdio::from(OwnedFd::from(socket)));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn sockets_that_were_opened_for_us_are_used() {
    for name in ["http", "spanlet.socket"] {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let server = Server::spawn(with_socket(name, socket));
        assert_eq!(server.at["http"], address);
        assert_eq!(curl(&[&server.url("/health")]).status, 200);
    }
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = with_socket("query", socket).env("SPANLET_STORAGE_TYPE", "mem").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("a socket named query"), "{text}");
}
