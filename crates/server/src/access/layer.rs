//! Holds every HTTP request against what its listener serves and what its sender may do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Access, Scope, Scopes, Verdict};
use crate::metrics::Counters;

/// What a listener holds requests against.
#[derive(Clone)]
pub struct Gate {
    /// Who may do what.
    pub access: Arc<Access>,
    /// What the listener serves.
    pub scopes: Scopes,
    /// Counts those who were sent away.
    pub counters: Arc<Counters>,
}

/// Put into a request that came over a connection with a client certificate, which was verified.
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificate;

/// Answers what is not served here with 404, and who may not ask with 401 or 403.
pub async fn layer(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Some(scope) = scope(request.method(), request.uri().path()) else { return next.run(request).await };
    if !gate.scopes.contains(scope) {
        return api::reply::page_not_found().await;
    }
    let authorization = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let certificate = request.extensions().get::<ClientCertificate>().is_some();
    match gate.access.judge(scope, authorization, certificate) {
        Verdict::Granted => next.run(request).await,
        verdict => {
            gate.counters.requests_refused.fetch_add(1, Ordering::Relaxed);
            refusal(verdict, scope, request.headers())
        }
    }
}

/// Returns what a request needs; nothing for health, which load balancers ask without credentials. What is not listed
/// needs the scope of questions, so that a forgotten path is not open to senders.
fn scope(method: &Method, path: &str) -> Option<Scope> {
    match path {
        "/health" | "/actuator/health" => None,
        "/metrics" | "/prometheus" | "/info" => Some(Scope::Admin),
        "/api/v1/spans" | "/api/v2/spans" if method == Method::POST => Some(Scope::Ingest),
        "/v1/traces" => Some(Scope::Ingest),
        // Relays send spans: what they say of themselves needs nothing more.
        api::relays::PATH if method == Method::POST => Some(Scope::Ingest),
        _ if changes_store(method, path) => Some(Scope::Admin),
        _ if path.starts_with("/actuator") => Some(Scope::Admin),
        _ if path.starts_with("/zipkin.proto3.") || path.starts_with("/opentelemetry.proto.collector.") => {
            Some(Scope::Ingest)
        }
        _ => Some(Scope::Query),
    }
}

/// Says whether a path is one of what is pinned or deleted.
fn changes_store(method: &Method, path: &str) -> bool {
    let path = path.strip_prefix("/zipkin").unwrap_or(path);
    path.strip_prefix("/api/spanlet/")
        .is_some_and(|rest| rest.starts_with("v1/pins") || method == Method::DELETE || method == Method::PUT)
}

fn refusal(verdict: Verdict, scope: Scope, headers: &HeaderMap) -> Response {
    let scope = scope.name();
    let (status, grpc_status, text) = match verdict {
        Verdict::Forbidden => (StatusCode::FORBIDDEN, "7", format!("these credentials do not grant {scope}")),
        _ => (StatusCode::UNAUTHORIZED, "16", format!("a token or password that grants {scope} is needed")),
    };
    let grpc =
        headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    let mut response = match grpc {
        // gRPC says it in a trailer of an answer that is otherwise fine.
        true => [("content-type", "application/grpc"), ("grpc-status", grpc_status), ("grpc-message", &text)]
            .into_response(),
        false => api::reply::text(status, text),
    };
    if status == StatusCode::UNAUTHORIZED && !grpc {
        // The first is what programs use, the second makes a browser ask.
        for challenge in ["Bearer realm=\"spanlet\"", "Basic realm=\"spanlet\", charset=\"UTF-8\""] {
            response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    response
}
