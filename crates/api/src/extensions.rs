//! What Zipkin's API does not have: order, paging, richer conditions, counts over time, hints, statistics. Described by
//! `docs/reference/openapi.json`, which is served too.

mod ask;
mod columns;
mod counts;
mod durations;
mod heatmap;
mod hints;
mod histogram;
mod packed;
mod pins;
mod problem;
mod query_text;
mod spans;
mod statistics;
mod status;
mod traces;

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, put};
use storage::error::ReadError;

pub use problem::Problem;

use crate::Api;
use crate::fixed::Fixed;

/// Says whether a path is one of ours, whose errors are JSON.
pub fn is_path(path: &str) -> bool {
    path.strip_prefix("/zipkin").unwrap_or(path).starts_with("/api/spanlet/")
}

/// Returns the paths of the extensions.
pub fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/api/spanlet/openapi.json", get(openapi)),
        ("/api/spanlet/v1/traces", get(traces::traces)),
        ("/api/spanlet/v1/counts", get(counts::counts)),
        ("/api/spanlet/v1/histogram", get(histogram::histogram)),
        ("/api/spanlet/v1/heatmap", get(heatmap::heatmap)),
        ("/api/spanlet/v1/hints", get(hints::hints)),
        ("/api/spanlet/v1/pins", get(pins::pins)),
        ("/api/spanlet/v1/status", get(status::status)),
        ("/api/spanlet/v1/statistics", get(statistics::statistics)),
        ("/api/spanlet/v1/dependencies", get(statistics::dependencies)),
        ("/api/spanlet/v1/trace/{traceId}/columns", get(columns::columns)),
        ("/api/spanlet/v1/trace/{traceId}/matches", get(spans::matches)),
        ("/api/spanlet/v1/trace/{traceId}/spans/{spanId}", get(spans::spans)),
    ]
}

/// Returns the paths of what changes the store.
pub fn changes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/api/spanlet/v1/pins/{traceId}", put(pins::pin).delete(pins::unpin)),
        ("/api/spanlet/v1/traces/{traceId}", delete(pins::delete)),
        ("/api/spanlet/v1/traces", delete(pins::delete_before)),
    ]
}

/// Works something out where it holds nobody up.
async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|error| ReadError::Failed(error.to_string()).into())
}

async fn openapi(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Fixed> = LazyLock::new(|| {
        let text = include_str!("../../../docs/reference/openapi.json");
        Fixed::new("application/json", Some("max-age=600"), text)
    });
    DOCUMENT.answer(&headers)
}
