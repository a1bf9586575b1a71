//! Figures: collectors under Zipkin's names, answers, the store's own, and the process.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use storage::port::Metric;

use crate::{Api, process, reply};

/// Reads the counters of every transport.
pub type Transports = Arc<dyn Fn() -> Vec<Transport> + Send + Sync>;

/// What is known of a way in.
#[derive(Clone, Debug, PartialEq)]
pub struct Transport {
    /// Its label, such as `http`.
    pub name: &'static str,
    /// Where it listens; nothing if it is closed.
    pub listening: Option<String>,
    /// Zipkin's name and value of each figure, of which `message_spans` and `message_bytes` are gauges.
    pub readings: Vec<(&'static str, u64)>,
    /// Messages that were not accepted, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// Spans of readable messages that were not stored, by reason.
    pub left_out: Vec<(&'static str, u64)>,
}

/// Reads further figures; those of one name follow each other.
pub type Figures = Arc<dyn Fn() -> Vec<Figure> + Send + Sync>;

/// A number for Prometheus, perhaps one of several of its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Name, help and value.
    pub metric: Metric,
    /// Labels that tell it from others of its name, such as `{transport="http"}`; empty if there is no other.
    pub labels: String,
}

impl From<Metric> for Figure {
    fn from(metric: Metric) -> Self {
        Self { metric, labels: String::new() }
    }
}

fn is_gauge(name: &str) -> bool {
    name.starts_with("message_")
}

/// `GET /metrics`: the collectors' figures as one flat JSON object.
pub async fn json(State(api): State<Api>) -> Response {
    let mut figures = Map::new();
    for Transport { name: transport, readings, .. } in (api.sources.transports)() {
        for (name, value) in readings {
            let kind = if is_gauge(name) { "gauge" } else { "counter" };
            figures.insert(format!("{kind}.zipkin_collector.{name}.{transport}"), Value::from(value as f64));
        }
    }
    reply::json(serde_json::to_vec_pretty(&figures).unwrap_or_default())
}

/// `GET /prometheus`: all figures in Prometheus's text format.
pub async fn prometheus(State(api): State<Api>) -> Response {
    let mut text = String::new();
    collectors(&mut text, &(api.sources.transports)());
    api.requests.write(&mut text);
    let plain = api.storage().metrics().into_iter().map(Figure::from);
    let mut name_before = "";
    for Figure { metric: Metric { name, help, value }, labels } in plain.chain((api.sources.figures)()) {
        if name != name_before {
            head(&mut text, name, if name.ends_with("_total") { "counter" } else { "gauge" }, help);
            name_before = name;
        }
        let _ = writeln!(text, "{name}{labels} {value}");
    }
    process::write(&mut text);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn collectors(text: &mut String, transports: &[Transport]) {
    let Some(first) = transports.first() else { return };
    for (index, (name, _)) in first.readings.iter().enumerate() {
        let (full, kind) = match is_gauge(name) {
            true => (format!("zipkin_collector_{name}"), "gauge"),
            false => (format!("zipkin_collector_{name}_total"), "counter"),
        };
        head(text, &full, kind, help(name));
        for transport in transports {
            if let Some((_, value)) = transport.readings.get(index) {
                let _ = writeln!(text, "{full}{{transport=\"{}\"}} {value}", transport.name);
            }
        }
    }
}

fn help(name: &str) -> &'static str {
    match name {
        "messages" => "Messages received.",
        "messages_dropped" => "Messages that could not be read, or for which there was no room.",
        "bytes" => "Bytes of encoded spans received, unpacked.",
        "spans" => "Spans received.",
        "spans_dropped" => "Spans that the store did not take; their senders were told.",
        "message_spans" => "Spans in the last message.",
        _ => "Bytes in the last message.",
    }
}
