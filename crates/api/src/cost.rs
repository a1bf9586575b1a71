//! Each answer to a question says what the store read for it: `Spanlet-Read: segments=3, row-groups=5, bytes=81920`.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use storage::meter::Meter;

/// The header, on answers and refusals alike.
const SPANLET_READ: HeaderName = HeaderName::from_static("spanlet-read");

/// Measures a question.
pub async fn layer(request: Request, next: Next) -> Response {
    let meter = Meter::default();
    let mut response = meter.measure(next.run(request)).await;
    if let Ok(read) = HeaderValue::try_from(meter.read().to_string()) {
        response.headers_mut().insert(SPANLET_READ, read);
    }
    response
}
