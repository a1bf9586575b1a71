//! Spans by scribe: framed thrift calls `Log(list<LogEntry>)` over TCP, as eventlet.zipkin and fluentd's out_scribe send.
//!
//! OK is answered when the store has the spans, TRY_LATER when it could not take them, and a thrift exception
//! when the call can't be read. Calls of one connection are answered in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use model::batch::Batch;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wire::messages::Messages;
use wire::scribe::{self, Head, ResultCode};

use crate::idle::Idle;
use crate::intake::{Intake, NoRoom, Room};
use crate::metrics::TransportMetrics;
use crate::refusal::{Reason, Refusal};

/// Frames that wait for each other's room would wait until they are too slow: one that waits this long gives up its own.
const ROOM_TIME_MAX: Duration = Duration::from_secs(3);

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
pub async fn serve(listener: TcpListener, intake: Intake, config: Config, stop: watch::Receiver<bool>) {
    serve_secured(listener, intake, config, |stream| std::future::ready(Ok(stream)), stop).await;
}

/// Serves connections as [`serve`] does, once each has been made secure.
pub async fn serve_secured<S, F>(
    listener: TcpListener,
    intake: Intake,
    config: Config,
    secure: impl Fn(TcpStream) -> F + Clone + Send + 'static,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    let config = Arc::new(config);
    let slots = Arc::new(Semaphore::new(config.connections_max));
    let idle = Arc::new(Idle::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.changed() => break,
            accepted = accept(&listener, &slots, &idle, intake.metrics()) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, slot)) = accepted else { continue };
        let (intake, config, stop) = (intake.clone(), Arc::clone(&config), stop.clone());
        let (idle, slots) = (Arc::clone(&idle), Arc::clone(&slots));
        let peer = stream.peer_addr();
        let _ = stream.set_nodelay(true);
        let secured = secure(stream);
        connections.spawn(async move {
            let count_open = || {
                intake.metrics().connections(config.connections_max - slots.available_permits());
            };
            count_open();
            let conversation = async { converse(secured.await?, &intake, &config, &idle, stop).await };
            if let Err(error) = conversation.await {
                tracing::debug!(?peer, %error, "scribe connection ended");
            }
            drop(slot);
            count_open();
        });
    }
    while connections.join_next().await.is_some() {}
}

/// Returns the next connection and its place. Where all places are taken, the connection that waited longest for a call
/// has to go; where none waits, the next one does.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    idle: &Idle,
    metrics: &TransportMetrics,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let stream = match listener.accept().await {
        Ok((stream, _)) => stream,
        Err(error) => {
            // Out of file descriptors, mostly: wait for connections to end instead of spinning.
            tracing::warn!(%error, "scribe can't accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            return None;
        }
    };
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return Some((stream, slot));
    }
    metrics.connections_full();
    loop {
        idle.end_oldest();
        if let Ok(slot) = timeout(Duration::from_millis(50), Arc::clone(slots).acquire_owned()).await {
            return Some((stream, slot.ok()?));
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    intake: &Intake,
    config: &Config,
    idle: &Arc<Idle>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    let mut frame = Vec::new();
    loop {
        let waiting = idle.enter();
        let length = tokio::select! {
            _ = stop.changed() => return Ok(()),
            () = waiting.end.notified() => return Err(io::Error::other("its place is needed")),
            length = stream.read_u32() => length,
        };
        drop(waiting);
        let length = match length {
            Ok(length) => length as usize,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let (mut room, mut reply) = (intake.room(), Vec::new());
        let taken = intake.count(async {
            read_frame(&mut stream, length, config, &mut room, &mut frame).await?;
            let (head, body) = scribe::read_head(&frame).map_err(malformed)?;
            let taken = take(&head, body, intake, &config.category, &mut room).await;
            reply = match &taken {
                Ok(()) => scribe::reply(&head, ResultCode::Ok),
                Err(refusal) if refusal.reason.is_ours() => scribe::reply(&head, ResultCode::TryLater),
                Err(refusal) => scribe::exception(&head, &refusal.text),
            };
            taken
        });
        match taken.await {
            Err(refusal) if reply.is_empty() => return Err(io::Error::other(refusal.text)),
            _ => write(&mut stream, &reply, config.frame_time_max).await?,
        }
        if frame.capacity() > 1 << 20 {
            frame = Vec::new();
        }
    }
}

/// Writes a reply. A sender that does not read it must not hold its place for ever.
async fn write(stream: &mut (impl AsyncWrite + Unpin), reply: &[u8], time_max: Duration) -> io::Result<()> {
    let written = async {
        stream.write_all(reply).await?;
        stream.flush().await
    };
    timeout(time_max, written).await?
}

fn malformed(error: scribe::ScribeError) -> Refusal {
    Refusal::new(Reason::Malformed, error.to_string())
}

/// Reads a frame of this length. What goes wrong here can't be answered: the sender may not even speak framed thrift, as
/// HTTP or TLS on this port do not.
async fn read_frame(
    stream: &mut (impl AsyncBufRead + Unpin),
    length: usize,
    config: &Config,
    room: &mut Room,
    frame: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if length > config.frame_bytes_max {
        let text = format!("frame of {length} bytes, limit {}", config.frame_bytes_max);
        return Err(Refusal::new(Reason::TooLarge, text));
    }
    frame.clear();
    let read = async {
        // Room is taken for what has come, not for what was announced: else a few bytes would hold it all.
        while frame.len() < length {
            let piece = stream.fill_buf().await.unwrap_or_default();
            let piece = piece.get(..length - frame.len()).unwrap_or(piece);
            if piece.is_empty() {
                return Err(Refusal::new(Reason::CutOff, "frame broke off"));
            }
            // A wait for room is felt by the sender as a slow connection: nothing is lost and nothing grows.
            timeout(ROOM_TIME_MAX, room.wait(piece.len())).await.map_err(|_| NoRoom::Now)??;
            frame.extend_from_slice(piece);
            let read = piece.len();
            stream.consume(read);
        }
        Ok(())
    };
    let slow = |_| Refusal::new(Reason::TooSlow, "frame is too slow");
    timeout(config.frame_time_max, read).await.map_err(slow)?
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
    let read = || decode(head, body, intake, category);
    let batch = intake.read(body.len(), false, read).await?;
    intake.accept(batch, 0, room).await
}

/// Reads all spans of a call, or none.
fn decode(head: &Head<'_>, body: &[u8], intake: &Intake, category: &str) -> Result<Batch, Refusal> {
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
    bad.map_or(Ok(batch), Err)
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
