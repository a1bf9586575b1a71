//! `GET /api/spanlet/v1/heatmap`: how many traces match at each time and of each duration.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use storage::counts::{Count, Grid};

use super::ask;
use super::durations::bands_us;
use super::problem::Problem;
use crate::params::Params;
use crate::{Api, reply};

/// Slices when none are named: a minute each over an hour.
const BUCKETS_DEFAULT: usize = 60;

/// Each band is longer than the one before by a quarter.
const BANDS_PER_DECADE: u32 = 10;

/// Answers `{"endTs", "lookback", "startTs": [...], "fromUs": [...], "toUs", "traces": [[...], ...], "errors": [...]}`:
/// a list for each band from the shortest to the longest that has traces, with a count for each slice.
pub async fn heatmap(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let query = ask::query(&api, &params, &["buckets"])?;
    let buckets = ask::number(&params, "buckets", BUCKETS_DEFAULT)?;
    let window = query.window;
    let counts = api.storage().count(query, Grid::new(buckets, bands_us(BANDS_PER_DECADE))).await?;
    let slices: Vec<&[Count]> = counts.chunk_by(|a, b| a.start_ms == b.start_ms).collect();
    let starts_ms: Vec<u64> = slices.iter().filter_map(|bands| Some(bands.first()?.start_ms)).collect();
    let bands_us: Vec<u64> =
        slices.first().map_or(&[][..], |bands| bands).iter().map(|it| it.from_us).collect();
    let has_traces =
        |band: &usize| slices.iter().any(|bands| bands.get(*band).is_some_and(|it| it.traces > 0));
    let first = (0..bands_us.len()).find(has_traces).unwrap_or(0);
    let end = (0..bands_us.len()).rev().find(has_traces).map_or(0, |last| last + 1);
    let rows = |of: fn(&Count) -> u64| -> Vec<Vec<u64>> {
        let row = |band| slices.iter().map(|bands| bands.get(band).map_or(0, of)).collect();
        (first..end).map(row).collect()
    };
    let body = json!({
        "endTs": window.end_ms,
        "lookback": window.lookback_ms,
        "startTs": starts_ms,
        "fromUs": bands_us.get(first..end),
        // Nothing where the last band has no end.
        "toUs": bands_us.get(end),
        "traces": rows(|count| count.traces),
        "errors": rows(|count| count.errors),
    });
    Ok(reply::json(body.to_string()))
}
