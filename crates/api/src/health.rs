//! Health and build information.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::Api;
use crate::fixed::Fixed;

const JSON: &str = "application/json; charset=utf-8";
const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v2+json; charset=utf-8";

/// openzipkin/zipkin `ZipkinHealthController`.
const TIMED_OUT: &str =
    "Timed out computing health status. This often means your storage backend is unreachable.";

/// `GET /health`.
pub async fn health(State(api): State<Api>) -> Response {
    report(&api, JSON).await
}

/// `GET /actuator/health`.
pub async fn actuator_health(State(api): State<Api>) -> Response {
    report(&api, ACTUATOR).await
}

/// `GET /info`.
pub async fn info(headers: HeaderMap) -> Response {
    static INFO: LazyLock<Fixed> = LazyLock::new(|| build(JSON));
    INFO.answer(&headers)
}

/// `GET /actuator/info`.
pub async fn actuator_info(headers: HeaderMap) -> Response {
    static INFO: LazyLock<Fixed> = LazyLock::new(|| build(ACTUATOR));
    INFO.answer(&headers)
}

fn build(content_type: &'static str) -> Fixed {
    // Zipkin's clients look for these keys; "commit" is empty in builds from a source archive.
    let body = json!({"zipkin": {"version": env!("CARGO_PKG_VERSION"), "commit": ""}});
    Fixed::new(content_type, None, body.to_string())
}

/// Checks the store. A check may block, so it has its own thread; while one hangs no other is started.
pub(crate) async fn check(api: &Api) -> Result<(), String> {
    let turn = Arc::clone(&api.health_turn).lock_owned().await;
    let storage = Arc::clone(&api.sources.storage);
    let check = tokio::task::spawn_blocking(move || {
        let result = storage.health();
        drop(turn);
        result
    });
    check.await.unwrap_or_else(|panic| Err(panic.to_string()))
}

async fn report(api: &Api, content_type: &str) -> Response {
    let Ok(storage) = tokio::time::timeout(api.config.query_timeout, check(api)).await else {
        let body = json!({"status": "DOWN", "zipkin": {"status": "DOWN", "details": {"error": TIMED_OUT}}});
        return pretty(StatusCode::SERVICE_UNAVAILABLE, content_type, &body);
    };
    let mut details = Map::new();
    let component = match &storage {
        Ok(()) => json!({"status": "UP"}),
        Err(error) => json!({"status": "DOWN", "details": {"error": error}}),
    };
    details.insert(api.storage().describe(), component);
    for collector in api.sources.collectors.iter() {
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
    (status, [(CONTENT_TYPE, content_type)], format!("{body:#}")).into_response()
}
