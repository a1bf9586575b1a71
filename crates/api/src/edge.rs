//! What holds for every request, whatever its path: slashes, methods, cross-origin marks, compression, timing.

use std::borrow::Cow;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

use crate::{Api, cors, relays, reply, target};

/// Zipkin compresses answers above this size, and the first of these types.
const COMPRESS_ABOVE_BYTES: u16 = 2048;
const COMPRESSED_TYPES: [&str; 7] = [
    "application/json",
    "application/vnd.spanlet",
    "application/javascript",
    "text/css",
    "image/svg",
    "text/javascript",
    "text/html",
];

/// Puts what holds for every request around the routes of all parts.
pub fn around(api: &Api, routes: Router) -> Router {
    let routes =
        routes.fallback(reply::page_not_found).method_not_allowed_fallback(reply::page_not_found).layer(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(SizeAbove::new(COMPRESS_ABOVE_BYTES).and(is_compressed)),
        );
    // The path changes before routing, so the routes are behind another router.
    Router::new().fallback_service(routes).layer(from_fn_with_state(api.clone(), serve))
}

fn is_compressed(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    COMPRESSED_TYPES.iter().any(|known| media_type.starts_with(known))
}

async fn serve(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let known = match target::normal(request.uri()) {
        Some(Cow::Owned(uri)) => {
            *request.uri_mut() = uri;
            true
        }
        other => other.is_some(),
    };
    let origin = request.headers().get(ORIGIN).cloned();
    let preflight = cors::is_preflight(request.method(), request.headers());
    let call = api.requests.call(request.method(), request.uri().path());
    let mut response = match *request.method() {
        _ if preflight => StatusCode::OK.into_response(),
        Method::TRACE => reply::method_not_allowed().await,
        _ if !known => reply::bad_target(),
        _ => next.run(request).await,
    };
    // Who sends spans may be a relay, which learns here that it may say how it is.
    if response.status() == StatusCode::ACCEPTED {
        response.headers_mut().insert(relays::INVITATION, HeaderValue::from_static(relays::PATH));
    }
    // Refusals repeat what was asked: nobody should take it for a page.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(origin) = origin {
        cors::mark(&mut response, &origin, &api.config.allowed_origins, preflight);
    }
    api.requests.record(call, response.status(), started.elapsed());
    response
}
