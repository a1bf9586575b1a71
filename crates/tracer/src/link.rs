//! The way to the destination: one call at a time, each within a time limit.

mod file;
mod http;
mod scribe;
mod socket;
mod stream;
mod tls;

use std::io;
use std::time::Duration;

use crate::config::Config;
use crate::destination::Destination;
use file::FileLink;
use http::HttpLink;
use scribe::ScribeLink;

/// Where the calls go, connected or not.
pub enum Link {
    Scribe(ScribeLink),
    Http(Box<HttpLink>),
    File(FileLink),
}

/// What came of a call.
pub enum Answer {
    /// The collector has the spans.
    Ok,
    /// The collector wants them later; carries how much later, if it said so.
    TryLater { after: Option<Duration> },
    /// The collector cannot read them; carries what it said.
    Refused(String),
}

impl Link {
    /// Returns a link that is not yet connected.
    pub fn new(config: &Config) -> Self {
        match &config.destination {
            Destination::Scribe { host, port } => Self::Scribe(ScribeLink::new(host, *port, config)),
            Destination::Http(http) => Self::Http(Box::new(HttpLink::new(http, config))),
            Destination::File { path, bytes_max } => Self::File(FileLink::new(path, *bytes_max)),
        }
    }

    /// Says whether a connection is open, as far as is known.
    pub fn is_connected(&self) -> bool {
        match self {
            Self::Scribe(link) => link.socket.is_open(),
            Self::Http(link) => link.socket.is_open(),
            Self::File(link) => link.is_open(),
        }
    }

    /// Says what failed, and where.
    pub fn describe(&self, error: &io::Error) -> String {
        match self {
            Self::Scribe(link) => format!("collector {}: {error}", link.socket.address()),
            Self::Http(link) => format!("collector {}: {error}", link.socket.address()),
            Self::File(link) => format!("file {}: {error}", link.path().display()),
        }
    }

    /// Connects unless connected. Says whether this was another connection than the first.
    pub fn connect(&mut self) -> io::Result<bool> {
        match self {
            Self::Scribe(link) => link.socket.open(),
            Self::Http(link) => link.socket.open(),
            Self::File(link) => link.open(),
        }
    }

    /// Sends a batch. Any failure closes the connection: what follows on it could be the answer to this call.
    pub fn call(&mut self, batch: &[u8]) -> io::Result<Answer> {
        match self {
            Self::Scribe(link) => link.call(batch),
            Self::Http(link) => link.call(batch),
            Self::File(link) => link.call(batch),
        }
    }
}
