//! Names for completion: services, span names, remote services.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use storage::port::Names;

use crate::Api;
use crate::params::Params;
use crate::reply::{self, Refusal};

/// Above this many services browsers may keep the names for five minutes
/// (openzipkin/zipkin: `ZipkinQueryApiV2.maybeCacheNames`).
const SERVICES_UNCACHED_MAX: usize = 3;

/// `GET /services`.
pub async fn services(State(api): State<Api>) -> Result<Response, Refusal> {
    let names = api.storage.names(Names::Services).await?;
    Ok(answer(&names, names.len()))
}

/// `GET /spans?serviceName=`.
pub async fn spans(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    of_service(&api, Names::Spans(params.required("serviceName")?.to_lowercase())).await
}

/// `GET /remoteServices?serviceName=`.
pub async fn remote_services(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    of_service(&api, Names::RemoteServices(params.required("serviceName")?.to_lowercase())).await
}

async fn of_service(api: &Api, names: Names) -> Result<Response, Refusal> {
    let found = api.storage.names(names).await?;
    let services = api.storage.names(Names::Services).await?;
    Ok(answer(&found, services.len()))
}

fn answer(names: &[String], services: usize) -> Response {
    let mut response = reply::json(serde_json::to_vec(names).unwrap_or_default());
    if services > SERVICES_UNCACHED_MAX {
        let value = HeaderValue::from_static("max-age=300, must-revalidate");
        response.headers_mut().insert(CACHE_CONTROL, value);
    }
    response
}
