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
use wire::scribe::{self, Head, ResultCode};

use crate::intake::Intake;

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
        if length > config.frame_bytes_max {
            // Something that does not speak framed thrift at all, such as HTTP or TLS: no answer would be understood.
            intake.metrics().message();
            intake.metrics().message_dropped();
            return Err(std::io::Error::other(format!(
                "frame of {length} bytes, limit {}",
                config.frame_bytes_max
            )));
        }
        // A wait for room is felt by the sender as a slow connection: nothing is lost and nothing grows.
        let mut room = intake.room();
        let read = async {
            room.wait(length).await.map_err(|_| std::io::Error::other("frame is larger than all room"))?;
            frame.clear();
            (&mut stream).take(length as u64).read_to_end(&mut frame).await
        };
        let read = tokio::time::timeout(config.frame_time_max, read).await;
        if read.map_err(|_| std::io::Error::other("frame is too slow"))?? < length {
            intake.metrics().message();
            intake.metrics().message_dropped();
            return Err(std::io::Error::other("frame broke off"));
        }
        let Some(reply) = answer(&frame, intake, &config.category).await else {
            return Err(std::io::Error::other("frame is no thrift call"));
        };
        stream.write_all(&reply).await?;
        if frame.capacity() > 1 << 20 {
            frame = Vec::new();
        }
    }
}

/// Returns the framed answer to a frame, or nothing when it is no call at all.
async fn answer(frame: &[u8], intake: &Intake, category: &str) -> Option<Vec<u8>> {
    intake.metrics().message();
    let Ok((head, body)) = scribe::read_head(frame) else {
        intake.metrics().message_dropped();
        return None;
    };
    let batch = match decode(&head, body, intake, category) {
        Ok(batch) => batch,
        Err(text) => {
            intake.metrics().message_dropped();
            return Some(scribe::exception(&head, &text));
        }
    };
    let code = match intake.accept(batch).await {
        Ok(()) => ResultCode::Ok,
        Err(error) => {
            tracing::warn!(%error, "scribe sender told to try later");
            ResultCode::TryLater
        }
    };
    Some(scribe::reply(&head, code))
}

/// Reads all spans of a call, or none.
fn decode(head: &Head<'_>, body: &[u8], intake: &Intake, category: &str) -> Result<Batch, String> {
    let mut batch = Batch::new();
    let (mut bytes, mut bad) = (0, None);
    let read = scribe::read_entries(head, body, &mut |entry| {
        if entry.category != category.as_bytes() || bad.is_some() {
            return;
        }
        let decoded =
            scribe::decode_message(entry.message).map_err(|error| error.to_string()).and_then(|span| {
                bytes += span.len();
                wire::thrift_v1::decode_span(&span, &mut batch).map_err(|error| error.to_string())
            });
        bad = decoded.err();
    });
    intake.metrics().bytes(bytes);
    match (read, bad) {
        (Err(error), _) => Err(error.to_string()),
        (Ok(()), Some(bad)) => Err(bad),
        (Ok(()), None) => Ok(batch),
    }
}
