//! The tracer as Python holds it, and the one that the hooks report to.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tracer::{ActiveSpan, Endpoint, SpanId, TraceContext, TraceId};

use crate::guard;
use crate::scope;
use crate::settings::Settings;

static INSTALLED: RwLock<Option<Arc<Installed>>> = RwLock::new(None);

/// The tracer that the hooks use, and what they say about this process.
pub struct Installed {
    /// Where spans go.
    pub tracer: tracer::Tracer,
    /// Name of this service.
    pub service_name: String,
    /// Who records spans that belong to no socket.
    pub local: Arc<Endpoint>,
    /// The names of query parameters whose values are recorded; none leaves the query out.
    pub query_keys: Option<Vec<String>>,
}

/// Returns the tracer that the hooks use.
pub fn installed() -> Option<Arc<Installed>> {
    INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Hands over a span of this tracer, or of one that has taken its place meanwhile.
pub fn report(tracer: &tracer::Tracer, span: ActiveSpan) {
    match installed() {
        Some(installed) => installed.tracer.finish(span),
        None => tracer.finish(span),
    }
}

/// Makes this tracer, or none, the one that the hooks use.
#[pyfunction]
#[pyo3(signature = (tracer))]
pub fn install(tracer: Option<&Bound<'_, Tracer>>) {
    let next = tracer.map(|tracer| Arc::clone(&tracer.get().0));
    *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = next;
}

/// Returns how many faults of tracing were swallowed, the last one, and how many annotations came too late.
#[pyfunction]
pub fn errors() -> (u64, Option<String>, u64) {
    let (count, last) = guard::errors();
    (count, last, scope::late())
}

/// Service name, IP address and port, as Python says them.
pub type Address = (Option<String>, Option<String>, Option<u16>);

/// Reports spans to one collector.
#[pyclass(frozen, module = "spanlet._native")]
pub struct Tracer(Arc<Installed>);

#[pymethods]
impl Tracer {
    /// Makes a tracer. No thread starts and no socket opens before the first span is finished.
    #[new]
    fn new(mut settings: Settings) -> PyResult<Self> {
        let service_name = settings.service_name.clone();
        let query_keys = settings.query_keys.take();
        let local = Arc::new(endpoint(Some(service_name.clone()), None, None));
        let tracer = tracer::Tracer::new(settings.config()?);
        Ok(Self(Arc::new(Installed { tracer, service_name, local, query_keys })))
    }

    /// Waits until what was finished is acknowledged, or the time is over. Says which.
    fn flush(&self, py: Python<'_>, timeout_s: f64) -> bool {
        py.detach(|| self.0.tracer.flush(seconds(timeout_s)))
    }

    /// Flushes, then ends the thread.
    fn shutdown(&self, py: Python<'_>, timeout_s: f64) {
        py.detach(|| self.0.tracer.shutdown(seconds(timeout_s)));
    }

    /// Reports a span made elsewhere: annotations with their times, tags, and who made it.
    /// Says whether its ids are ids.
    #[expect(clippy::too_many_arguments, reason = "the parts of eventlet.zipkin's Span")]
    fn report(
        &self,
        name: String,
        trace_id: u128,
        span_id: u64,
        parent_id: Option<u64>,
        annotations: Vec<(u64, String)>,
        tags: Vec<(String, String)>,
        local: Address,
    ) -> bool {
        let (Some(trace_id), Some(span_id)) = (TraceId::new(trace_id), SpanId::new(span_id)) else {
            return false;
        };
        let parent_id = parent_id.and_then(SpanId::new);
        let context =
            TraceContext { trace_id, span_id, parent_id, sampled: true, debug: false, shared: false };
        let local = Arc::new(endpoint_of(local, &self.0.service_name));
        let Some(mut span) = self.0.tracer.start(context, None, name, &local) else { return false };
        if let (Some(first), Some(last)) =
            (annotations.iter().map(|a| a.0).min(), annotations.iter().map(|a| a.0).max())
        {
            span.start_at(first);
            span.finish_at(last);
        }
        for (at, text) in annotations {
            span.annotate(at, text);
        }
        for (key, value) in tags {
            span.tag(key, value);
        }
        self.0.tracer.finish(span);
        true
    }

    /// The tracer's counters.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.0.tracer.stats();
        let counters = PyDict::new(py);
        for (name, value) in [
            ("finished", stats.finished),
            ("sent", stats.sent),
            ("queued", stats.queued),
            ("queued_bytes", stats.queued_bytes),
            ("dropped", stats.dropped()),
            ("dropped_full_spans", stats.dropped_full_spans),
            ("dropped_full_bytes", stats.dropped_full_bytes),
            ("dropped_refused", stats.dropped_refused),
            ("dropped_expired", stats.dropped_expired),
            ("dropped_stopped", stats.dropped_stopped),
            ("discarded", stats.discarded),
            ("calls", stats.calls),
            ("try_later", stats.try_later),
            ("reconnects", stats.reconnects),
            ("failures", stats.failures),
        ] {
            counters.set_item(name, value)?;
        }
        counters.set_item("thread_alive", stats.thread_alive)?;
        counters.set_item("last_failure", stats.last_error)?;
        Ok(counters)
    }
}

/// Returns who is at an address; what is no address is left out, as for unix sockets.
pub fn endpoint(service_name: Option<String>, ip: Option<&str>, port: Option<u16>) -> Endpoint {
    let mut endpoint = tracer::EndpointRef::default();
    // Link-local addresses come with their interface (`fe80::1%eth0`), which no other host knows.
    if let Some(ip) = ip {
        endpoint.set_ip_text(ip.split_once('%').map_or(ip, |(ip, _)| ip));
    }
    endpoint.port = port.filter(|port| *port != 0);
    Endpoint { service_name, ..endpoint.to_owned() }
}

/// Returns an endpoint from what Python says, under this process's name unless it says another.
pub fn endpoint_of((service_name, ip, port): Address, default_name: &str) -> Endpoint {
    endpoint(Some(service_name.unwrap_or_else(|| default_name.to_owned())), ip.as_deref(), port)
}

fn seconds(timeout_s: f64) -> Duration {
    Duration::try_from_secs_f64(timeout_s).unwrap_or(Duration::ZERO)
}
