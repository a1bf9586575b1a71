//! The one HTTP listener: collectors and API behind what holds for every request.

use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::{Router, ServiceExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::Layer;
use tower::util::MapRequestLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

/// Zipkin compresses answers above this size, and only these types.
const COMPRESS_ABOVE_BYTES: u16 = 2048;
const COMPRESSED_TYPES: [&str; 6] =
    ["application/json", "application/javascript", "text/javascript", "text/css", "image/svg", "text/html"];

/// Serves requests until `stop` changes, then finishes the open ones.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let routes = routes
        .fallback(api::reply::page_not_found)
        .method_not_allowed_fallback(api::reply::page_not_found)
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(SizeAbove::new(COMPRESS_ABOVE_BYTES).and(is_text)),
        )
        .layer(from_fn(methods))
        .layer(from_fn(api::cors::layer));
    // Before routing, so outside of the router.
    let service = MapRequestLayer::new(collapse_slashes).layer(routes);
    let service = ServiceExt::<Request>::into_make_service(service);
    axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            let _ = stop.changed().await;
        })
        .await
}

fn is_text(
    _: StatusCode,
    _: axum::http::Version,
    headers: &axum::http::HeaderMap,
    _: &axum::http::Extensions,
) -> bool {
    let media_type =
        headers.get(axum::http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    COMPRESSED_TYPES.iter().any(|known| media_type.starts_with(known))
}

/// Zipkin answers TRACE with 405 and HEAD, like every other method that a path does not have, with 404.
async fn methods(request: Request, next: Next) -> Response {
    match *request.method() {
        Method::TRACE => api::reply::text(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed"),
        Method::HEAD => api::reply::page_not_found().await,
        _ => next.run(request).await,
    }
}

/// Reads `//` in a path as `/`.
fn collapse_slashes(mut request: Request) -> Request {
    if request.uri().path().contains("//") {
        let mut path = request.uri().path().to_owned();
        while path.contains("//") {
            path = path.replace("//", "/");
        }
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(uri) = format!("{path}{query}").parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}
