//! Pinned traces, and what is deleted: the only requests that change what is stored. They need the scope `admin`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::id::TraceId;
use storage::change::Change;

use super::problem::Problem;
use crate::params::Params;
use crate::{Api, reply, traces};

/// `GET /api/spanlet/v1/pins`: answers `{"traceIds": ["...", ...]}`, in the order in which they were pinned.
pub async fn pins(State(api): State<Api>) -> Result<Response, Problem> {
    let ids: Vec<String> = api.storage().pins().await?.iter().map(TraceId::to_string).collect();
    Ok(reply::json(serde_json::json!({ "traceIds": ids }).to_string()))
}

/// `PUT /api/spanlet/v1/pins/{traceId}`: the trace stays, whatever its age.
pub async fn pin(State(api): State<Api>, Path(text): Path<String>) -> Result<StatusCode, Problem> {
    let id = traces::trace_id(&text)?;
    // A slip of the pen would be found out only when the trace is gone.
    if api.storage().traces(vec![id]).await?.is_empty() {
        return Err(reply::Refusal::not_found(format!("there is no trace {id} to pin")).into());
    }
    changed(&api, Change::Pin(id)).await
}

/// `DELETE /api/spanlet/v1/pins/{traceId}`: the trace goes with the others of its age again.
pub async fn unpin(State(api): State<Api>, Path(text): Path<String>) -> Result<StatusCode, Problem> {
    changed(&api, Change::Unpin(traces::trace_id(&text)?)).await
}

/// `DELETE /api/spanlet/v1/traces/{traceId}`: all of its spans that came so far go, pinned or not.
pub async fn delete(State(api): State<Api>, Path(text): Path<String>) -> Result<StatusCode, Problem> {
    changed(&api, Change::Delete(traces::trace_id(&text)?)).await
}

/// `DELETE /api/spanlet/v1/traces?before=MS`: spans that came so far and start before go, but for pinned traces.
pub async fn delete_before(State(api): State<Api>, params: Params) -> Result<StatusCode, Problem> {
    if let Some(unknown) = params.names().find(|name| *name != "before") {
        return Err(Problem::parameter(unknown, format!("there is no parameter {unknown}; there is before")));
    }
    let text = params.get("before").unwrap_or_default();
    let Some(before_ms) = text.parse::<u64>().ok().filter(|ms| *ms > 0) else {
        return Err(Problem::parameter("before", format!("before is \"{text}\"")));
    };
    // Whoever means all says so with the time of now; more is another unit.
    if before_ms > (api.sources.now_ms)() {
        return Err(Problem::parameter("before", format!("before={text} lies in the future")));
    }
    changed(&api, Change::DeleteBefore(before_ms.saturating_mul(1000))).await
}

async fn changed(api: &Api, change: Change) -> Result<StatusCode, Problem> {
    api.storage().change(change).await?;
    Ok(StatusCode::NO_CONTENT)
}
