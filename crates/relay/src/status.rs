//! What people and machines ask a relay: health, figures, and to send dead letters again.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use collector::intake::Budget;
use collector::metrics::TransportMetrics;
use serde_json::{Value, json};

use crate::figures::{Figures, RouteFigures};
use crate::spool::Spool;

/// Where `spanlet relay status` asks.
pub const STATUS_PATH: &str = "/api/spanlet/relay";
/// Where `spanlet relay resend` posts.
pub const RESEND_PATH: &str = "/api/spanlet/relay/resend";

#[derive(Clone)]
struct Shown {
    spool: Arc<Spool>,
    transports: Arc<[Arc<TransportMetrics>]>,
    budget: Budget,
}

/// Returns the routes.
pub fn router(spool: Arc<Spool>, transports: Vec<Arc<TransportMetrics>>, budget: Budget) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/prometheus", get(prometheus))
        .route(STATUS_PATH, get(status))
        .route(RESEND_PATH, post(resend))
        .with_state(Shown { spool, transports: transports.into(), budget })
}

/// DOWN means that spans are turned away. A far side that does not answer is what a relay is for.
async fn health(State(shown): State<Shown>) -> Response {
    let figures = shown.spool.figures();
    let (code, status) = match &figures.trouble {
        None => (StatusCode::OK, "UP"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "DOWN"),
    };
    let routes: Vec<Value> = figures
        .routes
        .iter()
        .map(|route| json!({"to": route.name, "status": if route.failing.is_some() { "DOWN" } else { "UP" }}))
        .collect();
    answer(code, &json!({"status": status, "error": figures.trouble, "destinations": routes}))
}

async fn status(State(shown): State<Shown>) -> Response {
    answer(StatusCode::OK, &as_json(&shown.spool.figures()))
}

fn answer(code: StatusCode, body: &Value) -> Response {
    (code, [(CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

async fn resend(State(shown): State<Shown>) -> Response {
    let spool = Arc::clone(&shown.spool);
    match tokio::task::spawn_blocking(move || spool.resend()).await {
        Ok(Ok(spans)) => answer(StatusCode::OK, &json!({"spans": spans})),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn as_json(figures: &Figures) -> Value {
    let routes: Vec<Value> = figures.routes.iter().map(route_as_json).collect();
    json!({
        "destinations": routes,
        "spans": figures.spans,
        "refusedSpans": figures.refused,
        "bufferBytes": figures.bytes,
        "bufferBytesMax": figures.bytes_max,
        "syncs": figures.syncs,
        "deadLetterSpans": figures.dead_letters.spans,
        "deadLetterBytes": figures.dead_letters.bytes,
        "deadLetterSpansDropped": figures.dead_letters.dropped,
        "error": figures.trouble,
    })
}

fn route_as_json(route: &RouteFigures) -> Value {
    json!({
        "to": route.name,
        "backlogSpans": route.backlog_spans,
        "backlogBytes": route.backlog_bytes,
        "oldestAgeMs": route.oldest_age_ms,
        "deliveredSpans": route.delivered,
        "deadLetterSpans": route.dead,
        "droppedSpans": route.dropped,
        "damagedSpans": route.damaged,
        "sampledSpans": route.sampled,
        "calls": route.calls,
        "retries": route.retries,
        "failing": route.failing,
    })
}

/// `GET /prometheus`: all figures in Prometheus's text format.
async fn prometheus(State(shown): State<Shown>) -> Response {
    let mut text = String::new();
    transports(&mut text, &shown.transports);
    let figures = shown.spool.figures();
    type Figure = fn(&RouteFigures) -> u64;
    let by_route: [(&str, &str, Figure); 10] = [
        ("backlog_spans", "Spans not yet delivered.", |route| route.backlog_spans),
        ("backlog_bytes", "Bytes of the files they are in.", |route| route.backlog_bytes),
        ("oldest_age_ms", "Age of the oldest of them.", |route| route.oldest_age_ms),
        ("delivered_spans_total", "Spans the far side said OK to.", |route| route.delivered),
        ("dead_letter_spans_total", "Spans the far side will never take.", |route| route.dead),
        ("dropped_spans_total", "Spans dropped at the disk limit.", |route| route.dropped),
        ("damaged_spans_total", "Spans that could not be read back.", |route| route.damaged),
        ("sampled_spans_total", "Spans of traces not worth keeping.", |route| route.sampled),
        ("calls_total", "Calls made to the far side.", |route| route.calls),
        ("retries_total", "Calls that had to be made again.", |route| route.retries),
    ];
    for (name, help, value) in by_route {
        head(&mut text, name, help);
        for route in &figures.routes {
            let to = route.name.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "spanlet_relay_{name}{{to=\"{to}\"}} {}", value(route));
        }
    }
    let in_flight = shown.budget.bytes_taken() as u64;
    for (name, help, value) in [
        (
            "in_flight_bytes",
            "Bytes of messages in memory that are not yet on disk; with more than 16 MiB senders wait.",
            in_flight,
        ),
        ("spans", "Spans accepted since the buffer began.", figures.spans),
        ("refused_spans_total", "Spans turned away: the disk was full or failed.", figures.refused),
        ("buffer_bytes", "Bytes of the buffer's files.", figures.bytes),
        ("buffer_bytes_max", "Most they may be.", figures.bytes_max),
        ("syncs_total", "Groups of messages written and synced.", figures.syncs),
        ("dead_letter_spans", "Dead letters kept.", figures.dead_letters.spans),
        ("dead_letter_bytes", "Bytes of their files.", figures.dead_letters.bytes),
        ("dead_letter_dropped_spans_total", "Dead letters without room.", figures.dead_letters.dropped),
    ] {
        head(&mut text, name, help);
        let _ = writeln!(text, "spanlet_relay_{name} {value}");
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn head(text: &mut String, name: &str, help: &str) {
    let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
    let _ = writeln!(text, "# HELP spanlet_relay_{name} {help}\n# TYPE spanlet_relay_{name} {kind}");
}

fn transports(text: &mut String, transports: &[Arc<TransportMetrics>]) {
    for (at, (name, _)) in transports.first().map(|first| first.read()).iter().flatten().enumerate() {
        let kind = if name.starts_with("message_") { "gauge" } else { "counter" };
        let full = if kind == "gauge" {
            format!("zipkin_collector_{name}")
        } else {
            format!("zipkin_collector_{name}_total")
        };
        let _ = writeln!(text, "# TYPE {full} {kind}");
        for metrics in transports {
            if let Some((_, value)) = metrics.read().get(at) {
                let _ = writeln!(text, "{full}{{transport=\"{}\"}} {value}", metrics.transport);
            }
        }
    }
}
