//! The paths of the API, each with its handler.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get};

use crate::{Api, cost, extensions, health, metrics, names, relays, reply, timeout, traces, ui};

/// Where spans are posted, which is the collectors' business, and relays say how they are: times are counted too.
const POSTED: [&str; 2] = ["/api/v1/spans", relays::PATH];

/// Returns the paths of questions. Each is served again below `/zipkin`, where the page asks.
fn questions() -> Vec<(&'static str, MethodRouter<Api>)> {
    let mut questions = vec![
        ("/api/v2/trace/{traceId}", get(traces::trace)),
        ("/api/v2/traceMany", get(traces::trace_many)),
        ("/api/v2/traces", get(traces::search)),
        ("/api/v2/services", get(names::services)),
        ("/api/v2/spans", get(names::spans)),
        ("/api/v2/remoteServices", get(names::remote_services)),
        ("/api/v2/autocompleteKeys", get(names::autocomplete_keys)),
        ("/api/v2/autocompleteValues", get(names::autocomplete_values)),
        ("/api/v2/dependencies", get(traces::dependencies)),
    ];
    questions.extend(extensions::routes());
    questions
}

/// What is worked out anew each time has no HEAD in Zipkin: a wrong method is not found.
fn answer(handler: MethodRouter<Api>) -> MethodRouter<Api> {
    handler.head(reply::page_not_found)
}

/// Documents, and all below the page, say instead that a method is not allowed.
fn document(handler: MethodRouter<Api>) -> MethodRouter<Api> {
    handler.fallback(reply::method_not_allowed)
}

/// Returns the paths of what tells about the server itself.
fn about() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/health", answer(get(health::health))),
        ("/actuator/health", answer(get(health::actuator_health))),
        ("/info", document(get(health::info))),
        ("/actuator/info", document(get(health::actuator_info))),
        ("/metrics", answer(get(metrics::json))),
        ("/prometheus", answer(get(metrics::prometheus))),
        ("/actuator/prometheus", answer(get(metrics::prometheus))),
    ]
}

/// Returns the paths whose times are counted.
pub fn counted() -> impl Iterator<Item = &'static str> {
    questions().into_iter().map(|(path, _)| path).chain(POSTED)
}

/// Returns every path that is served when all is switched on, those of questions once.
pub fn paths() -> impl Iterator<Item = &'static str> {
    let named = questions().into_iter().chain(about()).map(|(path, _)| path);
    named.chain(ui::paths())
}

/// Returns the routes for reading, as far as they are switched on; [`crate::edge::around`] completes them.
pub fn router(api: &Api) -> Router {
    let mut routes = Router::new();
    if api.config.query_enabled {
        for (path, handler) in questions() {
            let below_page = match api.config.ui {
                Some(_) => document(handler.clone()).head(reply::method_not_allowed),
                None => answer(handler.clone()),
            };
            routes = routes.route(path, answer(handler)).route(&format!("/zipkin{path}"), below_page);
        }
        routes = routes.layer(from_fn_with_state(api.clone(), timeout::layer)).layer(from_fn(cost::layer));
        // Not given up after a time: whoever asked should know how it ended.
        for (path, handler) in extensions::changes() {
            routes = routes.route(path, handler);
        }
    }
    for (path, handler) in about() {
        routes = routes.route(path, handler);
    }
    let routes = routes.route(relays::PATH, relays::route()).with_state(api.clone());
    match &api.config.ui {
        Some(ui) if api.config.query_enabled => routes.merge(ui::router(ui, api.config.search_enabled)),
        _ => routes,
    }
}
