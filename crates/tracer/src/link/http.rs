//! HTTP posts over one connection that is kept open.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Answer;
use super::socket::{Exchange, Socket};
use crate::config::Config;
use crate::destination::{HttpDestination, Peer};

/// Most headers an answer may have, and most bytes that are read of it.
const HEADERS_MAX: usize = 64;
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How much of what a collector says is kept for people to read.
const EXCERPT_BYTES: usize = 300;

/// A collector that takes HTTP posts.
pub struct HttpLink {
    pub socket: Socket,
    /// The request's head up to the value of `Content-Length`.
    head: String,
    gzip: bool,
}

/// An answer, read whole.
struct Reply {
    status: u16,
    body: Vec<u8>,
    /// Whether the connection can take another request.
    keeps: bool,
    /// How long the collector wants to be left alone.
    retry_after: Option<Duration>,
}

impl HttpLink {
    pub fn new(destination: &HttpDestination, config: &Config) -> Self {
        let socket = Socket::new(&destination.peer, config);
        let host = match &destination.peer {
            // What names a file is no host.
            Peer::Unix(_) => "localhost".to_owned(),
            Peer::Tcp { .. } | Peer::Tls { .. } => socket.address(),
        };
        let mut head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: spanlet/{}\r\nContent-Type: {}\r\n",
            destination.path,
            env!("CARGO_PKG_VERSION"),
            destination.encoding.content_type(),
        );
        if destination.gzip {
            head.push_str("Content-Encoding: gzip\r\n");
        }
        for (name, value) in &destination.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("Content-Length: ");
        Self { socket, head, gzip: destination.gzip }
    }

    /// Posts a body and reads the answer.
    pub fn call(&mut self, body: &[u8]) -> io::Result<Answer> {
        let mut exchange = self.socket.take()?;
        exchange.send(&self.request(body)?)?;
        let reply = receive(&mut exchange)?;
        if reply.keeps {
            self.socket.put_back(exchange);
        }
        Ok(match reply.status {
            200..300 => Answer::Ok,
            // The statuses that mean that the same request may succeed later, as OTLP/HTTP lists them; and 408.
            408 | 429 | 502..=504 => Answer::TryLater { after: reply.retry_after },
            status => {
                let text = String::from_utf8_lossy(&reply.body);
                let text = text.trim_ascii();
                Answer::Refused(format!("HTTP {status} {}", &text[..text.floor_char_boundary(EXCERPT_BYTES)]))
            }
        })
    }

    fn request(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        let compressed;
        let body = match self.gzip {
            true => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(body)?;
                compressed = encoder.finish()?;
                &compressed
            }
            false => body,
        };
        let mut request = Vec::with_capacity(self.head.len() + 32 + body.len());
        write!(request, "{}{}\r\n\r\n", self.head, body.len())?;
        request.extend_from_slice(body);
        Ok(request)
    }
}

/// Reads an answer. One whose end only the end of the connection shows is read no further than its head.
fn receive(exchange: &mut Exchange) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    loop {
        let from = bytes.len();
        if from >= ANSWER_BYTES_MAX {
            return Err(invalid("the answer has no end: this is no collector"));
        }
        bytes.resize((from + 4096).min(ANSWER_BYTES_MAX), 0);
        let count = exchange.receive(&mut bytes[from..])?;
        bytes.truncate(from + count);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let parsed = head.parse(&bytes).map_err(|error| invalid(format!("not an HTTP answer: {error}")))?;
        let httparse::Status::Complete(start) = parsed else { continue };
        let header = |name: &str| {
            let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| std::str::from_utf8(header.value).ok())
        };
        let status = head.code.unwrap_or_default();
        let length = match header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => Some(length),
            Some(Err(_)) => return Err(invalid("the answer has a bad Content-Length")),
            None if status == 204 => Some(0),
            None => None,
        };
        let closes = header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let keeps = !closes && head.version == Some(1);
        let retry_after = header("retry-after").and_then(retry_after);
        return match length {
            Some(length) if start + length <= ANSWER_BYTES_MAX => {
                let mut body = bytes.split_off(start);
                let missing = length.saturating_sub(body.len());
                let from = body.len();
                body.resize(from + missing, 0);
                exchange.receive_exact(&mut body[from..])?;
                Ok(Reply { status, body, keeps, retry_after })
            }
            _ => Ok(Reply { status, body: bytes.split_off(start), keeps: false, retry_after }),
        };
    }
}

/// Reads seconds or a date.
fn retry_after(text: &str) -> Option<Duration> {
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text.into())
}
