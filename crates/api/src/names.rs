//! Names for completion: services, span names, remote services, autocomplete tags.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use storage::port::Names;

use crate::Api;
use crate::params::Params;
use crate::reply::{self, Refusal};

/// Above this many names browsers may keep them: who just starts with tracing sees each new service at once
/// (openzipkin/zipkin `ZipkinQueryApiV2.maybeCacheNames`).
const UNCACHED_MAX: usize = 3;

/// `GET /services`.
pub async fn services(State(api): State<Api>) -> Result<Response, Refusal> {
    let names = api.names(Names::Services).await?;
    api.services_seen.store(names.len(), Ordering::Relaxed);
    Ok(answer(&api, &names, names.len() > UNCACHED_MAX))
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
    let found = api.names(names).await?;
    // As Zipkin: what the latest list of services had decides, whoever asked for it.
    let keep = api.services_seen.load(Ordering::Relaxed) > UNCACHED_MAX;
    Ok(answer(api, &found, keep))
}

/// `GET /autocompleteKeys`: answered even where searches are off, as Zipkin does.
pub async fn autocomplete_keys(State(api): State<Api>) -> Response {
    let mut keys = api.config.autocomplete_keys.clone();
    keys.sort_unstable();
    answer(&api, &keys, true)
}

/// `GET /autocompleteValues?key=`.
pub async fn autocomplete_values(State(api): State<Api>, params: Params) -> Result<Response, Refusal> {
    let key = params.required("key")?;
    if key.is_empty() {
        return Err(Refusal::bad("key was empty"));
    }
    let values = match api.config.autocomplete_keys.iter().any(|known| known == key) {
        true => api.names(Names::Values(key.to_owned())).await?,
        false => Vec::new(),
    };
    Ok(answer(&api, &values, values.len() > UNCACHED_MAX))
}

impl Api {
    async fn names(&self, names: Names) -> Result<Vec<String>, Refusal> {
        match self.config.search_enabled {
            true => Ok(self.storage().names(names).await?),
            false => Ok(Vec::new()),
        }
    }
}

fn answer(api: &Api, names: &[String], keep: bool) -> Response {
    let mut response = reply::json(serde_json::to_vec(names).unwrap_or_default());
    let keep = keep.then(|| format!("max-age={}, must-revalidate", api.config.names_max_age_s));
    if let Some(keep) = keep.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(CACHE_CONTROL, keep);
    }
    response
}
