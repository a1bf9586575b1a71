//! A whole API in memory, and short ways to fill and to ask it.

pub mod store;

use std::sync::Arc;

use api::config::Config;
use api::metrics::Transport;
use api::{Api, Sources};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::Span;
use serde_json::Value;
use storage::memory::Memory;
use storage::port::Storage;
use tower::ServiceExt;

/// The time on the servers' clock: 2030-01-01.
pub const NOW_MS: u64 = 1_893_456_000_000;

/// All routes, without a socket.
pub struct Server {
    pub routes: Router,
    storage: Arc<dyn Storage>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Server {
    /// Starts with an empty memory store.
    pub fn new(config: Config) -> Self {
        let storage = Memory::new(storage::memory::Config {
            autocomplete_keys: config.autocomplete_keys.clone(),
            ..Default::default()
        });
        Self::over(config, Arc::new(storage))
    }

    /// Starts with this store.
    pub fn over(config: Config, storage: Arc<dyn Storage>) -> Self {
        let sources = Sources {
            storage: Arc::clone(&storage),
            now_ms: || NOW_MS,
            collectors: Arc::new(["ScribeCollector{port=9410, category=zipkin}".to_owned()]),
            figures: Arc::new(Vec::new),
            transports: Arc::new(|| {
                vec![Transport {
                    name: "http",
                    listening: Some("127.0.0.1:9411".into()),
                    readings: vec![("messages", 3), ("message_bytes", 70)],
                    refused: vec![("malformed", 2), ("too_large", 0)],
                    left_out: vec![("sampled", 1)],
                }]
            }),
        };
        let api = Api::new(config, sources);
        Self { routes: api::edge::around(&api, api::router(&api)), storage }
    }

    /// Stores spans.
    pub async fn write(&self, spans: impl IntoIterator<Item = Span>) {
        let _ = self.storage.accept(spans.into_iter().collect()).await.unwrap();
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    /// Asks in any way.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let bytes = body.to_vec();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: head.status.as_u16(), headers: head.headers, body, bytes }
    }

    /// Asks for a path and says status and body, in one line.
    pub async fn said(&self, path: &str) -> String {
        let answer = self.get(path).await;
        format!("{} {}", answer.status, answer.body)
    }
}

impl Answer {
    /// Returns a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Reads the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Returns a span of this service that starts now and takes a millisecond.
pub fn span(trace: u128, id: u64, service: &str) -> Span {
    Span {
        name: Some("get".into()),
        timestamp_us: Some(NOW_MS * 1000 - 1_000_000 + trace as u64),
        duration_us: Some(1000),
        local_endpoint: Some(Endpoint {
            service_name: Some(service.into()),
            ipv4: None,
            ipv6: None,
            port: None,
        }),
        ..Span::new(TraceId::new(trace).unwrap(), SpanId::new(id).unwrap())
    }
}

/// Adds a tag.
pub fn tagged(mut span: Span, key: &str, value: &str) -> Span {
    span.tags.push((key.into(), value.into()));
    span.tags.sort();
    span
}
