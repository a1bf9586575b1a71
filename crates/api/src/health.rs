//! Health and build information.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::Api;

const JSON: &str = "application/json; charset=utf-8";
const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v2+json; charset=utf-8";

/// `GET /health`.
pub async fn health(State(api): State<Api>) -> Response {
    report(&api, JSON)
}

/// `GET /actuator/health`.
pub async fn actuator_health(State(api): State<Api>) -> Response {
    report(&api, ACTUATOR)
}

/// `GET /info`.
pub async fn info() -> Response {
    build(JSON)
}

/// `GET /actuator/info`.
pub async fn actuator_info() -> Response {
    build(ACTUATOR)
}

fn build(content_type: &str) -> Response {
    // Zipkin's clients look for this key; "commit" is empty in builds from a source archive.
    let body = json!({"zipkin": {"version": env!("CARGO_PKG_VERSION"), "commit": ""}});
    pretty(StatusCode::OK, content_type, &body)
}

fn report(api: &Api, content_type: &str) -> Response {
    let mut details = Map::new();
    let storage = api.storage.health();
    let component = match &storage {
        Ok(()) => json!({"status": "UP"}),
        Err(error) => json!({"status": "DOWN", "details": {"error": error}}),
    };
    details.insert(api.storage.describe(), component);
    for collector in api.collectors.iter() {
        details.insert(collector.clone(), json!({"status": "UP"}));
    }
    let (code, status) = match storage {
        Ok(()) => (StatusCode::OK, "UP"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "DOWN"),
    };
    let body = json!({"status": status, "zipkin": {"status": status, "details": details}});
    pretty(code, content_type, &body)
}

fn pretty(status: StatusCode, content_type: &str, body: &Value) -> Response {
    let text = serde_json::to_string_pretty(body).unwrap_or_default();
    (status, [(CONTENT_TYPE, content_type)], text).into_response()
}
