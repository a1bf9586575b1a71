//! `GET /api/spanlet/v1/status`: what runs here, what comes in, how the store does, and which relays send to it.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::metrics::Transport;
use crate::relays::Relay;
use crate::{Api, health, reply};

/// Who looks at a status page wants to know of a store that hangs, not to wait with it.
const HEALTH_TIME_MAX: Duration = Duration::from_secs(2);

/// Zipkin's figures of a transport that grow, and their names here.
const COUNTERS: [(&str, &str); 5] = [
    ("messages", "messages"),
    ("messages_dropped", "messagesDropped"),
    ("bytes", "bytes"),
    ("spans", "spans"),
    ("spans_dropped", "spansDropped"),
];

/// Answers whatever the state of the store.
pub async fn status(State(api): State<Api>) -> Response {
    // In time for the question itself to be answered.
    let time_max = HEALTH_TIME_MAX.min(api.config.query_timeout / 2);
    let health = tokio::time::timeout(time_max, health::check(&api)).await;
    let health = health.unwrap_or_else(|_| Err("the store does not answer".to_owned()));
    // A description goes on with settings, among them directories: they are nothing for those who only ask.
    let described = api.storage().describe();
    let name = described.split('{').next().unwrap_or_default();
    let figures: Map<_, _> = api
        .storage()
        .metrics()
        .into_iter()
        .map(|metric| (metric.name.to_owned(), number(metric.value)))
        .collect();
    let relays = api.relays.known();
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeSeconds": api.started.elapsed().as_secs(),
        "collectors": (api.sources.transports)().iter().map(collector).collect::<Vec<_>>(),
        "store": {"name": name, "healthy": health.is_ok(), "problem": health.err(), "figures": figures},
        "relays": relays.iter().map(relay).collect::<Vec<_>>(),
    });
    reply::json(body.to_string())
}

fn collector(transport: &Transport) -> Value {
    let reading = |name: &str| {
        let found = transport.readings.iter().find(|(known, _)| *known == name);
        found.map_or(0, |(_, value)| *value)
    };
    let mut shown: Map<_, _> =
        COUNTERS.iter().map(|(name, shown)| ((*shown).to_owned(), reading(name).into())).collect();
    let reasons = |counts: &[(&'static str, u64)]| -> Value {
        let counts = counts.iter().filter(|(_, count)| *count > 0);
        counts
            .map(|(reason, count)| ((*reason).to_owned(), Value::from(*count)))
            .collect::<Map<_, _>>()
            .into()
    };
    shown.insert("transport".into(), transport.name.into());
    shown.insert("listening".into(), transport.listening.clone().into());
    shown.insert("messagesRefused".into(), reasons(&transport.refused));
    shown.insert("spansLeftOut".into(), reasons(&transport.left_out));
    shown.into()
}

fn relay(Relay { address, last_seen, said }: &Relay) -> Value {
    json!({
        "name": said.name,
        "address": address,
        "lastSeenMs": last_seen.as_millis() as u64,
        "backlogBytes": said.backlog_bytes,
        "oldestMs": said.oldest_ms,
        "rate": said.rate,
        "errors": said.errors,
    })
}

/// Most figures are whole; JSON knows no infinite ones.
fn number(value: f64) -> Value {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    match value.fract() == 0.0 && (0.0..=WHOLE_MAX).contains(&value) {
        true => Value::from(value as u64),
        false => Value::from(value),
    }
}
