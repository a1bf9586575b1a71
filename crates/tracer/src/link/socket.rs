//! A connection that is made when it is needed, and whose every read and write has a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::stream::{Bare, Timed};
use super::tls::{Tls, TlsStream};
use crate::config::Config;
use crate::destination::Peer;

/// Where to connect, and the connection if there is one.
pub struct Socket {
    peer: Peer,
    tls: Option<Tls>,
    connect_timeout: Duration,
    call_timeout: Duration,
    stream: Option<Stream>,
    connected_before: bool,
}

/// A connection.
enum Stream {
    Plain(Timed),
    Tls(Box<TlsStream>),
}

/// A connection during one call.
pub struct Exchange {
    stream: Stream,
}

impl Socket {
    /// Returns a socket that is not yet connected.
    pub fn new(peer: &Peer, config: &Config) -> Self {
        let tls = match peer {
            Peer::Tls { host, ca_file, .. } => Some(Tls::new(host, ca_file.as_deref())),
            Peer::Tcp { .. } | Peer::Unix(_) => None,
        };
        Self {
            peer: peer.clone(),
            tls,
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
        match &self.peer {
            Peer::Tcp { host, port } | Peer::Tls { host, port, .. } => {
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                format!("{open}{host}{close}:{port}")
            }
            Peer::Unix(path) => path.display().to_string(),
        }
    }

    /// Connects unless connected. Says whether this was another connection than the first.
    pub fn open(&mut self) -> io::Result<bool> {
        if self.stream.is_some() {
            return Ok(false);
        }
        let bare = match &self.peer {
            Peer::Tcp { host, port } | Peer::Tls { host, port, .. } => self.connect(host, *port)?,
            Peer::Unix(path) => Bare::Unix(UnixStream::connect(path)?),
        };
        let timed = Timed::new(bare, Instant::now() + self.call_timeout);
        self.stream = Some(match &mut self.tls {
            None => Stream::Plain(timed),
            Some(tls) => Stream::Tls(Box::new(tls.shake_hands(timed)?)),
        });
        Ok(std::mem::replace(&mut self.connected_before, true))
    }

    /// Tries all addresses of the host.
    fn connect(&self, host: &str, port: u16) -> io::Result<Bare> {
        let mut refused = io::Error::new(ErrorKind::NotFound, "the host has no address");
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.connect_timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Bare::Tcp(stream));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Takes the connection for one call. Unless it is put back, the next call makes another.
    pub fn take(&mut self) -> io::Result<Exchange> {
        let mut stream = self.stream.take().ok_or(ErrorKind::NotConnected)?;
        stream.timed().deadline = Instant::now() + self.call_timeout;
        Ok(Exchange { stream })
    }

    /// Keeps the connection of a call that is over for the next one.
    pub fn put_back(&mut self, exchange: Exchange) {
        self.stream = Some(exchange.stream);
    }
}

impl Stream {
    fn timed(&mut self) -> &mut Timed {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_mut(),
        }
    }
}

impl Exchange {
    /// Sends all bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
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
        let count = match &mut self.stream {
            Stream::Plain(stream) => stream.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
        }?;
        if count == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(count) }
    }
}
