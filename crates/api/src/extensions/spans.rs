//! What the columns of a trace leave out, on demand: single spans, and which rows contain a text.

use axum::extract::{Path, State};
use axum::response::Response;
use model::columns::{Clocks, Columns};
use model::id::SpanId;
use model::merge::merge;
use model::span::Span;
use serde_json::json;

use super::problem::Problem;
use super::{ask, offload};
use crate::params::Params;
use crate::reply::Refusal;
use crate::{Api, reply};

/// `GET /api/spanlet/v1/trace/{traceId}/spans/{spanId}`: a list of the spans with this id, each whole; the client half
/// of a call comes before its server half.
pub async fn spans(
    State(api): State<Api>,
    Path((trace_id, span_id)): Path<(String, String)>,
    params: Params,
) -> Result<Response, Problem> {
    ask::only(&params, &[])?;
    let bad = |error| Problem::from(Refusal::bad(format!("span id {span_id}: {error}")));
    let id = SpanId::from_lower_hex(&span_id).map_err(bad)?;
    let mut trace = ask::trace(&api, &trace_id).await?;
    trace.retain(|span: &Span| span.id == id);
    let found = merge(&trace);
    if found.is_empty() {
        return Err(Refusal::not_found(format!("{trace_id} has no span {span_id}")).into());
    }
    let mut body = String::new();
    wire::json_v2::write_list(&mut body, &found);
    Ok(reply::json(body))
}

/// `GET /api/spanlet/v1/trace/{traceId}/matches?text=`: answers `{"rows": [...], "spans": ...}`, rows of the columns.
pub async fn matches(
    State(api): State<Api>,
    Path(trace_id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    ask::only(&params, &["text"])?;
    let text = params.required("text")?.to_owned();
    let trace = ask::trace(&api, &trace_id).await?;
    let body = offload(move || {
        let columns = Columns::of(&trace, Clocks::Raw);
        json!({"rows": columns.find(&text), "spans": columns.span_count()}).to_string()
    });
    Ok(reply::json(body.await?))
}
