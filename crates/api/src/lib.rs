//! The HTTP face: Zipkin's v2 query API, health, metrics, and the embedded page.

pub mod cors;
pub mod health;
pub mod metrics;
pub mod names;
pub mod params;
pub mod reply;
pub mod traces;
pub mod ui;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use storage::port::Storage;

/// What the routes need.
#[derive(Clone)]
pub struct Api {
    /// Where answers come from.
    pub storage: Arc<dyn Storage>,
    /// Reads the current time, milliseconds since the epoch.
    pub now_ms: fn() -> u64,
    /// Lines of a started collector for the health page, such as `ScribeCollector{port=9410, category=zipkin}`.
    pub collectors: Arc<[String]>,
    /// Counters of each transport.
    pub transports: metrics::Transports,
}

/// Lookback of a search that names none: one day, as Zipkin's `QUERY_LOOKBACK`.
pub const LOOKBACK_DEFAULT_MS: u64 = 86_400_000;

/// Returns the routes for reading: the API under `/api/v2` and again under `/zipkin/api/v2`, health, metrics, page.
pub fn router(api: Api) -> Router {
    let v2 = Router::new()
        .route("/trace/{trace_id}", get(traces::trace))
        .route("/traceMany", get(traces::trace_many))
        .route("/traces", get(traces::search))
        .route("/services", get(names::services))
        .route("/spans", get(names::spans))
        .route("/remoteServices", get(names::remote_services))
        .route("/dependencies", get(traces::dependencies));
    Router::new()
        .nest("/api/v2", v2.clone())
        .nest("/zipkin/api/v2", v2)
        .route("/health", get(health::health))
        .route("/actuator/health", get(health::actuator_health))
        .route("/info", get(health::info))
        .route("/actuator/info", get(health::actuator_info))
        .route("/metrics", get(metrics::json))
        .route("/prometheus", get(metrics::prometheus))
        .route("/actuator/prometheus", get(metrics::prometheus))
        .with_state(api)
        .merge(ui::router())
}
