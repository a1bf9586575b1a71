//! `GET /api/spanlet/v1/hints`: why a search finds nothing.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use storage::counts::Hints;

use super::ask;
use super::problem::Problem;
use crate::params::Params;
use crate::{Api, reply};

/// Answers how many traces match all but the time, and in sentences what may be wrong with them.
pub async fn hints(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let query = ask::query(&api, &params, &[])?;
    let hints = api.storage().hints(query).await?;
    let body = json!({
        "withoutTimestamp": hints.without_timestamp,
        "outsideWindow": hints.outside_window,
        "farPast": hints.far_past,
        "farFuture": hints.far_future,
        "hints": sentences(&hints),
    });
    Ok(reply::json(body.to_string()))
}

fn sentences(hints: &Hints) -> Vec<String> {
    let implausible = hints.far_past + hints.far_future;
    let elsewhere = hints.outside_window.saturating_sub(implausible);
    [
        (elsewhere, "outside the window: ask for more time with lookback, or another endTs"),
        (hints.far_past, "before the year 2000: their timestamps may be seconds or milliseconds instead of microseconds, or their clock was never set"),
        (hints.far_future, "after the year 2099: their timestamps may be nanoseconds instead of microseconds, or their clock is wrong"),
        (hints.without_timestamp, "without any timestamp: no search finds them, only their id; see what reports them"),
    ]
    .into_iter()
    .filter(|(traces, _)| *traces > 0)
    .map(|(traces, text)| format!("{traces} matching {} {text}", if traces == 1 { "trace is" } else { "traces are" }))
    .collect()
}
