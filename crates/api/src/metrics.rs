//! Figures: collectors under Zipkin's names, the store's own, and the process.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::Api;
use crate::reply;

/// Reads the counters of every transport: its label, and Zipkin's name and value of each figure, of which
/// `message_spans` and `message_bytes` are gauges.
pub type Transports = Arc<dyn Fn() -> Vec<(&'static str, Vec<(&'static str, u64)>)> + Send + Sync>;

fn is_gauge(name: &str) -> bool {
    name.starts_with("message_")
}

/// `GET /metrics`: the collectors' figures as one flat JSON object.
pub async fn json(State(api): State<Api>) -> Response {
    let mut figures = Map::new();
    for (transport, readings) in (api.transports)() {
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
    collectors(&mut text, &(api.transports)());
    for metric in api.storage.metrics() {
        let kind = if metric.name.ends_with("_total") { "counter" } else { "gauge" };
        head(&mut text, metric.name, kind, metric.help);
        let _ = writeln!(text, "{} {}", metric.name, metric.value);
    }
    process(&mut text);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn collectors(text: &mut String, transports: &[(&'static str, Vec<(&'static str, u64)>)]) {
    let Some((_, first)) = transports.first() else { return };
    for (index, (name, _)) in first.iter().enumerate() {
        let (full, kind) = match is_gauge(name) {
            true => (format!("zipkin_collector_{name}"), "gauge"),
            false => (format!("zipkin_collector_{name}_total"), "counter"),
        };
        head(text, &full, kind, help(name));
        for (transport, readings) in transports {
            if let Some((_, value)) = readings.get(index) {
                let _ = writeln!(text, "{full}{{transport=\"{transport}\"}} {value}");
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

/// What Linux tells of this process; elsewhere these figures are missing.
fn process(text: &mut String) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let pages = read("/proc/self/statm").split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    if let Some(pages) = pages {
        head(text, "process_resident_memory_bytes", "gauge", "Memory in use, by pages of 4096 bytes.");
        let _ = writeln!(text, "process_resident_memory_bytes {}", pages * 4096);
    }
    let stat = read("/proc/self/stat");
    // Fields 14 and 15, counted from the ")" that ends field 2: user and system time in ticks of 10 ms.
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or("");
    let ticks: Vec<u64> =
        after_name.split(' ').skip(12).take(2).filter_map(|field| field.parse().ok()).collect();
    if let [user, system] = ticks[..] {
        head(text, "process_cpu_seconds_total", "counter", "CPU time used.");
        let _ = writeln!(text, "process_cpu_seconds_total {}", (user + system) as f64 / 100.0);
    }
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    head(text, "system_cpu_count", "gauge", "Processors this process may use.");
    let _ = writeln!(text, "system_cpu_count {cpus}");
}
