//! What is recorded of HTTP and gRPC messages, in the words that Zipkin's tracers use.

use http::{HeaderMap, Method, StatusCode, Uri};
use percent_encoding::percent_decode;
use tracer::ActiveSpan;

use crate::scope::Scope;

/// Notes what is asked for. The query may hold secrets and is left out.
pub fn request(span: &mut ActiveSpan, method: &Method, uri: &Uri) {
    span.tag("http.method", method.as_str());
    span.tag("http.path", uri.path());
}

/// Notes the status of a response. Those of 400 and more are errors, as in Brave's `HttpTags` and `HttpParser`.
pub fn status(scope: &Scope, status: StatusCode) {
    scope.record(|span| {
        if status.as_u16() >= 400 {
            span.set_error(status.as_str());
        }
        span.tag("http.status_code", status.as_str());
    });
}

/// Notes gRPC's own status, which comes in trailers, or in the head of a response without a body.
pub fn grpc_status(scope: &Scope, headers: &HeaderMap) {
    let Some(code) = headers.get("grpc-status").and_then(|code| code.to_str().ok()) else { return };
    scope.record(|span| {
        span.tag("grpc.status_code", code);
        if code != "0" {
            // It comes with escapes as in URLs: gRPC over HTTP2, "Responses".
            let message = headers.get("grpc-message").map(|message| percent_decode(message.as_bytes()));
            let message = message.map(|message| message.decode_utf8_lossy().into_owned());
            span.set_error(message.filter(|message| !message.is_empty()).unwrap_or_else(|| code.to_owned()));
        }
    });
}
