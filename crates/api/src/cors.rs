//! Cross-origin requests as Zipkin answers them: without credentials, on every path (openzipkin/zipkin
//! `ZipkinHttpConfiguration.corsConfigurator`).

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;

/// gRPC-web reads its status from headers that a browser would hide otherwise.
const EXPOSED: &str = "grpc-status,grpc-message,armeria.grpc.throwableproto-bin";

/// Says whether a browser only asks whether it may ask. Zipkin says 200 to all of them.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Marks the answer to a request of this origin. Origins that are not allowed are served all the same: it is their
/// browser that keeps the answer from them.
pub fn mark(response: &mut Response, origin: &HeaderValue, allowed: &[String], preflight: bool) {
    let headers = response.headers_mut();
    if allowed.iter().any(|known| known == "*") {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else if allowed.iter().any(|known| known.as_bytes() == origin.as_bytes()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(VARY, HeaderValue::from_static("origin"));
    } else {
        return;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type,x-grpc-web"));
    if preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("0"));
    } else {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
