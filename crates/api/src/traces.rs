//! Traces by id and by search, and the dependency links between services.

use axum::extract::{Path, State};
use axum::response::Response;
use model::id::{IdError, TraceId};
use serde::Serialize;
use storage::statistics::Dependency;

use crate::Api;
use crate::params::Params;
use crate::reply::{self, Refusal};

/// Most ids that one `traceMany` may ask for.
const TRACE_MANY_MAX: usize = 1000;

/// `GET /trace/{traceId}`: the spans of one trace as they are stored.
pub async fn trace(State(api): State<Api>, Path(text): Path<String>) -> Result<Response, Refusal> {
    let id = trace_id(text.trim())?;
    let traces = api.storage().traces(vec![id]).await?;
    let trace = traces.first().ok_or_else(|| Refusal::not_found(format!("{id} not found")))?;
    let mut body = String::new();
    wire::json_v2::write_list(&mut body, trace);
    Ok(reply::json(body))
}

/// `GET /traceMany?traceIds=a,b`: several traces in the order asked; unknown ones are left out.
pub async fn trace_many(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    let ids = trace_ids(params.required("traceIds")?)?;
    let traces = api.storage().traces(ids).await?;
    let mut body = String::new();
    wire::json_v2::write_traces(&mut body, &traces);
    Ok(reply::json(body))
}

/// `GET /traces`: whole traces that match, newest first.
pub async fn search(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    let query = params.search(&api.config, (api.sources.now_ms)())?;
    let traces = match api.config.search_enabled {
        true => api.storage().search(query).await?.traces,
        false => Vec::new(),
    };
    let mut body = String::new();
    wire::json_v2::write_traces(&mut body, &traces);
    Ok(reply::json(body))
}

/// A dependency link as Zipkin writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link<'a> {
    parent: &'a str,
    child: &'a str,
    call_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    error_count: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// `GET /dependencies?endTs=&lookback=`: who called whom.
pub async fn dependencies(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    let links = api.storage().dependencies(params.dependencies(&api.config)?).await?;
    let links: Vec<_> = links
        .iter()
        .map(|Dependency { link, .. }| Link {
            parent: &link.parent,
            child: &link.child,
            call_count: link.call_count,
            error_count: link.error_count,
        })
        .collect();
    Ok(reply::json(serde_json::to_vec(&links).unwrap_or_default()))
}

fn trace_ids(text: &str) -> Result<Vec<TraceId>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::bad("traceIds parameter is empty"));
    }
    let mut ids = Vec::new();
    for part in text.splitn(TRACE_MANY_MAX, ',') {
        let id = trace_id(part)?;
        if ids.contains(&id) {
            return Err(Refusal::bad(format!("redundant traceId: {part}")));
        }
        ids.push(id);
    }
    match ids.len() {
        1 => Err(Refusal::bad("Use /api/v2/trace/{traceId} endpoint to retrieve a single trace")),
        _ => Ok(ids),
    }
}

/// Reads a trace id as Zipkin does.
pub fn trace_id(text: &str) -> Result<TraceId, Refusal> {
    TraceId::from_lower_hex(text).map_err(|error| {
        Refusal::bad(match error {
            IdError::NotLowerHex => format!("{text} {error}"),
            IdError::TooLong(max) => format!("traceId.length > {max}"),
            IdError::Empty | IdError::AllZeros => format!("traceId {error}"),
        })
    })
}
