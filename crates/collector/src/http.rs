//! Spans by HTTP: `POST /api/v2/spans` and `POST /api/v1/spans`.
//!
//! Statuses follow openzipkin/zipkin `ZipkinHttpCollector`, but 202 comes after the store has the spans, and
//! a store that is full or slow is 503 with `Retry-After`.

use std::borrow::Cow;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use model::batch::Batch;
use wire::error::DecodeError;

use crate::body::{self, Limits, media_type};
use crate::intake::{Intake, RETRY_AFTER_S, Room};
use crate::refusal::{Reason, Refusal};

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
    door.answer(request, decode).await
}

async fn post_v1(State(door): State<Door>, request: Request) -> Response {
    let decode = match media_type(request.headers()) {
        "application/x-thrift" => wire::thrift_v1::decode_list,
        _ => wire::json_v1::decode_list,
    };
    door.answer(request, decode).await
}

impl Door {
    async fn answer(&self, request: Request, decode: Decode) -> Response {
        match self.intake.count(self.take(request, decode)).await {
            Ok(()) => StatusCode::ACCEPTED.into_response(),
            Err(refusal) => {
                let text_type = (CONTENT_TYPE, "text/plain; charset=utf-8");
                let mut response = (status(refusal.reason), [text_type], refusal.text).into_response();
                if refusal.reason.is_ours() {
                    response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S.into());
                }
                response
            }
        }
    }

    async fn take(&self, request: Request, decode: Decode) -> Result<(), Refusal> {
        let (head, body) = request.into_parts();
        let mut room = self.intake.room();
        let body = body::read(&head.headers, body, self.limits.body_bytes_max, &mut room).await?;
        let packed = is_gzip(&head.headers) && !body.is_empty();
        let read = || self.decode(&body, packed, decode, &mut room);
        let batch = self.intake.read(body.len(), packed, read).await?;
        drop(body);
        self.intake.accept(batch, 0, &mut room).await
    }

    fn decode(&self, body: &[u8], packed: bool, decode: Decode, room: &mut Room) -> Result<Batch, Refusal> {
        let mut bytes = Cow::Borrowed(body);
        if packed {
            bytes = Cow::Owned(body::unpack(body, self.limits.unpacked_bytes_max, room)?);
            if bytes.is_empty() {
                return Err(Refusal::new(Reason::Malformed, "Cannot gunzip spans"));
            }
        }
        self.intake.metrics().bytes(bytes.len());
        let mut batch = Batch::new();
        decode(&bytes, &mut batch)?;
        Ok(batch)
    }
}

/// Returns the status of a refusal, the same at every door that speaks HTTP.
pub(crate) fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::Malformed | Reason::TooDeep | Reason::CutOff => StatusCode::BAD_REQUEST,
        Reason::UnknownType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Reason::TooLarge | Reason::UnpackedTooLarge | Reason::Outgrown => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Reason::NoRoom | Reason::Store => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Zipkin looks for the word anywhere in the header, and reads what is packed in another way as it is.
fn is_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"))
}
