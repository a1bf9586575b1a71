//! Reads the body of a request within limits: as it was sent, and unpacked.

use std::io::Read;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use flate2::read::MultiGzDecoder;
use futures::StreamExt;

use crate::intake::Room;
use crate::refusal::{Reason, Refusal};

/// Sizes that one message may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Body as it was sent. Zipkin's own limit is 10 MiB.
    pub body_bytes_max: usize,
    /// Body after unpacking.
    pub unpacked_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: 10 << 20, unpacked_bytes_max: 16 << 20 }
    }
}

/// Reads a whole body, taking room for its bytes as they come in.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    room: &mut Room,
) -> Result<Vec<u8>, Refusal> {
    if announced_bytes(headers).is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::new(Reason::CutOff, "body broke off"))?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        room.grow(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Inflates chunk by chunk with a limit on what comes out, so that a small body can't fill the memory. Packed pieces may
/// follow each other, as `cat` makes them: to stop after the first would lose spans.
pub fn unpack(packed: &[u8], bytes_max: usize, room: &mut Room) -> Result<Vec<u8>, Refusal> {
    const CHUNK_BYTES: usize = 64 * 1024;
    let mut reader = MultiGzDecoder::new(packed);
    let mut unpacked = Vec::new();
    loop {
        room.grow(CHUNK_BYTES)?;
        match reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut unpacked) {
            Ok(0) => return Ok(unpacked),
            Ok(_) if unpacked.len() > bytes_max => {
                let text = format!("body is larger than {bytes_max} bytes unpacked; send smaller batches");
                return Err(Refusal::new(Reason::UnpackedTooLarge, text));
            }
            Ok(_) => {}
            Err(_) => return Err(Refusal::new(Reason::Malformed, "Input is not in the GZIP format")),
        }
    }
}

/// Returns the media type without its parameters.
pub fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim()
}

fn too_large(bytes_max: usize) -> Refusal {
    let text = format!("body is larger than {bytes_max} bytes; send smaller batches");
    Refusal::new(Reason::TooLarge, text)
}

fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
