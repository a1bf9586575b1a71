//! The web page, compiled into the binary: its files, its routes and its configuration.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Serialize;

use crate::config::Ui;
use crate::fixed::Fixed;
use crate::reply;

/// What `npm run build` left in `ui/dist`; empty when the page was not built before the binary.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Files;

/// The page asks only this server and runs only its own script.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; \
                      form-action 'self'; frame-ancestors";

const NOT_BUILT: &str = "<!doctype html><title>Spanlet</title><p>This binary was built without its web page. \
                         Run <code>cargo xtask build</code>, which builds the page first. The API works.";

/// All that the page is made of.
struct Page {
    index: Fixed,
    config: Fixed,
    assets: HashMap<String, Fixed>,
}

/// Returns the paths of the page. The list of those that are the page itself, which reads the rest from its address,
/// is closed: other paths are files or 404 (openzipkin/zipkin `ZipkinUiConfiguration`).
fn pages() -> Vec<(&'static str, MethodRouter<Arc<Page>>)> {
    vec![
        ("/", any(|query| redirect("/zipkin/", query))),
        ("/zipkin", any(|query| redirect("/zipkin/", query))),
        ("/favicon.ico", any(|query| redirect("/zipkin/favicon.ico", query))),
        ("/zipkin/", get(page)),
        ("/zipkin/index.html", get(page)),
        ("/zipkin/traces/{traceId}", get(page)),
        ("/zipkin/dependency", get(page)),
        ("/zipkin/compare", get(page)),
        ("/zipkin/services", get(page)),
        ("/zipkin/status", get(page)),
        ("/zipkin/traceViewer", get(page)),
        ("/zipkin/config.json", get(config)),
        ("/zipkin/{*path}", get(file)),
    ]
}

/// Returns the paths of the page.
pub fn paths() -> impl Iterator<Item = &'static str> {
    pages().into_iter().map(|(path, _)| path)
}

/// Returns the routes of the page.
pub fn router(ui: &Ui, search_enabled: bool) -> Router {
    let page = Page {
        index: index(ui),
        config: configuration(ui, search_enabled),
        assets: Files::iter()
            .filter_map(|path| Some((path.to_string(), asset(Files::get(&path)?))))
            .collect(),
    };
    let routes =
        pages().into_iter().fold(Router::new(), |routes, (path, handler)| routes.route(path, handler));
    routes.method_not_allowed_fallback(reply::method_not_allowed).with_state(Arc::new(page))
}

async fn redirect(to: &'static str, RawQuery(query): RawQuery) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    (StatusCode::FOUND, [(LOCATION, format!("{to}{query}"))]).into_response()
}

async fn page(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    page.index.answer(&headers)
}

async fn config(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    page.config.answer(&headers)
}

async fn file(State(page): State<Arc<Page>>, headers: HeaderMap, Path(path): Path<String>) -> Response {
    match page.assets.get(&path) {
        Some(asset) => asset.answer(&headers),
        None => reply::page_not_found().await,
    }
}

/// File names carry a hash of their content, so they never change.
fn asset(file: EmbeddedFile) -> Fixed {
    // In a release they are part of the program and need not be copied.
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Fixed::new(file.metadata.mimetype(), Some("max-age=31536000"), bytes)
        .with(X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// Links of the page are relative to its `<base>`, so that is all that a proxy's path changes.
fn index(ui: &Ui) -> Fixed {
    let html = match Files::get("index.html") {
        Some(file) => rebase(&String::from_utf8_lossy(&file.data), &ui.base_path),
        None => NOT_BUILT.to_owned(),
    };
    Fixed::new("text/html; charset=utf-8", Some("max-age=60"), html)
        .with_value(CONTENT_SECURITY_POLICY, policy(ui))
        .with(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(REFERRER_POLICY, "same-origin")
}

/// The archive, when there is one, is the only other server that the page may send a trace to. Nobody may show the page
/// in a frame but those who are named.
fn policy(ui: &Ui) -> HeaderValue {
    let mut policy = format!("{POLICY} {}", framed_by(&ui.frame_ancestors));
    let archive = ui.archive_post_url.as_deref().and_then(|url| url.parse::<Uri>().ok());
    if let Some((Some(scheme), Some(host))) = archive.as_ref().map(|url| (url.scheme(), url.authority())) {
        policy += &format!("; connect-src 'self' {scheme}://{host}");
    }
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// One name that could end the rule, or say more than a name, makes all of them unheard.
fn framed_by(origins: &[String]) -> String {
    let plain = |origin: &String| origin.chars().all(|it| it.is_ascii_graphic() && !";,".contains(it));
    match !origins.is_empty() && origins.iter().all(plain) {
        true => origins.join(" "),
        false => "'none'".to_owned(),
    }
}

fn rebase(html: &str, base_path: &str) -> String {
    let base = format!("<base href=\"{}/\"", base_path.trim_end_matches('/'));
    html.replacen("<base href=\"/zipkin/\"", &base, 1)
}

/// What the page may be told, with Zipkin's keys in Zipkin's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Configuration<'a> {
    environment: &'a str,
    query_limit: u32,
    default_lookback: u64,
    search_enabled: bool,
    logs_url: Option<&'a str>,
    support_url: Option<&'a str>,
    archive_post_url: Option<&'a str>,
    archive_url: Option<&'a str>,
    dependency: Dependency,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    enabled: bool,
    low_error_rate: f32,
    high_error_rate: f32,
}

fn configuration(ui: &Ui, search_enabled: bool) -> Fixed {
    let configuration = Configuration {
        environment: &ui.environment,
        query_limit: ui.query_limit,
        default_lookback: ui.default_lookback_ms,
        search_enabled,
        logs_url: ui.logs_url.as_deref(),
        support_url: ui.support_url.as_deref(),
        archive_post_url: ui.archive_post_url.as_deref(),
        archive_url: ui.archive_url.as_deref(),
        dependency: Dependency {
            enabled: ui.dependency_enabled,
            low_error_rate: ui.dependency_low_error_rate,
            high_error_rate: ui.dependency_high_error_rate,
        },
    };
    let text = serde_json::to_string_pretty(&configuration).unwrap_or_default();
    Fixed::new("application/json; charset=utf-8", Some("max-age=600"), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_named_may_show_the_page_in_a_frame() {
        let framed =
            |origins: &[&str]| framed_by(&origins.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(framed(&[]), "'none'");
        assert_eq!(framed(&["'self'", "https://wiki.example:8443"]), "'self' https://wiki.example:8443");
        for hostile in ["https://a.example; script-src *", "a,b", "a b", "ä"] {
            assert_eq!(framed(&["https://wiki.example", hostile]), "'none'", "{hostile:?}");
        }
    }

    #[test]
    fn the_base_follows_the_proxy() {
        // The page's own source, so that the two can't drift apart.
        let html = include_str!("../../../ui/index.html");
        assert_eq!(rebase(html, "/zipkin"), html);
        for (base_path, base) in [("/foo/zipkin", "/foo/zipkin/"), ("/foo/", "/foo/"), ("/", "/"), ("", "/")]
        {
            let rebased = rebase(html, base_path);
            assert!(rebased.contains(&format!("<base href=\"{base}\"")), "{base_path}: {rebased}");
        }
    }
}
