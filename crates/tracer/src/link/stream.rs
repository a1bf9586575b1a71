//! A socket whose reads and writes all end by one deadline, however slowly the other side trickles.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A connected socket.
pub enum Bare {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connected socket with a deadline.
pub struct Timed {
    bare: Bare,
    /// After it every read and write fails.
    pub deadline: Instant,
}

impl Timed {
    pub fn new(bare: Bare, deadline: Instant) -> Self {
        Self { bare, deadline }
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::Error::new(ErrorKind::TimedOut, "the collector did not answer in time"))
        } else {
            Ok(Some(left))
        }
    }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.left()?;
            let read = match &mut self.bare {
                Bare::Tcp(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(bytes)),
                Bare::Unix(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(bytes)),
            };
            match read {
                Err(error) if is_timeout(&error) => {}
                read => return read,
            }
        }
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let left = self.left()?;
            let written = match &mut self.bare {
                Bare::Tcp(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(bytes)),
                Bare::Unix(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(bytes)),
            };
            match written {
                Err(error) if is_timeout(&error) => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A timed-out read or write is looked at again by `left`, an interrupted one just goes on.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
