//! A scribe collector: one call at a time on one connection, each within a time limit.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use model::batch::Batch;
use wire::messages::Messages;
use wire::scribe::{ResultCode, ScribeError, encode_message, log_call, read_reply};

use super::{Answer, Far};
use crate::body::Body;

/// Longest answer that is read. One to `Log` takes about 30 bytes, an exception as much as its text.
const REPLY_BYTES_MAX: usize = 64 << 10;
const CATEGORY: &str = "zipkin";

/// A client, connected when needed.
#[derive(Debug)]
pub struct Client {
    place: String,
    name: String,
    timeout: Duration,
    stream: Option<TcpStream>,
    sequence: i32,
}

impl Client {
    /// Returns a client of `HOST:PORT`.
    pub fn new(place: &str, name: &str, timeout: Duration) -> Self {
        Self { place: place.to_owned(), name: name.to_owned(), timeout, stream: None, sequence: 0 }
    }

    fn call(&mut self, frame: &[u8]) -> io::Result<Answer> {
        let deadline = Instant::now() + self.timeout;
        if let Some(stream) = self.stream.take() {
            match self.call_on(stream, frame, deadline) {
                // The far side may have closed a connection that was idle: that says nothing about spans.
                Err(error) if is_broken(&error) => {}
                answer => return answer,
            }
        }
        let stream = connect(&self.place, deadline)?;
        self.call_on(stream, frame, deadline)
    }

    /// Makes a call. Any failure closes the connection: what follows on it could be the answer to this call.
    fn call_on(&mut self, mut stream: TcpStream, frame: &[u8], deadline: Instant) -> io::Result<Answer> {
        send(&mut stream, frame, deadline)?;
        let answer = match read_reply(&receive(&mut stream, deadline)?) {
            Ok(ResultCode::Ok) => Answer::Taken,
            Ok(ResultCode::TryLater) => Answer::Later { why: "TRY_LATER".into(), after: None },
            Err(ScribeError::Exception(text)) => Answer::Refused(text),
            Err(error @ ScribeError::Malformed(_)) => {
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        };
        self.stream = Some(stream);
        Ok(answer)
    }
}

impl Far for Client {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&mut self, body: &Body) -> Answer {
        let messages = match body {
            Body::Messages(messages) => Cow::Borrowed(messages),
            Body::Batch(batch) => Cow::Owned(encode(batch)),
        };
        self.sequence = self.sequence.wrapping_add(1);
        let frame = log_call(CATEGORY, messages.iter(), self.sequence);
        self.call(&frame)
            .unwrap_or_else(|error| Answer::Later { why: format!("{}: {error}", self.name), after: None })
    }
}

fn encode(batch: &Batch) -> Messages {
    let (mut messages, mut bytes) = (Messages::default(), Vec::new());
    for row in batch.rows() {
        bytes.clear();
        wire::thrift_write::write_span(&mut bytes, &row.to_span());
        messages.push(&encode_message(&bytes));
    }
    messages
}

fn is_broken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}

fn connect(place: &str, deadline: Instant) -> io::Result<TcpStream> {
    let mut refused = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn send(stream: &mut TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) => retriable(error)?,
        }
    }
    Ok(())
}

fn receive(stream: &mut TcpStream, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    receive_into(stream, &mut length, deadline)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > REPLY_BYTES_MAX {
        let text =
            format!("an answer of {length} bytes, more than {REPLY_BYTES_MAX}: this is no scribe collector");
        return Err(io::Error::new(ErrorKind::InvalidData, text));
    }
    let mut frame = vec![0; length];
    receive_into(stream, &mut frame, deadline)?;
    Ok(frame)
}

fn receive_into(stream: &mut TcpStream, mut bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(bytes) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes = bytes.get_mut(count..).unwrap_or_default(),
            Err(error) => retriable(error)?,
        }
    }
    Ok(())
}

/// A timed-out read or write is looked at again by `left`, an interrupted one just goes on.
fn retriable(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(()),
        _ => Err(error),
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(ErrorKind::TimedOut, "no answer in time"));
    }
    Ok(left)
}
