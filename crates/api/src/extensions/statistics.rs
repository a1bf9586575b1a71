//! `GET /api/spanlet/v1/statistics` and `/dependencies`: how often, how well and how fast operations and calls ran.

use axum::extract::State;
use axum::response::Response;
use model::histogram::Histogram;
use model::span::Kind;
use serde::Serialize;
use storage::query::Window;
use storage::statistics::{Asked, Dependency, Operation, Series};

use super::problem::Problem;
use crate::params::Params;
use crate::{Api, reply};

/// Most operations of an answer: those with the most calls.
const ROWS_MAX: usize = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    step_ms: u64,
    start_ts: u64,
    rows: Vec<Row<'a>>,
    rows_left_out: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    service_name: &'a str,
    span_name: &'a str,
    remote_service_name: Option<&'a str>,
    kind: Option<&'static str>,
    calls: u64,
    errors: u64,
    #[serde(flatten)]
    quantiles: Quantiles,
    series: Steps,
}

/// Microseconds; null when no duration is known.
#[derive(Serialize)]
struct Quantiles {
    p50: Option<u64>,
    p95: Option<u64>,
    p99: Option<u64>,
}

#[derive(Serialize)]
struct Steps {
    calls: Vec<u64>,
    errors: Vec<u64>,
    p95: Vec<Option<u64>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link<'a> {
    parent: &'a str,
    child: &'a str,
    call_count: u64,
    error_count: u64,
    #[serde(flatten)]
    quantiles: Quantiles,
}

/// Answers how operations ran, those with the most calls first.
pub async fn statistics(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let window = window(&api, &params, &["serviceName"])?;
    let asked = Asked { window, service_name: params.name("serviceName") };
    let found = api.storage().statistics(asked).await?;
    let mut operations: Vec<&Operation> = found.operations.iter().collect();
    operations.sort_by_key(|it| std::cmp::Reverse(it.total.calls));
    let answer = Answer {
        step_ms: found.steps.minutes * 60_000,
        start_ts: found.steps.start_ms(),
        rows: operations.iter().take(ROWS_MAX).map(|it| Row::of(it)).collect(),
        rows_left_out: operations.len().saturating_sub(ROWS_MAX),
    };
    Ok(reply::json(serde_json::to_vec(&answer).unwrap_or_default()))
}

/// Answers Zipkin's dependency links, and how long their calls took.
pub async fn dependencies(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let found = api.storage().dependencies(window(&api, &params, &[])?).await?;
    let links: Vec<Link> = found.iter().map(Link::of).collect();
    Ok(reply::json(serde_json::to_vec(&links).unwrap_or_default()))
}

/// Reads the time that is meant; other parameters than these own ones are refused.
fn window(api: &Api, params: &Params, own: &[&str]) -> Result<Window, Problem> {
    if !api.config.search_enabled {
        return Err(Problem::search_off());
    }
    let known: Vec<&str> = ["endTs", "lookback"].iter().chain(own).copied().collect();
    if let Some(unknown) = params.names().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(Problem::parameter(
            unknown,
            format!("there is no parameter {unknown}; there are {known}"),
        ));
    }
    Ok(params.window(&api.config, (api.sources.now_ms)())?)
}

impl<'a> Row<'a> {
    fn of(operation: &'a Operation) -> Self {
        let Operation { key, total, steps } = operation;
        Self {
            service_name: &key.service_name,
            span_name: &key.span_name,
            remote_service_name: key.remote_service_name.as_deref(),
            kind: key.kind.map(Kind::name),
            calls: total.calls,
            errors: total.errors,
            quantiles: Quantiles::of(&total.durations),
            series: Steps::of(steps),
        }
    }
}

impl Steps {
    fn of(steps: &[Series]) -> Self {
        Self {
            calls: steps.iter().map(|step| step.calls).collect(),
            errors: steps.iter().map(|step| step.errors).collect(),
            p95: steps.iter().map(|step| step.durations.quantile(0.95)).collect(),
        }
    }
}

impl<'a> Link<'a> {
    fn of(Dependency { link, durations }: &'a Dependency) -> Self {
        Self {
            parent: &link.parent,
            child: &link.child,
            call_count: link.call_count,
            error_count: link.error_count,
            quantiles: Quantiles::of(durations),
        }
    }
}

impl Quantiles {
    fn of(durations: &Histogram) -> Self {
        let at = |share| durations.quantile(share);
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
    }
}
