//! HTTP/2 frames (RFC 9113) and headers (RFC 7541), written by hand so that they can be wrong.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use crate::raw;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Part of a body.
pub const DATA: u8 = 0;
/// Begins a request.
pub const HEADERS: u8 = 1;
/// Ends a stream.
pub const RST_STREAM: u8 = 3;
/// Settings of a connection.
pub const SETTINGS: u8 = 4;
/// Asks for the same frame back.
pub const PING: u8 = 6;
/// Lets the other side send more.
pub const WINDOW_UPDATE: u8 = 8;
/// More headers.
pub const CONTINUATION: u8 = 9;
/// Flag: nothing follows on this stream.
pub const END_STREAM: u8 = 1;
/// Flag: no more headers follow.
pub const END_HEADERS: u8 = 4;

/// Returns a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Returns headers as a block that the other side adds to no table.
pub fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        text(&mut bytes, name);
        text(&mut bytes, value);
    }
    bytes
}

/// Writes a string that is not compressed.
pub fn text(bytes: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        bytes.push(length as u8);
    } else {
        bytes.push(127);
        length -= 127;
        while length >= 128 {
            bytes.push(length as u8 | 128);
            length >>= 7;
        }
        bytes.push(length as u8);
    }
    bytes.extend(text.bytes());
}

/// Connects and says hello; the answer to it is not waited for.
pub fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = raw::connect(address);
    stream.write_all(PREFACE).expect("preface");
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).expect("settings");
    stream
}
