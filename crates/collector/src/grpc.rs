//! Spans by gRPC: calls of one message and one answer, over HTTP/2, and gRPC-web over any HTTP.
//!
//! Two methods with nothing to stream: a few lines over the HTTP server that is there anyway, instead of a second one.
//! Rules: grpc/grpc `doc/PROTOCOL-HTTP2.md` and `doc/PROTOCOL-WEB.md`.

use std::borrow::Cow;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use model::batch::Batch;
use wire::error::DecodeError;
use wire::grpc::{self as frame, HEAD_BYTES, Message};
use wire::otlp::{Rejected, answer};

use crate::body::{self, Limits, media_type};
use crate::intake::{Intake, RETRY_AFTER_S, Room};
use crate::refusal::{Reason, Refusal};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// What a call ended with, by gRPC's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// The message is no good.
    InvalidArgument = 3,
    /// A limit was reached. With the time to try again it means: not now.
    ResourceExhausted = 8,
    /// The message is packed in a way nobody here knows.
    Unimplemented = 12,
    /// The call itself is broken.
    Internal = 13,
    /// Not now.
    Unavailable = 14,
}

/// A method that takes spans.
pub struct Method {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Reads its message.
    pub decode: fn(&[u8], &mut Batch) -> Result<Rejected, DecodeError>,
    /// Writes its response.
    pub response: fn(&Rejected) -> Vec<u8>,
    /// How it ends when the message can't be read.
    pub malformed: Code,
    /// How it ends when the sender should try again.
    pub overloaded: Code,
}

/// `zipkin.proto3.SpanService/Report`. Zipkin ends a call that it can't read with INTERNAL.
pub static REPORT: Method = Method {
    path: "/zipkin.proto3.SpanService/Report",
    decode: |bytes, batch| wire::proto3::decode_message(bytes, batch).map(|()| Rejected::default()),
    response: |_| Vec::new(),
    malformed: Code::Internal,
    overloaded: Code::ResourceExhausted,
};

impl Method {
    /// Returns how a call ends that is refused.
    pub fn code(&self, reason: Reason) -> Code {
        match reason {
            Reason::Malformed | Reason::TooDeep => self.malformed,
            Reason::UnknownType => Code::Unimplemented,
            Reason::TooLarge | Reason::UnpackedTooLarge | Reason::Outgrown => Code::ResourceExhausted,
            Reason::CutOff | Reason::TooSlow => Code::Internal,
            Reason::NoRoom | Reason::Store => self.overloaded,
        }
    }
}

#[derive(Clone)]
struct Door {
    method: &'static Method,
    intake: Intake,
    limits: Limits,
}

/// Returns the route of a method.
pub fn router(method: &'static Method, intake: Intake, limits: Limits) -> Router {
    Router::new()
        .route(method.path, post(call).fallback(not_a_call))
        .layer(DefaultBodyLimit::disable())
        .with_state(Door { method, intake, limits })
}

async fn call(State(door): State<Door>, request: Request) -> Response {
    let form = Form::of(request.headers());
    let taken = door.intake.count(door.take(request, form)).await;
    // Without a form of gRPC nobody would look for a status of gRPC. The words are Zipkin's.
    let Some(form) = form else {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Missing or invalid Content-Type header.");
    };
    match taken {
        Ok(rejected) => form.response(&(door.method.response)(&rejected)),
        Err(refusal) => form.error(door.method.code(refusal.reason), &refusal),
    }
}

async fn not_a_call() -> Response {
    plain(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed")
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

impl Door {
    async fn take(&self, request: Request, form: Option<Form>) -> Result<Rejected, Refusal> {
        let (head, body) = request.into_parts();
        let malformed = |text: String| Refusal::new(Reason::Malformed, text);
        let form = form.ok_or_else(|| Refusal::new(Reason::UnknownType, "content type is none of gRPC's"))?;
        let packing = Packing::of(&head.headers)?;
        let mut room = self.intake.room();
        let bytes_max = self.limits.body_bytes_max + HEAD_BYTES;
        let mut body = body::read(&head.headers, body, bytes_max, &mut room).await?;
        if form == Form::WebText {
            body = frame::decode_text(&body).ok_or_else(|| malformed("body is not base64".into()))?;
        }
        let message = frame::read_message(&body).map_err(|error| malformed(error.to_string()))?;
        if message.compressed && packing == Packing::None {
            return Err(malformed("the message is packed, but the header grpc-encoding is missing".into()));
        }
        let read = || self.decode(message, &mut room);
        let (batch, rejected) = self.intake.read(message.bytes.len(), message.compressed, read).await?;
        drop(body);
        self.intake.accept(batch, rejected.spans, &mut room).await?;
        Ok(rejected)
    }

    fn decode(&self, message: Message<'_>, room: &mut Room) -> Result<(Batch, Rejected), Refusal> {
        let mut bytes = Cow::Borrowed(message.bytes);
        if message.compressed {
            bytes = Cow::Owned(body::unpack(message.bytes, self.limits.unpacked_bytes_max, room)?);
        }
        self.intake.metrics().bytes(bytes.len());
        let mut batch = Batch::new();
        let rejected = (self.method.decode)(&bytes, &mut batch)?;
        Ok((batch, rejected))
    }
}

/// How messages of a call may be packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
}

impl Packing {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        match headers.get(ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Ok(Self::None),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(_) => Err(Refusal::new(Reason::UnknownType, "grpc-encoding is neither gzip nor identity")),
        }
    }
}

/// The form of a call, which its answer has too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Grpc,
    Web,
    WebText,
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        match media_type(headers) {
            "application/grpc" | "application/grpc+proto" => Some(Self::Grpc),
            "application/grpc-web" | "application/grpc-web+proto" => Some(Self::Web),
            "application/grpc-web-text" | "application/grpc-web-text+proto" => Some(Self::WebText),
            _ => None,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Grpc => "application/grpc+proto",
            Self::Web => "application/grpc-web+proto",
            Self::WebText => "application/grpc-web-text+proto",
        })
    }

    fn response(self, message: &[u8]) -> Response {
        let ok = HeaderValue::from_static("0");
        let mut body = Vec::new();
        frame::push_message(&mut body, message);
        if self == Self::Grpc {
            let trailers = std::future::ready(Some(Ok(HeaderMap::from_iter([(STATUS, ok)]))));
            return self
                .mark(Body::new(Full::new(Bytes::from(body)).with_trailers(trailers)).into_response());
        }
        frame::push_trailers(&mut body, [(STATUS.as_str(), ok.as_bytes())].into_iter());
        if self == Self::WebText {
            body = frame::encode_text(&body);
        }
        self.mark(body.into_response())
    }

    /// Returns an answer without a message: its trailers are headers, in every form.
    fn error(self, code: Code, refusal: &Refusal) -> Response {
        let retry_after_s = refusal.reason.is_ours().then_some(RETRY_AFTER_S);
        let details = answer::status_protobuf(code as u32, &refusal.text, retry_after_s);
        let mut response = Body::empty().into_response();
        response.headers_mut().insert(STATUS, HeaderValue::from(code as u32));
        for (name, value) in
            [(MESSAGE, frame::percent_encode(&refusal.text)), (DETAILS, frame::binary_header(&details))]
        {
            // Both are printable ASCII by now.
            response.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
        self.mark(response)
    }

    fn mark(self, mut response: Response) -> Response {
        response.headers_mut().insert(CONTENT_TYPE, self.content_type());
        response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip"));
        response
    }
}
