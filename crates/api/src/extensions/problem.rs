//! Errors of the extensions, as JSON for programs and people (RFC 9457).

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use storage::change::ChangeError;
use storage::error::ReadError;

use crate::reply::Refusal;

/// What was wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    title: &'static str,
    status: u16,
    detail: String,
    /// The query parameter that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Where in its text, in bytes from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    help: &'static str,
}

impl Problem {
    /// A parameter can't be understood.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let refusal = Refusal::bad(detail);
        Self { parameter: Some(name.to_owned()), help: takes(name), ..Self::from(refusal) }
    }

    /// Says where in the parameter's text.
    #[must_use]
    pub fn at(self, position: usize) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Searches are switched off.
    pub fn search_off() -> Self {
        Self {
            title: "Searching is switched off",
            status: StatusCode::FORBIDDEN.as_u16(),
            detail: "this server runs with SEARCH_ENABLED=false".to_owned(),
            parameter: None,
            position: None,
            help: "ask for traces by their ids, or start the server with SEARCH_ENABLED=true",
        }
    }
}

impl From<Refusal> for Problem {
    fn from(Refusal { status, text, parameter }: Refusal) -> Self {
        let (title, help) = match status.is_server_error() {
            true => (
                "The question was not answered",
                "try again; if it stays so, look at /health and the server's log",
            ),
            false if status == StatusCode::NOT_FOUND => {
                ("There is no such thing", "it may still be on its way, or have been deleted for its age")
            }
            false => {
                ("The question can't be understood", "see /api/spanlet/openapi.json for what may be asked")
            }
        };
        let help = parameter.map_or(help, takes);
        let parameter = parameter.map(str::to_owned);
        Self { title, status: status.as_u16(), detail: text, parameter, position: None, help }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let (status, title, help) = match &error {
            ChangeError::TooManyPins => {
                (StatusCode::CONFLICT, "Too many traces are pinned", "see GET /api/spanlet/v1/pins")
            }
            ChangeError::TooManyDeletions { .. } => (
                StatusCode::CONFLICT,
                "Too many deletions wait",
                "they are carried out in the background; spanlet_deletions_waiting counts them",
            ),
            ChangeError::Failed(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Nothing was changed",
                "try again; if it stays so, look at /health and the server's log",
            ),
        };
        let detail = error.to_string();
        Self { title, status: status.as_u16(), detail, parameter: None, position: None, help }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

/// Says what a parameter takes.
fn takes(parameter: &str) -> &'static str {
    match parameter {
        "query" => "query takes conditions such as http.status_code^=5 and not (env=test or \"cache miss\")",
        "order" => "order is newest, duration or errors",
        "cursor" => "cursor is the text that came as next with the page before, asked with the same order",
        "limit" => "limit is a number from 1 to 1000",
        "buckets" => "buckets is a number from 1 to 1000",
        "minDuration" | "maxDuration" => {
            "durations are whole microseconds above 0, the largest not below the smallest"
        }
        "endTs" => "endTs is in milliseconds since the epoch; the time now when left out",
        "before" => "before is in milliseconds since the epoch, and not in the future",
        "clocks" => "clocks is mended or raw",
        "lookback" => "lookback is in milliseconds",
        _ => "see /api/spanlet/openapi.json for what may be asked",
    }
}
