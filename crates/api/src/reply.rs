//! Answers in the forms that Zipkin's clients know.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use storage::error::ReadError;

/// An answer that is not the one asked for; its text is the whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 404 or 500.
    pub status: StatusCode,
    /// What is wrong.
    pub text: String,
    /// With which parameter, where it is one's.
    pub parameter: Option<&'static str>,
}

impl Refusal {
    /// The question can't be answered as it was put.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.into(), parameter: None }
    }

    /// A parameter can't be used as it was given.
    pub fn parameter(name: &'static str, text: impl Into<String>) -> Self {
        Self { parameter: Some(name), ..Self::bad(text) }
    }

    /// There is no such thing.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::bad(text) }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        if matches!(error, ReadError::TooLarge { .. }) {
            return Self::bad(error.to_string());
        }
        tracing::error!(%error, "question not answered");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, ..Self::bad(error.to_string()) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        text(self.status, self.text)
    }
}

/// Returns compact JSON with status 200.
pub fn json(body: impl Into<Bytes>) -> Response {
    let mut response = body.into().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns plain text.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text.into()).into_response()
}

/// Returns Zipkin's page for everything that is not there.
pub async fn page_not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 Not Found")
}

/// Returns Zipkin's page for a method that is none, or none of a document's.
pub async fn method_not_allowed() -> Response {
    text(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed")
}

/// Returns what Zipkin's server says to a target that it can't read.
pub fn bad_target() -> Response {
    text(StatusCode::BAD_REQUEST, "Status: 400\nDescription: Invalid request path\n")
}
