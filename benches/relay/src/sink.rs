//! A far side that counts: `POST` of JSON v2, and scribe. Closed, it says 503 and TRY_LATER.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use memchr::memmem::Finder;
use wire::scribe::{self, ResultCode};

/// Nobody waits longer than this without any span.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// The far side. It ends with the process; clones are the same.
#[derive(Clone)]
pub struct Sink {
    /// Where `POST`s are taken.
    pub http: SocketAddr,
    /// Where scribe is taken.
    pub scribe: SocketAddr,
    spans: Arc<AtomicU64>,
    open: Arc<AtomicBool>,
}

impl Sink {
    /// Starts one that takes everything.
    pub fn start() -> Result<Self> {
        let (http, scribe) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        let sink = Self {
            http: http.local_addr()?,
            scribe: scribe.local_addr()?,
            spans: Arc::default(),
            open: Arc::new(AtomicBool::new(true)),
        };
        sink.clone().serve(http, Self::converse_http);
        sink.clone().serve(scribe, Self::converse_scribe);
        Ok(sink)
    }

    fn serve(self, listener: TcpListener, converse: fn(&Self, TcpStream) -> io::Result<()>) {
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sink = self.clone();
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    // A sender may go away at any time.
                    let _ = converse(&sink, stream);
                });
            }
        });
    }

    /// Begins to take spans, or to turn them away.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Relaxed);
    }

    /// Returns how many spans came.
    pub fn spans(&self) -> u64 {
        self.spans.load(Relaxed)
    }

    /// Waits until at least so many came since it was started.
    pub fn wait(&self, spans: u64) -> Result<()> {
        let (mut last, mut since) = (self.spans(), Instant::now());
        while self.spans() < spans {
            if self.spans() > last {
                (last, since) = (self.spans(), Instant::now());
            }
            if since.elapsed() > SILENCE_MAX {
                bail!("{} of {spans} spans came, then nothing for {SILENCE_MAX:?}", self.spans());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn converse_http(&self, stream: TcpStream) -> io::Result<()> {
        let (mut reader, mut writer) = (BufReader::with_capacity(1 << 18, stream.try_clone()?), stream);
        // Every span has one; no text of the load holds it.
        let span = Finder::new("\"traceId\"");
        let (mut line, mut body) = (String::new(), Vec::new());
        loop {
            let (mut length, mut chunked) = (0, false);
            loop {
                line.clear();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let (name, value) = line.trim_end().split_once(": ").unwrap_or((line.trim_end(), ""));
                match name.to_ascii_lowercase().as_str() {
                    "" => break,
                    "content-length" => length = value.parse().map_err(io::Error::other)?,
                    "transfer-encoding" => chunked = true,
                    _ => {}
                }
            }
            if chunked {
                return Err(io::Error::other("chunks are not understood"));
            }
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
            let status = if self.open.load(Relaxed) {
                self.spans.fetch_add(span.find_iter(&body).count() as u64, Relaxed);
                "202 Accepted"
            } else {
                "503 Service Unavailable"
            };
            write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
        }
    }

    fn converse_scribe(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut frame = Vec::new();
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length)?;
            frame.resize(u32::from_be_bytes(length) as usize, 0);
            stream.read_exact(&mut frame)?;
            let (head, body) = scribe::read_head(&frame).map_err(io::Error::other)?;
            let mut spans = 0;
            scribe::read_entries(&head, body, &mut |_| spans += 1).map_err(io::Error::other)?;
            let open = self.open.load(Relaxed);
            if open {
                self.spans.fetch_add(spans, Relaxed);
            }
            let code = if open { ResultCode::Ok } else { ResultCode::TryLater };
            stream.write_all(&scribe::reply(&head, code))?;
        }
    }
}
