//! A place in a trace that code runs in, with the span that is being recorded there, if any.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use tracer::{ActiveSpan, Carried, Endpoint, SpanId, TraceContext, TraceId};

use crate::guard::guarded;
use crate::handle::{self, Address};

/// Annotations and tags that came after their span was finished.
static LATE: AtomicU64 = AtomicU64::new(0);

/// The annotation by which eventlet.zipkin ended its server spans.
const END_ANNOTATION: &str = "ss";

/// What the code of one request, and the green threads it started, share.
#[pyclass(frozen, weakref, module = "spanlet._native")]
pub struct Scope {
    /// Its place in the trace, passed on also when nothing is recorded.
    pub context: TraceContext,
    /// Who records it; only when something is recorded.
    pub local: Option<Arc<Endpoint>>,
    /// Where the span goes.
    pub tracer: tracer::Tracer,
    /// What calls made from here pass on besides.
    pub carried: Option<Arc<Carried>>,
    /// The address of what the server calls the request, zero when there is none or it is over. Only compared: holding
    /// on to it would keep requests in memory, and a mark in it would be seen.
    request: AtomicUsize,
    recording: Mutex<Option<Recording>>,
}

/// A span, and what decides its outcome.
pub struct Recording {
    span: ActiveSpan,
    status: u16,
    failed: bool,
}

impl Recording {
    /// Starts to record.
    pub fn new(span: ActiveSpan) -> Self {
        Self { span, status: 0, failed: false }
    }

    /// Sets the status of the response; zero takes it back.
    pub fn set_status(&mut self, status: u16) {
        self.status = status;
    }

    /// Returns the span.
    pub fn span(&mut self) -> &mut ActiveSpan {
        &mut self.span
    }

    /// Marks it as failed. The first failure is the one that counts.
    pub fn fail(&mut self, text: impl Into<String>) {
        if !self.failed {
            self.failed = true;
            self.span.set_error(text);
        }
    }

    /// Returns the finished span. Statuses of 400 and more are errors, as in Brave's `HttpTags` and `HttpParser`.
    pub fn finish(mut self) -> ActiveSpan {
        if self.status != 0 {
            let text = self.status.to_string();
            if !self.failed && self.status >= 400 {
                self.span.set_error(text.clone());
            }
            self.span.tag("http.status_code", text);
        }
        self.span
    }
}

impl Scope {
    /// Makes a scope, with a span to record or without.
    pub fn new(
        context: TraceContext,
        span: Option<ActiveSpan>,
        local: Option<Arc<Endpoint>>,
        tracer: tracer::Tracer,
    ) -> Self {
        let recording = Mutex::new(span.map(Recording::new));
        Self { context, local, tracer, carried: None, request: AtomicUsize::new(0), recording }
    }

    /// Passes on what came with a request.
    pub fn carrying(self, carried: Option<Arc<Carried>>) -> Self {
        Self { carried, ..self }
    }

    /// Notes which request the scope is of.
    pub fn open_for(&self, request: &Bound<'_, PyAny>) {
        self.request.store(request.as_ptr() as usize, Ordering::Relaxed);
    }

    /// Says whether it is this request's: two layers of ours, as eventlet's hook and the middleware, are one server.
    pub fn is_of(&self, request: &Bound<'_, PyAny>) -> bool {
        self.request.load(Ordering::Relaxed) == request.as_ptr() as usize
    }

    /// Changes the span unless it is finished. Says whether it was still open.
    pub fn record(&self, change: impl FnOnce(&mut Recording)) -> bool {
        match self.recording().as_mut() {
            Some(recording) => {
                change(recording);
                true
            }
            None => false,
        }
    }

    /// Hands the span over; later calls do nothing.
    pub fn end(&self) {
        self.request.store(0, Ordering::Relaxed);
        let recording = self.recording().take();
        if let Some(recording) = recording {
            handle::report(&self.tracer, recording.finish());
        }
    }

    /// Adds what the application says happened. No Python runs while the span is held.
    pub fn add_annotation(&self, text: String, timestamp_us: Option<u64>) {
        let ends = text == END_ANNOTATION;
        self.count_late(self.record(|recording| {
            // The end of a server span is written from its duration; only spans without a kind need the word.
            if !ends || recording.span.kind().is_none() {
                let at = timestamp_us.unwrap_or_else(|| recording.span.now_us());
                recording.span.annotate(at, text);
            }
        }));
        if ends {
            self.end();
        }
    }

    /// Writes the headers of a call made by this context, which is here or below.
    pub fn inject(&self, context: &TraceContext, put: impl FnMut(&'static str, &str)) {
        self.tracer.inject(context, self.carried.as_deref(), put);
    }

    /// Sets a tag.
    pub fn add_tag(&self, key: String, value: String) {
        self.count_late(self.record(|recording| recording.span.tag(key, value)));
    }

    fn count_late(&self, recorded: bool) {
        if !recorded && self.context.sampled {
            LATE.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn recording(&self) -> MutexGuard<'_, Option<Recording>> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Scope {
    /// Starts a span of the application's own making, or just a place when it is not sampled. The ids are those of
    /// its trace, itself and its parent. Fails when no tracer is installed, or an id is zero.
    #[new]
    #[pyo3(signature = (name, ids, sampled, local))]
    fn from_parts(
        name: &Bound<'_, PyAny>,
        ids: (u128, u64, Option<u64>),
        sampled: bool,
        local: Address,
    ) -> PyResult<Self> {
        let (trace_id, span_id, parent_id) = ids;
        let (Some(trace_id), Some(span_id)) = (TraceId::new(trace_id), SpanId::new(span_id)) else {
            return Err(PyValueError::new_err("an id is zero"));
        };
        let Some(installed) = handle::installed() else {
            return Err(PyValueError::new_err("no tracer is installed"));
        };
        let parent_id = parent_id.and_then(SpanId::new);
        let context = TraceContext { trace_id, span_id, parent_id, sampled, debug: false, shared: false };
        let local = Arc::new(handle::endpoint_of(local, &installed.service_name));
        let span = installed.tracer.start(context, None, text_of(name)?, &local);
        Ok(Self::new(context, span, Some(local), installed.tracer.clone()))
    }

    /// All bits of the trace id.
    #[getter]
    fn trace_id(&self) -> u128 {
        self.context.trace_id.get()
    }

    /// The id of the span here.
    #[getter]
    fn span_id(&self) -> u64 {
        self.context.span_id.get()
    }

    /// The id of the span that caused it.
    #[getter]
    fn parent_id(&self) -> Option<u64> {
        self.context.parent_id.map(SpanId::get)
    }

    /// The ids as logs and links show them: of the trace, and of the span here.
    #[getter]
    fn hex_ids(&self) -> (String, String) {
        (self.context.trace_id.to_string(), self.context.span_id.to_string())
    }

    /// Whether spans are recorded here.
    #[getter]
    fn sampled(&self) -> bool {
        self.context.sampled
    }

    /// Whether the span is over, or there never was one.
    #[getter]
    fn finished(&self) -> bool {
        self.recording().is_none()
    }

    /// The name of the span; none when it is over.
    #[getter]
    fn name(&self) -> Option<String> {
        self.recording().as_ref().map(|recording| recording.span.name().to_owned())
    }

    /// Who records it: service name, address and port.
    #[getter]
    fn endpoint(&self) -> Option<Address> {
        self.local.as_ref().map(|local| {
            let ip = local.ipv4.map(|ip| ip.to_string()).or_else(|| local.ipv6.map(|ip| ip.to_string()));
            (local.service_name.clone(), ip, local.port)
        })
    }

    /// What was annotated so far: times and texts.
    fn annotations(&self) -> Vec<(u64, String)> {
        self.recording().as_ref().map(|recording| recording.span.annotations().to_vec()).unwrap_or_default()
    }

    /// The tags so far.
    fn tags(&self) -> Vec<(String, String)> {
        let tags = |recording: &Recording| {
            recording.span.tags().iter().map(|(key, value)| (key.to_string(), value.clone())).collect()
        };
        self.recording().as_ref().map(tags).unwrap_or_default()
    }

    /// Adds an annotation, now or at a time in microseconds; never raises.
    #[pyo3(name = "annotate", signature = (value, timestamp_us = None))]
    fn annotate_any(&self, value: &Bound<'_, PyAny>, timestamp_us: Option<u64>) -> PyResult<()> {
        guarded(value.py(), || text_of(value).map(|text| self.add_annotation(text, timestamp_us))).map(|_| ())
    }

    /// Adds a tag; never raises.
    #[pyo3(name = "tag")]
    fn tag_any(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        guarded(key.py(), || {
            self.add_tag(text_of(key)?, text_of(value)?);
            Ok(())
        })
        .map(|_| ())
    }

    /// Ends the span.
    fn finish(&self) {
        self.end();
    }
}

/// Returns how many annotations and tags came too late.
pub fn late() -> u64 {
    LATE.load(Ordering::Relaxed)
}

/// Returns anything as text.
pub fn text_of(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_string_lossy().into_owned());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(String::from_utf8_lossy(bytes.as_bytes()).into_owned());
    }
    Ok(value.str()?.to_string_lossy().into_owned())
}

/// Returns an exception as `Class: message`, or the class alone when it has nothing to say.
pub fn error_text(py: Python<'_>, error: &PyErr) -> String {
    let class = error.get_type(py).name().map(|name| name.to_string()).unwrap_or_default();
    let message = error.value(py).str().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    if message.is_empty() { class } else { format!("{class}: {message}") }
}
