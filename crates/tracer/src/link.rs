//! The connection to the scribe collector: one call at a time, each within a time limit.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use wire::scribe::{ResultCode, ScribeError, read_reply};

use crate::config::Config;

/// Longest answer that is read. One to `Log` takes about 30 bytes, an exception as much as its text.
const REPLY_BYTES_MAX: usize = 64 << 10;

/// Where the calls go, connected or not.
pub struct Link {
    host: String,
    port: u16,
    connect_timeout: Duration,
    call_timeout: Duration,
    stream: Option<TcpStream>,
    connected_before: bool,
}

/// What came of a call.
pub enum Answer {
    /// The collector has the spans.
    Ok,
    /// The collector wants them later.
    TryLater,
    /// The collector cannot read them; carries what it said.
    Exception(String),
}

impl Link {
    /// Returns a link that is not yet connected.
    pub fn new(config: &Config) -> Self {
        Self {
            host: config.host.clone(),
            port: config.port,
            connect_timeout: config.connect_timeout,
            call_timeout: config.call_timeout,
            stream: None,
            connected_before: false,
        }
    }

    /// Says whether a connection is open, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Says what failed, and where.
    pub fn describe(&self, error: &io::Error) -> String {
        format!("collector {}:{}: {error}", self.host, self.port)
    }

    /// Connects unless connected. Says whether this was another connection than the first.
    pub fn connect(&mut self) -> io::Result<bool> {
        if self.stream.is_some() {
            return Ok(false);
        }
        let mut refused = io::Error::new(ErrorKind::NotFound, "the host has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.connect_timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    self.stream = Some(stream);
                    return Ok(std::mem::replace(&mut self.connected_before, true));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Sends a framed call and reads the answer. Any failure closes the connection: what follows on it
    /// could be the answer to this call.
    pub fn call(&mut self, frame: &[u8]) -> io::Result<Answer> {
        let mut stream = self.stream.take().ok_or(ErrorKind::NotConnected)?;
        let deadline = Instant::now() + self.call_timeout;
        send(&mut stream, frame, deadline)?;
        let answer = match read_reply(&receive(&mut stream, deadline)?) {
            Ok(ResultCode::Ok) => Answer::Ok,
            Ok(ResultCode::TryLater) => Answer::TryLater,
            Err(ScribeError::Exception(text)) => Answer::Exception(text),
            Err(error @ ScribeError::Malformed(_)) => {
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        };
        self.stream = Some(stream);
        Ok(answer)
    }
}

fn send(stream: &mut TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
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
            Ok(count) => bytes = &mut bytes[count..],
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
        Err(io::Error::new(ErrorKind::TimedOut, "the collector did not answer in time"))
    } else {
        Ok(left)
    }
}
