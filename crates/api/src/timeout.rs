//! Questions that take too long are given up.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::reply::Refusal;
use crate::{Api, extensions};

/// Answers 500 after `QUERY_TIMEOUT`, as openzipkin/zipkin `ITZipkinServerTimeout` wants it.
pub async fn layer(State(api): State<Api>, request: Request, next: Next) -> Response {
    let timeout = api.config.query_timeout;
    let is_extension = extensions::is_path(request.uri().path());
    if let Ok(response) = tokio::time::timeout(timeout, next.run(request)).await {
        return response;
    }
    let text = format!("no answer within {timeout:?} (QUERY_TIMEOUT): ask for less time, or allow more");
    let refusal = Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, ..Refusal::bad(text) };
    match is_extension {
        true => extensions::Problem::from(refusal).into_response(),
        false => refusal.into_response(),
    }
}
