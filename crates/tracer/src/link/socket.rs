//! A TCP connection that is made when it is needed, and whose every read and write has a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::config::Config;

/// Where to connect, and the connection if there is one.
pub struct Socket {
    host: String,
    port: u16,
    connect_timeout: Duration,
    call_timeout: Duration,
    stream: Option<TcpStream>,
    connected_before: bool,
}

/// A connection during one call.
pub struct Exchange {
    stream: TcpStream,
    deadline: Instant,
}

impl Socket {
    /// Returns a socket that is not yet connected.
    pub fn new(host: &str, port: u16, config: &Config) -> Self {
        Self {
            host: host.to_owned(),
            port,
            connect_timeout: config.connect_timeout,
            call_timeout: config.call_timeout,
            stream: None,
            connected_before: false,
        }
    }

    /// Says whether it is connected, as far as is known.
    pub fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Returns where it connects to.
    pub fn address(&self) -> String {
        let bracket = self.host.contains(':');
        let (open, close) = if bracket { ("[", "]") } else { ("", "") };
        format!("{open}{}{close}:{}", self.host, self.port)
    }

    /// Connects unless connected. Says whether this was another connection than the first.
    pub fn open(&mut self) -> io::Result<bool> {
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

    /// Takes the connection for one call. Unless it is put back, the next call makes another.
    pub fn take(&mut self) -> io::Result<Exchange> {
        let stream = self.stream.take().ok_or(ErrorKind::NotConnected)?;
        Ok(Exchange { stream, deadline: Instant::now() + self.call_timeout })
    }

    /// Keeps the connection of a call that is over for the next one.
    pub fn put_back(&mut self, exchange: Exchange) {
        self.stream = Some(exchange.stream);
    }
}

impl Exchange {
    /// Sends all bytes.
    pub fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?))?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) => retriable(error)?,
            }
        }
        Ok(())
    }

    /// Fills the buffer.
    pub fn receive_exact(&mut self, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.receive(bytes)?;
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    /// Reads what there is, at least one byte.
    pub fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(self.left()?))?;
            match self.stream.read(bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => return Ok(count),
                Err(error) => retriable(error)?,
            }
        }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::Error::new(ErrorKind::TimedOut, "the collector did not answer in time"))
        } else {
            Ok(left)
        }
    }
}

/// A timed-out read or write is looked at again by `left`, an interrupted one just goes on.
fn retriable(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(()),
        _ => Err(error),
    }
}
