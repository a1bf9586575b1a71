//! Own spans: the server traces its answers to questions into its own store, as service `spanlet-server`.
//!
//! Only questions are traced, as in Zipkin: a span about the arrival of spans would be a span to arrive.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use model::batch::Batch;
use model::draft::Draft;
use model::id::{SpanId, TraceId};
use model::span::Kind;
use storage::port::Storage;
use tokio::sync::{mpsc, watch};
use wire::b3::{self, Extracted};

use crate::config::SelfTracing;
use crate::metrics::Counters;

/// Spans that wait to be stored; further ones are dropped and counted.
const SPANS_WAITING_MAX: usize = 1000;
const SERVICE_NAME: &str = "spanlet-server";

/// Decides which answers are traced, and takes their spans.
#[derive(Clone)]
pub struct Recorder {
    config: SelfTracing,
    /// Second, and traces begun in it.
    begun: Arc<Mutex<(u64, u32)>>,
    spans: mpsc::Sender<Own>,
    counters: Arc<Counters>,
}

/// A finished span.
struct Own {
    context: b3::Context,
    /// The span id came from the caller, whose half has it too.
    shared: bool,
    name: String,
    path: String,
    status: StatusCode,
    timestamp_us: u64,
    duration_us: u64,
}

impl Recorder {
    /// Returns a recorder, and the spans it will take.
    pub fn new(config: SelfTracing, counters: Arc<Counters>) -> (Self, Spans) {
        let (spans, waiting) = mpsc::channel(SPANS_WAITING_MAX);
        let recorder = Self { config, begun: Arc::default(), spans, counters: Arc::clone(&counters) };
        (recorder, Spans { waiting, flush_interval: config.flush_interval, counters })
    }

    /// Returns the context of a span for this request, and whether its id is the caller's; nothing if it is not
    /// traced.
    fn context(&self, headers: &HeaderMap) -> Option<(b3::Context, bool)> {
        let header = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
        match b3::extract(header) {
            Extracted::Context(context) => {
                (context.sampled.unwrap_or_else(|| self.sample())).then_some((context, true))
            }
            Extracted::Decision { sampled: false, .. } => None,
            Extracted::Decision { sampled: true, debug } => Some((root(debug), false)),
            Extracted::Absent | Extracted::Invalid => self.sample().then(|| (root(false), false)),
        }
    }

    fn sample(&self) -> bool {
        if fastrand::f64() >= self.config.sample_rate {
            return false;
        }
        let Some(limit) = self.config.traces_per_second else { return true };
        let second = since_epoch().as_secs();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.0 != second {
            *begun = (second, 0);
        }
        begun.1 += 1;
        begun.1 <= limit
    }
}

/// Records answers of the API.
pub async fn layer(State(recorder): State<Recorder>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let question = route.starts_with("/api/") || route.starts_with("/zipkin/api/");
    let traced = match question && request.method() == axum::http::Method::GET {
        true => recorder.context(request.headers()),
        false => None,
    };
    let Some((context, shared)) = traced else { return next.run(request).await };
    let (name, path) = (format!("get {route}"), path.to_owned());
    let (timestamp_us, clock) = (since_epoch().as_micros() as u64, Instant::now());
    let response = next.run(request).await;
    let duration_us = (clock.elapsed().as_micros() as u64).max(1);
    let own = Own { context, shared, name, path, status: response.status(), timestamp_us, duration_us };
    if recorder.spans.try_send(own).is_err() {
        Counters::count(&recorder.counters.own_spans_dropped);
    }
    response
}

/// Own spans on their way to the store.
pub struct Spans {
    waiting: mpsc::Receiver<Own>,
    flush_interval: Duration,
    counters: Arc<Counters>,
}

impl Spans {
    /// Stores spans as they come. Once `stop` has changed it ends with the last recorder, and no span is left.
    pub async fn store(mut self, storage: Arc<dyn Storage>, mut stop: watch::Receiver<bool>) {
        let mut batch = Batch::new();
        let mut flush = tokio::time::interval(self.flush_interval);
        let mut stopping = false;
        loop {
            tokio::select! {
                own = self.waiting.recv() => match own {
                    Some(own) if own.draft().push_into(&mut batch).is_ok() => continue,
                    Some(_) => Counters::count(&self.counters.own_spans_dropped),
                    None => break,
                },
                _ = flush.tick(), if !stopping => {}
                _ = stop.wait_for(|stop| *stop), if !stopping => stopping = true,
            }
            self.flush(storage.as_ref(), std::mem::take(&mut batch)).await;
        }
        self.flush(storage.as_ref(), batch).await;
    }

    async fn flush(&self, storage: &dyn Storage, batch: Batch) {
        let spans = batch.len() as u64;
        if spans > 0 && storage.accept(batch).await.is_err() {
            self.counters.own_spans_dropped.fetch_add(spans, Ordering::Relaxed);
        }
    }
}

impl Own {
    fn draft(&self) -> Draft<'_> {
        let mut draft = Draft::new(self.context.trace_id, self.context.span_id);
        draft.parent_id = self.context.parent_id;
        draft.kind = Some(Kind::Server);
        draft.name = Some(self.name.as_str().into());
        draft.timestamp_us = self.timestamp_us;
        draft.duration_us = self.duration_us;
        draft.local_endpoint.service_name = Some(SERVICE_NAME.into());
        draft.debug = self.context.debug;
        draft.shared = self.shared;
        draft.tags = vec![
            ("http.method".into(), "GET".into()),
            ("http.path".into(), self.path.as_str().into()),
            ("http.status_code".into(), self.status.as_str().to_owned().into()),
        ];
        if self.status.is_server_error() {
            draft.tags.push(("error".into(), self.status.as_str().to_owned().into()));
        }
        draft
    }
}

/// Returns ids of a trace that begins here.
fn root(debug: bool) -> b3::Context {
    // Drawn above zero, which is no id.
    let (trace_id, span_id) = (TraceId::new(fastrand::u128(1..)), SpanId::new(fastrand::u64(1..)));
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else { unreachable!("drawn above zero") };
    b3::Context { trace_id, span_id, parent_id: None, sampled: Some(true), debug }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
