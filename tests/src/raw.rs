//! Bytes on a socket, for what no client library would send.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Longer than any answer takes, and than any limit on a sender's time in these tests.
pub const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Lets this process, and the servers that it starts from now on, have as many open files as the system allows: often only
/// 1024 are granted unasked.
pub fn open_many() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit on open files");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("the limit may be used up");
}

/// Connects; reads and writes give up after [`ANSWER_MAX`].
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server accepts connections");
    stream.set_read_timeout(Some(ANSWER_MAX)).expect("a time limit");
    stream.set_write_timeout(Some(ANSWER_MAX)).expect("a time limit");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Sends bytes, says that no more will come, and returns what comes back until the other side closes.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // The other side may close before it has read all.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    rest(&mut stream)
}

/// Sends bytes and returns what comes back until the other side closes.
pub fn ask(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    let _ = stream.write_all(bytes);
    rest(&mut stream)
}

/// Returns what comes until the other side closes.
pub fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Returns a whole HTTP/1.1 request that asks to close the connection after the answer.
pub fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    if !body.is_empty() {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// Posts a body and returns the status; 0 when the other side closed without one.
pub fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> u16 {
    status(&ask(address, &request(&format!("POST {path}"), headers, body)))
}

/// Returns the status of an answer; 0 when it has none.
pub fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer.get(..16).unwrap_or(answer));
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
}
