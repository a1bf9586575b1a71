//! Spans by OTLP: `POST /v1/traces` in protocol buffers or JSON, and `TraceService/Export` by gRPC.
//!
//! Rules: OpenTelemetry protocol specification. Spans with bad ids are left out and the sender is told how many
//! (partial success); whatever else is wrong refuses the whole request.

use std::borrow::Cow;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use model::batch::Batch;
use wire::error::DecodeError;
use wire::otlp::{Rejected, answer, decode_json, decode_protobuf};

use crate::body::{self, Limits, media_type};
use crate::grpc::{self, Code, Method};
use crate::http::status;
use crate::intake::{Intake, RETRY_AFTER_S, Room};
use crate::refusal::{Reason, Refusal};

/// `opentelemetry.proto.collector.trace.v1.TraceService/Export`. Its specification wants UNAVAILABLE from a server that
/// is overloaded, and INVALID_ARGUMENT for bad data.
pub static EXPORT: Method = Method {
    path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    decode: decode_protobuf,
    response: answer::response_protobuf,
    malformed: Code::InvalidArgument,
    overloaded: Code::Unavailable,
};

/// One way to the store for each transport, so that each is counted for itself.
#[derive(Clone)]
pub struct Intakes {
    /// Of OTLP/HTTP.
    pub http: Intake,
    /// Of OTLP/gRPC.
    pub grpc: Intake,
}

#[derive(Clone)]
struct Door {
    intake: Intake,
    limits: Limits,
}

/// Returns the routes of this door. Each port has both, whichever of the two it is meant for.
pub fn router(intakes: Intakes, limits: Limits) -> Router {
    Router::new()
        .route("/v1/traces", post(post_traces))
        .layer(DefaultBodyLimit::disable())
        .with_state(Door { intake: intakes.http, limits })
        .merge(grpc::router(&EXPORT, intakes.grpc, limits))
}

/// The form of a request, which its answer has too.
#[derive(Clone, Copy)]
enum Form {
    Protobuf,
    Json,
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        match media_type(headers) {
            "application/x-protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn decode(self, bytes: &[u8], batch: &mut Batch) -> Result<Rejected, DecodeError> {
        match self {
            Self::Protobuf => decode_protobuf(bytes, batch),
            Self::Json => decode_json(bytes, batch),
        }
    }

    fn response(self, rejected: &Rejected) -> Response {
        match self {
            Self::Protobuf => self.write(StatusCode::OK, answer::response_protobuf(rejected)),
            Self::Json => self.write(StatusCode::OK, answer::response_json(rejected).into_bytes()),
        }
    }

    /// Returns the answer to a refused request: a `google.rpc.Status`.
    fn error(self, refusal: &Refusal) -> Response {
        let code = EXPORT.code(refusal.reason) as u32;
        let body = match self {
            Self::Protobuf => answer::status_protobuf(code, &refusal.text, None),
            Self::Json => answer::status_json(code, &refusal.text).into_bytes(),
        };
        let mut response = self.write(status(refusal.reason), body);
        if refusal.reason.is_ours() {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S.into());
        }
        response
    }

    fn write(self, status: StatusCode, body: Vec<u8>) -> Response {
        let content_type = match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        };
        (status, [(CONTENT_TYPE, content_type)], body).into_response()
    }
}

async fn post_traces(State(door): State<Door>, request: Request) -> Response {
    let form = Form::of(request.headers());
    match door.intake.count(door.take(request, form)).await {
        Ok((form, rejected)) => form.response(&rejected),
        // Who sends something else altogether reads JSON best.
        Err(refusal) => form.unwrap_or(Form::Json).error(&refusal),
    }
}

impl Door {
    async fn take(&self, request: Request, form: Option<Form>) -> Result<(Form, Rejected), Refusal> {
        let (head, body) = request.into_parts();
        let form = form.ok_or_else(|| {
            let text = "content type is none of application/x-protobuf and application/json";
            Refusal::new(Reason::UnknownType, text)
        })?;
        let is_gzip = is_gzip(&head.headers)?;
        let mut room = self.intake.room();
        let body = body::read(&head.headers, body, self.limits.body_bytes_max, &mut room).await?;
        let packed = is_gzip && !body.is_empty();
        let read = || self.decode(&body, packed, form, &mut room);
        let (batch, rejected) = self.intake.read(body.len(), packed, read).await?;
        drop(body);
        self.intake.accept(batch, rejected.spans, &mut room).await?;
        Ok((form, rejected))
    }

    fn decode(
        &self,
        body: &[u8],
        packed: bool,
        form: Form,
        room: &mut Room,
    ) -> Result<(Batch, Rejected), Refusal> {
        let mut bytes = Cow::Borrowed(body);
        if packed {
            bytes = Cow::Owned(body::unpack(body, self.limits.unpacked_bytes_max, room)?);
        }
        self.intake.metrics().bytes(bytes.len());
        let mut batch = Batch::new();
        let rejected = form.decode(&bytes, &mut batch)?;
        Ok((batch, rejected))
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"" | b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(_) => Err(Refusal::new(Reason::UnknownType, "content encoding is neither gzip nor identity")),
    }
}
