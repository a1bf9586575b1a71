//! Traces by id and by search, and the dependency links between services.

use std::sync::atomic::Ordering;

use axum::extract::{Path, State};
use axum::response::Response;
use model::id::{IdError, TraceId};
use serde::Serialize;
use storage::port::Trace;

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
    let mut body = Body::new(&api);
    body.push_trace(trace)?;
    Ok(reply::json(body.text))
}

/// `GET /traceMany?traceIds=a,b`: several traces in the order asked; unknown ones are left out.
pub async fn trace_many(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    let ids = trace_ids(params.required("traceIds")?)?;
    let traces = api.storage().traces(ids).await?;
    let mut body = Body::new(&api);
    body.push_traces(&traces)?;
    Ok(reply::json(body.text))
}

/// `GET /traces`: whole traces that match, newest first.
pub async fn search(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    let query = params.search(&api.config, (api.sources.now_ms)())?;
    let traces = match api.config.search_enabled {
        true => api.storage().search(query).await?.traces,
        false => Vec::new(),
    };
    let mut body = Body::new(&api);
    body.push_traces(&traces)?;
    Ok(reply::json(body.text))
}

/// JSON that grows up to a limit.
pub struct Body<'a> {
    api: &'a Api,
    /// What is written so far.
    pub text: String,
}

impl<'a> Body<'a> {
    /// Returns an empty one.
    pub fn new(api: &'a Api) -> Self {
        Self { api, text: String::new() }
    }

    /// Appends a list of traces.
    pub fn push_traces(&mut self, traces: &[Trace]) -> Result<(), Refusal> {
        for (index, trace) in traces.iter().enumerate() {
            self.text.push(if index == 0 { '[' } else { ',' });
            self.push_trace(trace)?;
        }
        self.text.push_str(if traces.is_empty() { "[]" } else { "]" });
        Ok(())
    }

    fn push_trace(&mut self, trace: &Trace) -> Result<(), Refusal> {
        wire::json_v2::write_list(&mut self.text, trace);
        let bytes_max = self.api.config.answer_bytes_max;
        if self.text.len() <= bytes_max {
            return Ok(());
        }
        self.api.answers_refused.fetch_add(1, Ordering::Relaxed);
        Err(Refusal::bad(format!(
            "the answer is larger than {bytes_max} bytes: ask for fewer traces, or for less time"
        )))
    }
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
        .map(|link| Link {
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
            return Err(Refusal::bad(format!("redundant traceId: {id}")));
        }
        ids.push(id);
    }
    match ids.len() {
        1 => Err(Refusal::bad("Use /api/v2/trace/{traceId} endpoint to retrieve a single trace")),
        _ => Ok(ids),
    }
}

fn trace_id(text: &str) -> Result<TraceId, Refusal> {
    TraceId::from_lower_hex(text).map_err(|error| {
        Refusal::bad(match error {
            IdError::NotLowerHex => format!("{text} {error}"),
            IdError::TooLong(max) => format!("traceId.length > {max}"),
            IdError::Empty | IdError::AllZeros => format!("traceId {error}"),
        })
    })
}
