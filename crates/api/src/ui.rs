//! The web page, compiled into the binary: its files, its routes and its configuration.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;

use crate::reply;

/// What `npm run build` left in `ui/dist`; empty when the page was not built before the binary.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Files;

/// The page asks only this server, runs only its own script, and can't be framed by others.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; \
                      form-action 'self'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html><title>Spanlet</title><p>This binary was built without its web page. \
                         Run <code>cargo xtask build</code>, which builds the page first. The API works.";

/// Returns the routes of the page. The list of its pages is closed: other paths are files or 404.
pub fn router() -> Router {
    Router::new()
        .route("/", get(to_page))
        .route("/zipkin", get(to_page))
        .route("/favicon.ico", get(|| redirect("/zipkin/favicon.ico")))
        .route("/zipkin/", get(page))
        .route("/zipkin/index.html", get(page))
        .route("/zipkin/traces/{trace_id}", get(page))
        .route("/zipkin/dependency", get(page))
        .route("/zipkin/traceViewer", get(page))
        .route("/zipkin/config.json", get(config))
        .route("/zipkin/{*path}", get(file))
}

async fn to_page() -> Response {
    redirect("/zipkin/").await
}

async fn redirect(to: &'static str) -> Response {
    (StatusCode::FOUND, [(LOCATION, to)]).into_response()
}

async fn page(headers: HeaderMap) -> Response {
    let mut response = match Files::get("index.html") {
        Some(file) => serve(&headers, "text/html; charset=utf-8", file, "max-age=60"),
        None => NOT_BUILT.into_response(),
    };
    let secured: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "max-age=60"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "same-origin"),
    ];
    for (name, value) in secured {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn file(headers: HeaderMap, Path(path): Path<String>) -> Response {
    match Files::get(&path) {
        Some(file) => {
            let mime = file.metadata.mimetype().to_owned();
            // File names carry a hash of their content, so they never change.
            serve(&headers, &mime, file, "max-age=31536000")
        }
        None => reply::page_not_found().await,
    }
}

fn serve(headers: &HeaderMap, mime: &str, file: EmbeddedFile, cache: &'static str) -> Response {
    let hash: String =
        file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let known = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let tags = [(ETAG, tag), (CACHE_CONTROL, cache.to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, tags).into_response();
    }
    (tags, [(CONTENT_TYPE, mime.to_owned())], file.data.into_owned()).into_response()
}

/// `GET /zipkin/config.json`: what the page may be told; the keys are Zipkin's.
async fn config() -> Response {
    let config = json!({
        "environment": "",
        "queryLimit": 10,
        "defaultLookback": 15 * 60 * 1000,
        "searchEnabled": true,
        "logsUrl": null,
        "supportUrl": null,
        "archivePostUrl": null,
        "archiveUrl": null,
        "dependency": {"enabled": true, "lowErrorRate": 0.5, "highErrorRate": 0.75},
    });
    let text = serde_json::to_string_pretty(&config).unwrap_or_default();
    let headers = [(CONTENT_TYPE, "application/json; charset=utf-8"), (CACHE_CONTROL, "max-age=600")];
    (headers, text).into_response()
}
