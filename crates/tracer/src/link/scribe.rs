//! Scribe calls.

use std::io::{self, ErrorKind};

use wire::scribe::{ResultCode, ScribeError, read_reply};

use super::Answer;
use super::socket::{Exchange, Socket};
use crate::config::Config;
use crate::destination::Peer;

/// Longest answer that is read. One to `Log` takes about 30 bytes, an exception as much as its text.
const REPLY_BYTES_MAX: usize = 64 << 10;

/// A scribe collector.
pub struct ScribeLink {
    pub socket: Socket,
}

impl ScribeLink {
    pub fn new(host: &str, port: u16, config: &Config) -> Self {
        Self { socket: Socket::new(&Peer::Tcp { host: host.to_owned(), port }, config) }
    }

    /// Sends a framed call and reads the answer.
    pub fn call(&mut self, frame: &[u8]) -> io::Result<Answer> {
        let mut exchange = self.socket.take()?;
        exchange.send(frame)?;
        let answer = match read_reply(&receive(&mut exchange)?) {
            Ok(ResultCode::Ok) => Answer::Ok,
            Ok(ResultCode::TryLater) => Answer::TryLater { after: None },
            Err(ScribeError::Exception(text)) => Answer::Refused(text),
            Err(error @ ScribeError::Malformed(_)) => {
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        };
        self.socket.put_back(exchange);
        Ok(answer)
    }
}

fn receive(exchange: &mut Exchange) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    exchange.receive_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > REPLY_BYTES_MAX {
        let text =
            format!("an answer of {length} bytes, more than {REPLY_BYTES_MAX}: this is no scribe collector");
        return Err(io::Error::new(ErrorKind::InvalidData, text));
    }
    let mut frame = vec![0; length];
    exchange.receive_exact(&mut frame)?;
    Ok(frame)
}
