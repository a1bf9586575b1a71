//! Documents that stay the same while the server runs, with what lets browsers keep them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// All of them are as old as this process: an older copy may be another one.
static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

/// A document, ready to be sent.
#[derive(Clone, Debug)]
pub struct Fixed {
    body: Bytes,
    /// All headers of a whole answer; one that says "you have it" lacks the content type.
    headers: HeaderMap,
}

impl Fixed {
    /// Returns a document of this type that may be kept as `cache_control` says.
    pub fn new(content_type: &str, cache_control: Option<&'static str>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut headers = HeaderMap::new();
        headers.extend(cache_control.map(|value| (CACHE_CONTROL, HeaderValue::from_static(value))));
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let texts = [
            (CONTENT_TYPE, content_type.to_owned()),
            (ETAG, format!("\"{:016x}\"", hasher.finish())),
            (LAST_MODIFIED, httpdate::fmt_http_date(*STARTED)),
        ];
        headers.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text.try_into().ok()?))));
        Self { body, headers }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(self, name: HeaderName, value: &'static str) -> Self {
        self.with_value(name, HeaderValue::from_static(value))
    }

    /// Adds a header that depends on the configuration.
    #[must_use]
    pub fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Answers a request: with the document, or with 304 where the asker has it.
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let mut headers = self.headers.clone();
        if self.is_known_to(request) {
            headers.remove(CONTENT_TYPE);
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, self.body.clone()).into_response()
    }

    fn is_known_to(&self, request: &HeaderMap) -> bool {
        let text = |name| request.get(name).and_then(|value| value.to_str().ok());
        let ours = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(known) = text(IF_NONE_MATCH) {
            // Weak comparison: RFC 9110, 13.1.2.
            let mut tags = known.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
            return tags.any(|tag| tag == "*" || Some(tag) == ours(ETAG));
        }
        let since = text(IF_MODIFIED_SINCE).and_then(|since| httpdate::parse_http_date(since).ok());
        let ours = ours(LAST_MODIFIED).and_then(|date| httpdate::parse_http_date(date).ok());
        matches!((since, ours), (Some(since), Some(ours)) if ours <= since)
    }
}
