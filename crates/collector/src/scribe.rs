//! Spans by scribe: framed thrift calls `Log(list<LogEntry>)` over TCP, as eventlet.zipkin and fluentd's out_scribe send.
//!
//! OK is answered when the store has the spans, TRY_LATER when it could not take them, and a thrift exception
//! when the call can't be read. Calls of one connection are answered in order.

use std::sync::Arc;
use std::time::Duration;

use model::batch::Batch;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use wire::messages::Messages;
use wire::scribe::{self, Head, ResultCode};

use crate::intake::{Intake, Room};
use crate::refusal::{Reason, Refusal};

/// What this door grants its clients.
#[derive(Clone, Debug)]
pub struct Config {
    /// Entries of other categories are ignored.
    pub category: String,
    /// Longest frame. Zipkin has no limit; ours is well above what reporters send.
    pub frame_bytes_max: usize,
    /// Most connections at a time; further ones wait to be accepted.
    pub connections_max: usize,
    /// A frame that has begun must be complete within this time.
    pub frame_time_max: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            category: "zipkin".into(),
            frame_bytes_max: 16 << 20,
            connections_max: 4096,
            frame_time_max: Duration::from_secs(30),
        }
    }
}

/// Serves connections until `stop` changes; then each finishes the call it is in.
pub async fn serve(listener: TcpListener, intake: Intake, config: Config, mut stop: watch::Receiver<bool>) {
    let config = Arc::new(config);
    let slots = Arc::new(Semaphore::new(config.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.changed() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, slot)) = accepted else { continue };
        let (intake, config, stop) = (intake.clone(), Arc::clone(&config), stop.clone());
        connections.spawn(async move {
            let peer = stream.peer_addr();
            if let Err(error) = converse(stream, &intake, &config, stop).await {
                tracing::debug!(?peer, %error, "scribe connection ended");
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
            tracing::warn!(%error, "scribe can't accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn converse(
    stream: TcpStream,
    intake: &Intake,
    config: &Config,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    let mut frame = Vec::new();
    loop {
        let length = tokio::select! {
            _ = stop.changed() => return Ok(()),
            length = stream.read_u32() => length,
        };
        let length = match length {
            Ok(length) => length as usize,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let (mut room, mut reply) = (intake.room(), Vec::new());
        let taken = intake.count(async {
            read_frame(&mut stream, length, config, &mut room, &mut frame).await?;
            let (head, body) = scribe::read_head(&frame).map_err(malformed)?;
            let taken = take(&head, body, intake, &config.category, &mut room).await;
            reply = match &taken {
                Ok(()) => scribe::reply(&head, ResultCode::Ok),
                Err(refusal) if refusal.reason.is_ours() => {
                    tracing::warn!(reason = refusal.text, "scribe sender told to try later");
                    scribe::reply(&head, ResultCode::TryLater)
                }
                Err(refusal) => scribe::exception(&head, &refusal.text),
            };
            taken
        });
        match taken.await {
            Err(refusal) if reply.is_empty() => return Err(std::io::Error::other(refusal.text)),
            _ => stream.write_all(&reply).await?,
        }
        if frame.capacity() > 1 << 20 {
            frame = Vec::new();
        }
    }
}

fn malformed(error: scribe::ScribeError) -> Refusal {
    Refusal::new(Reason::Malformed, error.to_string())
}

/// Reads a frame of this length. What goes wrong here can't be answered: the sender may not even speak framed thrift, as
/// HTTP or TLS on this port do not.
async fn read_frame(
    stream: &mut BufReader<TcpStream>,
    length: usize,
    config: &Config,
    room: &mut Room,
    frame: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if length > config.frame_bytes_max {
        let text = format!("frame of {length} bytes, limit {}", config.frame_bytes_max);
        return Err(Refusal::new(Reason::TooLarge, text));
    }
    let read = async {
        // A wait for room is felt by the sender as a slow connection: nothing is lost and nothing grows.
        room.wait(length).await?;
        frame.clear();
        match stream.take(length as u64).read_to_end(frame).await {
            Ok(read) if read == length => Ok(()),
            _ => Err(Refusal::new(Reason::CutOff, "frame broke off")),
        }
    };
    let slow = |_| Refusal::new(Reason::TooSlow, "frame is too slow");
    tokio::time::timeout(config.frame_time_max, read).await.map_err(slow)?
}

/// Stores all spans of a call, or none.
async fn take(
    head: &Head<'_>,
    body: &[u8],
    intake: &Intake,
    category: &str,
    room: &mut Room,
) -> Result<(), Refusal> {
    if intake.takes_messages() {
        return pass_on(head, body, intake, category, room).await;
    }
    let mut batch = Batch::new();
    let (mut bytes, mut bad) = (0, None);
    let read = scribe::read_entries(head, body, &mut |entry| {
        if entry.category != category.as_bytes() || bad.is_some() {
            return;
        }
        let decoded = scribe::decode_message(entry.message).map_err(malformed).and_then(|span| {
            bytes += span.len();
            wire::thrift_v1::decode_span(&span, &mut batch).map_err(Refusal::from)
        });
        bad = decoded.err();
    });
    intake.metrics().bytes(bytes);
    read.map_err(malformed)?;
    match bad {
        Some(refusal) => Err(refusal),
        None => intake.accept(batch, 0, room).await,
    }
}

/// Stores all messages of a call undecoded, or none.
async fn pass_on(
    head: &Head<'_>,
    body: &[u8],
    intake: &Intake,
    category: &str,
    room: &mut Room,
) -> Result<(), Refusal> {
    let mut messages = Messages::default();
    let read = scribe::read_entries(head, body, &mut |entry| {
        if entry.category == category.as_bytes() {
            messages.push(entry.message);
        }
    });
    intake.metrics().bytes(messages.as_bytes().len());
    read.map_err(malformed)?;
    intake.accept_messages(messages, room).await
}
