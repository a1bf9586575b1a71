//! `GET /api/spanlet/v1/histogram`: how many traces match over time, and how long they take.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use storage::counts::{Count, Grid};

use super::ask;
use super::durations::{bands_us, percentile_us};
use super::problem::Problem;
use crate::params::Params;
use crate::{Api, reply};

/// Slices when none are named: a minute each over an hour.
const BUCKETS_DEFAULT: usize = 60;

/// So narrow that a percentile is right to a twentieth.
const BANDS_PER_DECADE: u32 = 20;

/// Answers `{"endTs", "lookback", "traces", "errors", "p50", "p95", "p99", "buckets": [{"startTs", "traces", "errors",
/// "p50", "p95"}, ...]}`; percentiles are microseconds, null without traces.
pub async fn histogram(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let query = ask::query(&api, &params, &["buckets"])?;
    let buckets = ask::number(&params, "buckets", BUCKETS_DEFAULT)?;
    let window = query.window;
    let counts = api.storage().count(query, Grid::new(buckets, bands_us(BANDS_PER_DECADE))).await?;
    let slices = counts.chunk_by(|a, b| a.start_ms == b.start_ms);
    let buckets: Vec<Value> = slices.map(bucket).collect();
    let all = in_all(&counts);
    let body = json!({
        "endTs": window.end_ms,
        "lookback": window.lookback_ms,
        "traces": all.iter().map(|band| band.traces).sum::<u64>(),
        "errors": all.iter().map(|band| band.errors).sum::<u64>(),
        "p50": percentile_us(&all, 0.5),
        "p95": percentile_us(&all, 0.95),
        "p99": percentile_us(&all, 0.99),
        "buckets": buckets,
    });
    Ok(reply::json(body.to_string()))
}

fn bucket(bands: &[Count]) -> Value {
    json!({
        "startTs": bands.first().map(|band| band.start_ms),
        "traces": bands.iter().map(|band| band.traces).sum::<u64>(),
        "errors": bands.iter().map(|band| band.errors).sum::<u64>(),
        "p50": percentile_us(bands, 0.5),
        "p95": percentile_us(bands, 0.95),
    })
}

/// Returns the bands of the whole window.
fn in_all(counts: &[Count]) -> Vec<Count> {
    let mut slices = counts.chunk_by(|a, b| a.start_ms == b.start_ms);
    let mut all = slices.next().map(<[Count]>::to_vec).unwrap_or_default();
    for slice in slices {
        for (sum, band) in all.iter_mut().zip(slice) {
            sum.traces += band.traces;
            sum.errors += band.errors;
        }
    }
    all
}
