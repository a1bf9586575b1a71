//! Spans by fluentd's forward protocol, version 1: events tagged `zipkin` or `zipkin.**` whose record has under
//! `message` what fluentd's in_scribe puts there, base64 of a thrift span.
//!
//! A chunk is acknowledged when its spans are on disk. While the buffer is full the sender feels a slow connection:
//! the protocol has no other way to say no. A record that holds no span is counted and left out.

pub mod event;
pub mod frame;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use collector::intake::{Intake, Room};
use collector::refusal::{Reason, Refusal};
use flate2::read::MultiGzDecoder;
use model::batch::Batch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use wire::messages::Messages;

use event::Message;
use frame::Frame;

/// Longest message, packed and unpacked.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
const CONNECTIONS_MAX: usize = 1024;
/// A message that has begun must be complete within this time.
const MESSAGE_TIME_MAX: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(200);

/// Serves connections until `stop` changes; then each finishes the message it is in.
pub async fn serve(listener: TcpListener, intake: Intake, mut stop: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.changed() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, slot)) = accepted else { continue };
        let (intake, stop) = (intake.clone(), stop.clone());
        connections.spawn(async move {
            let peer = stream.peer_addr();
            if let Err(error) = converse(stream, &intake, stop).await {
                tracing::warn!(?peer, %error, "forward connection ended");
            }
            drop(slot);
        });
    }
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, impl Drop + use<>)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            // Out of file descriptors, mostly: wait for connections to end instead of spinning.
            tracing::warn!(%error, "forward can't accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn converse(
    mut stream: TcpStream,
    intake: &Intake,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        if bytes.is_empty() {
            let read = tokio::select! {
                _ = stop.changed() => return Ok(()),
                read = stream.read_buf(&mut bytes) => read?,
            };
            if read == 0 {
                return Ok(());
            }
        }
        let mut room = intake.room();
        let taken = intake.count(async {
            let end = read_message(&mut stream, &mut bytes, &mut room).await?;
            let message = bytes.get(..end).unwrap_or_default();
            let acknowledgement = take(message, intake, &mut room, &mut stop).await?;
            bytes.drain(..end);
            Ok::<_, Refusal>(acknowledgement)
        });
        let acknowledgement = taken.await.map_err(|refusal| std::io::Error::other(refusal.text))?;
        stream.write_all(&acknowledgement).await?;
        if bytes.capacity() > 1 << 20 {
            bytes.shrink_to(64 << 10);
        }
    }
}

/// Reads until the bytes begin with a whole message. Returns its length.
async fn read_message(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    room: &mut Room,
) -> Result<usize, Refusal> {
    let mut frame = Frame::default();
    let read = async {
        loop {
            room.wait(bytes.len().saturating_sub(room.bytes())).await?;
            let end = frame.end(bytes).map_err(|error| Refusal::new(Reason::Malformed, error.to_string()))?;
            if let Some(end) = end {
                return Ok(end);
            }
            if bytes.len() > MESSAGE_BYTES_MAX {
                let text = format!(
                    "message of more than {MESSAGE_BYTES_MAX} bytes; lower fluentd's chunk_limit_size"
                );
                return Err(Refusal::new(Reason::TooLarge, text));
            }
            if !matches!(stream.read_buf(bytes).await, Ok(read) if read > 0) {
                return Err(Refusal::new(Reason::CutOff, "message broke off"));
            }
        }
    };
    let slow = |_| Refusal::new(Reason::TooSlow, "message is too slow");
    tokio::time::timeout(MESSAGE_TIME_MAX, read).await.map_err(slow)?
}

/// Stores the spans of a message. Returns what its sender should hear.
async fn take(
    bytes: &[u8],
    intake: &Intake,
    room: &mut Room,
    stop: &mut watch::Receiver<bool>,
) -> Result<Vec<u8>, Refusal> {
    let bad = |error: event::BadMessage| Refusal::new(Reason::Malformed, error.to_string());
    let mut message = event::read(bytes).map_err(bad)?;
    let unpacked;
    if let Some(mut packed) = message.packed.take() {
        if message.gzip {
            unpacked = unpack(packed, room)?;
            packed = &unpacked;
        }
        event::read_packed(packed, &mut message).map_err(bad)?;
    }
    let answer = message.chunk.map(event::acknowledge).unwrap_or_default();
    if message.tag != b"zipkin" && !message.tag.starts_with(b"zipkin.") {
        return Ok(answer);
    }
    intake.metrics().bytes(message.texts.iter().map(|text| text.len()).sum());
    let mut known = true;
    loop {
        match store(&message, intake, room).await {
            Ok(()) => return Ok(answer),
            Err(refusal) if refusal.reason.is_ours() => {
                if std::mem::take(&mut known) {
                    tracing::warn!(why = refusal.text, "a forward sender has to wait");
                }
            }
            Err(refusal) => return Err(refusal),
        }
        tokio::select! {
            _ = stop.changed() => return Err(Refusal::new(Reason::Store, "the relay stops")),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Inflates piece by piece with a limit on what comes out. Fluentd appends to a chunk by a further gzip member.
fn unpack(packed: &[u8], room: &mut Room) -> Result<Vec<u8>, Refusal> {
    const PIECE_BYTES: usize = 64 << 10;
    let mut reader = MultiGzDecoder::new(packed);
    let mut unpacked = Vec::new();
    loop {
        room.grow(PIECE_BYTES)?;
        match reader.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut unpacked) {
            Ok(0) => return Ok(unpacked),
            Ok(_) if unpacked.len() > MESSAGE_BYTES_MAX => {
                let text = format!("message is larger than {MESSAGE_BYTES_MAX} bytes unpacked");
                return Err(Refusal::new(Reason::UnpackedTooLarge, text));
            }
            Ok(_) => {}
            Err(_) => return Err(Refusal::new(Reason::Malformed, "events are not in the gzip format")),
        }
    }
}

async fn store(message: &Message<'_>, intake: &Intake, room: &mut Room) -> Result<(), Refusal> {
    if intake.takes_messages() {
        let mut messages = Messages::default();
        message.texts.iter().for_each(|text| messages.push(text));
        return intake.accept_messages(messages, room).await;
    }
    let (mut batch, mut rejected) = (Batch::new(), message.textless);
    for text in &message.texts {
        let span = wire::scribe::decode_message(text).ok();
        let decoded = span.and_then(|span| wire::thrift_v1::decode_span(&span, &mut batch).ok());
        rejected += usize::from(decoded.is_none());
    }
    intake.accept(batch, rejected, room).await
}
