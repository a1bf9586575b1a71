//! Spans by HTTP: `POST /api/v2/spans` and `POST /api/v1/spans`.
//!
//! Statuses follow openzipkin/zipkin `ZipkinHttpCollector`, but 202 comes after the store has the spans, and
//! a store that is full or slow is 503 with `Retry-After`.

use std::io::Read;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flate2::read::GzDecoder;
use futures::StreamExt;
use model::batch::Batch;
use wire::error::DecodeError;

use crate::intake::{Intake, NoRoom, Room};

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

#[derive(Clone)]
struct Door {
    intake: Intake,
    limits: Limits,
}

/// Returns the routes of this door.
pub fn router(intake: Intake, limits: Limits) -> Router {
    Router::new()
        .route("/api/v2/spans", post(post_v2))
        .route("/api/v1/spans", post(post_v1))
        .layer(DefaultBodyLimit::disable())
        .with_state(Door { intake, limits })
}

type Decode = fn(&[u8], &mut Batch) -> Result<(), DecodeError>;

async fn post_v2(State(door): State<Door>, request: Request) -> Response {
    let decode = match media_type(request.headers()) {
        "application/x-protobuf" => wire::proto3::decode_list,
        _ => wire::json_v2::decode_list,
    };
    door.take(request, decode).await
}

async fn post_v1(State(door): State<Door>, request: Request) -> Response {
    let decode = match media_type(request.headers()) {
        "application/x-thrift" => wire::thrift_v1::decode_list,
        _ => wire::json_v1::decode_list,
    };
    door.take(request, decode).await
}

/// Why a message was not accepted.
enum Refusal {
    /// The sender's fault: sending it again won't help.
    Bad(StatusCode, String),
    /// Ours: the sender should try again.
    Later(String),
}

impl Door {
    async fn take(&self, request: Request, decode: Decode) -> Response {
        self.intake.metrics().message();
        match self.try_take(request, decode).await {
            Ok(()) => StatusCode::ACCEPTED.into_response(),
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn try_take(&self, request: Request, decode: Decode) -> Result<(), Refusal> {
        let batch =
            self.read(request, decode).await.inspect_err(|_| self.intake.metrics().message_dropped())?;
        self.intake.accept(batch).await.map_err(|error| Refusal::Later(error.to_string()))
    }

    async fn read(&self, request: Request, decode: Decode) -> Result<Batch, Refusal> {
        let (head, body) = request.into_parts();
        if announced_bytes(&head.headers).is_some_and(|bytes| bytes > self.limits.body_bytes_max) {
            return Err(too_large(self.limits.body_bytes_max));
        }
        let mut room = self.intake.room();
        let mut body = read_body(body, self.limits.body_bytes_max, &mut room).await?;
        if is_gzip(&head.headers) && !body.is_empty() {
            body = unpack(&body, self.limits.unpacked_bytes_max, &mut room)?;
        }
        self.intake.metrics().bytes(body.len());
        let mut batch = Batch::new();
        if !body.is_empty() {
            decode(&body, &mut batch)
                .map_err(|error| Refusal::Bad(StatusCode::BAD_REQUEST, error.to_string()))?;
        }
        Ok(batch)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Bad(status, text) => {
                (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
            }
            Self::Later(text) => {
                let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (RETRY_AFTER, "1")];
                (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
            }
        }
    }
}

fn too_large(bytes_max: usize) -> Refusal {
    Refusal::Bad(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("body is larger than {bytes_max} bytes; send smaller batches"),
    )
}

impl From<NoRoom> for Refusal {
    fn from(_: NoRoom) -> Self {
        Self::Later("too many bytes are being worked on; try again later".into())
    }
}

async fn read_body(body: Body, bytes_max: usize, room: &mut Room) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::Bad(StatusCode::BAD_REQUEST, "body broke off".into()))?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        room.grow(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Inflates chunk by chunk with a limit on what comes out, so that a small body can't fill the memory.
fn unpack(packed: &[u8], bytes_max: usize, room: &mut Room) -> Result<Vec<u8>, Refusal> {
    const CHUNK_BYTES: usize = 64 * 1024;
    let mut reader = GzDecoder::new(packed);
    let mut unpacked = Vec::new();
    loop {
        room.grow(CHUNK_BYTES)?;
        let read = reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut unpacked);
        match read {
            Ok(0) if unpacked.is_empty() => return Err(bad_gzip("Cannot gunzip spans")),
            Ok(0) => return Ok(unpacked),
            Ok(_) if unpacked.len() > bytes_max => return Err(too_large(bytes_max)),
            Ok(_) => {}
            Err(_) => return Err(bad_gzip("Input is not in the GZIP format")),
        }
    }
}

fn bad_gzip(text: &str) -> Refusal {
    Refusal::Bad(StatusCode::BAD_REQUEST, text.into())
}

fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"))
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim()
}
