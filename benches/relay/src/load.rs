//! What is sent: batches of 100 spans, encoded before the clock starts, over several connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Result, ensure};

/// Spans of one batch.
pub const BATCH: u64 = 100;
const CONNECTIONS: usize = 4;
/// Different batches; they are sent again and again.
const BATCHES: u64 = 64;

/// How spans come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `POST /api/v2/spans` with JSON.
    Json,
    /// Calls of scribe.
    Scribe,
}

/// Encoded batches, each a whole request.
pub struct Load {
    form: Form,
    requests: Vec<Vec<u8>>,
}

impl Load {
    /// Encodes the batches.
    pub fn new(form: Form) -> Self {
        let requests = (0..BATCHES).map(|number| request(form, number)).collect();
        Self { form, requests }
    }

    /// Sends so many spans and returns when all are acknowledged. A batch that is turned away is sent again.
    pub fn send(&self, to: SocketAddr, spans: u64) -> Result<()> {
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let senders: Vec<_> =
                (0..CONNECTIONS).map(|_| scope.spawn(|| self.send_some(to, spans / BATCH, &next))).collect();
            senders.into_iter().try_for_each(|sender| sender.join().expect("no panic"))
        })
    }

    fn send_some(&self, to: SocketAddr, batches: u64, next: &AtomicU64) -> Result<()> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
        loop {
            let number = next.fetch_add(1, Relaxed);
            if number >= batches {
                return Ok(());
            }
            let request = &self.requests[(number % BATCHES) as usize];
            loop {
                writer.write_all(request)?;
                let taken = match self.form {
                    Form::Json => read_http(&mut reader)?,
                    Form::Scribe => read_scribe(&mut reader)?,
                };
                if taken {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

fn request(form: Form, number: u64) -> Vec<u8> {
    let mut spans: Vec<_> = (number * BATCH..).flat_map(e2e::load::trace).take(BATCH as usize).collect();
    match form {
        Form::Json => {
            let mut body = String::new();
            wire::json_v2::write_list(&mut body, &spans);
            let head = "POST /api/v2/spans HTTP/1.1\r\nhost: relay\r\ncontent-type: application/json";
            format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
        }
        Form::Scribe => {
            let messages = spans.drain(..).map(|span| {
                let mut bytes = Vec::new();
                wire::thrift_write::write_span(&mut bytes, &span);
                wire::scribe::encode_message(&bytes)
            });
            let messages: Vec<_> = messages.collect();
            wire::scribe::log_call("zipkin", messages.iter().map(Vec::as_slice), 1)
        }
    }
}

/// Reads an answer. Says whether the spans were taken.
fn read_http(reader: &mut impl BufRead) -> Result<bool> {
    let (mut line, mut status, mut length) = (String::new(), 0, 0);
    loop {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "the connection was closed");
        let text = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = text.strip_prefix("http/1.1 ") {
            status = rest.split(' ').next().unwrap_or_default().parse()?;
        } else if let Some(value) = text.strip_prefix("content-length: ") {
            length = value.parse()?;
        } else if text.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    ensure!(matches!(status, 202 | 429 | 503), "it answered {status}");
    Ok(status == 202)
}

fn read_scribe(reader: &mut impl Read) -> Result<bool> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    reader.read_exact(&mut frame)?;
    Ok(wire::scribe::read_reply(&frame)? == wire::scribe::ResultCode::Ok)
}
