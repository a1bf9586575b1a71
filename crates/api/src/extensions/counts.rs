//! `GET /api/spanlet/v1/counts`: how many traces match over time.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use storage::counts::Grid;

use super::ask;
use super::problem::Problem;
use crate::params::Params;
use crate::{Api, reply};

/// Buckets when none are named: a minute each over an hour.
const BUCKETS_DEFAULT: usize = 60;

/// Answers `{"endTs": ..., "lookback": ..., "buckets": [{"startTs": ..., "traces": ..., "errors": ...}, ...]}`.
pub async fn counts(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let query = ask::query(&api, &params, &["buckets"])?;
    let buckets = ask::number(&params, "buckets", BUCKETS_DEFAULT)?;
    let window = query.window;
    let counts = api.storage().count(query, Grid::of_slices(buckets)).await?;
    let buckets: Vec<_> = counts
        .iter()
        .map(|count| json!({"startTs": count.start_ms, "traces": count.traces, "errors": count.errors}))
        .collect();
    let body = json!({"endTs": window.end_ms, "lookback": window.lookback_ms, "buckets": buckets});
    Ok(reply::json(body.to_string()))
}
