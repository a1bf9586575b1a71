//! Client spans of `http.client` and eventlet's green copy of it; and of clients that say themselves what they do.
//!
//! A call belongs to its connection, not to the running green thread: one may drive several connections at once
//! (Swift writes three replicas). A call without a current trace is left alone, headers included: eventlet.zipkin
//! did so too, and background loops would otherwise fill the store with traces of one span.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use tracer::{Endpoint, Kind, TraceContext, traceparent};

use crate::current;
use crate::guard::guarded;
use crate::handle;
use crate::request::{method_name, path_of};
use crate::scope::{Recording, Scope, error_text, text_of};

/// Where a connection keeps its call.
const ATTRIBUTE: &str = "_spanlet_call";

/// The calls waiting for a response, by the socket they were sent on: a response knows no connection.
static WAITING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// One request on a connection.
#[pyclass(frozen, module = "spanlet._native")]
pub struct Call {
    context: TraceContext,
    /// Where the call was made.
    scope: Py<Scope>,
    method: String,
    path: String,
    /// The application sends baggage of its own.
    has_baggage: AtomicBool,
    progress: Mutex<Progress>,
}

enum Progress {
    /// Headers are being put.
    Prepared,
    /// Being sent, with the span if there is one.
    Sending(Option<Recording>),
    /// Waits for its response.
    Sent(Option<Recording>),
    Ended,
}

impl Call {
    fn new(scope: &Bound<'_, Scope>, method: String, url: &str) -> Self {
        Self {
            context: scope.get().tracer.child(&scope.get().context),
            scope: scope.clone().unbind(),
            method,
            path: path_of(url).to_owned(),
            has_baggage: AtomicBool::new(false),
            progress: Mutex::new(Progress::Prepared),
        }
    }

    /// Returns the headers to be sent.
    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(5);
        let has_baggage = self.has_baggage.load(Ordering::Relaxed);
        self.scope.get().inject(&self.context, |name, value| {
            if !(has_baggage && name == traceparent::BAGGAGE) {
                headers.push((name, value.to_owned()));
            }
        });
        headers
    }

    /// Says whether a header of the application's must not be sent, since ours says it.
    fn replaces(&self, name: &[u8]) -> bool {
        if name.eq_ignore_ascii_case(traceparent::BAGGAGE.as_bytes()) {
            self.has_baggage.store(true, Ordering::Relaxed);
        }
        self.scope.get().tracer.replaces(name)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_prepared(&self) -> bool {
        matches!(*self.progress(), Progress::Prepared)
    }

    /// Starts the span, right before the request goes out.
    fn start(&self) {
        let scope = self.scope.get();
        let span = scope.local.as_ref().and_then(|local| {
            let name = method_name(&self.method);
            let mut span = scope.tracer.start(self.context, Some(Kind::Client), name, local)?;
            span.tag("http.method", self.method.as_str());
            span.tag("http.path", self.path.as_str());
            Some(Recording::new(span))
        });
        *self.progress() = Progress::Sending(span);
    }

    /// Notes that the request is out, and to whom.
    fn sent(&self, remote: Option<Endpoint>) {
        let mut progress = self.progress();
        if let Progress::Sending(recording) = &mut *progress {
            let mut recording = recording.take();
            if let (Some(recording), Some(remote)) = (&mut recording, remote) {
                recording.span().set_remote(remote);
            }
            *progress = Progress::Sent(recording);
        }
    }

    /// Ends the span after a last change; later calls do nothing.
    fn end(&self, change: impl FnOnce(&mut Recording)) {
        let ended = std::mem::replace(&mut *self.progress(), Progress::Ended);
        if let Progress::Sending(Some(mut recording)) | Progress::Sent(Some(mut recording)) = ended {
            change(&mut recording);
            handle::report(&self.scope.get().tracer, recording.finish());
        }
    }

    /// Ends a call that nobody waits for any more.
    fn abandon(&self, why: &str) {
        if matches!(*self.progress(), Progress::Sent(_)) {
            self.end(|recording| recording.fail(why));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.abandon("the connection was dropped before a response");
    }
}

/// Prepares a call of a client that is no `http.client`, from the running code's place in a trace; None without one.
#[pyfunction]
pub fn call(py: Python<'_>, method: String, url: &str) -> PyResult<Option<Call>> {
    guarded(py, || Ok(current::get(py)?.map(|scope| Call::new(&scope, method, url)))).map(Option::flatten)
}

#[pymethods]
impl Call {
    /// Starts the span and returns the headers to be sent.
    #[pyo3(name = "start")]
    fn start_any(&self) -> Vec<(&'static str, String)> {
        self.start();
        self.headers()
    }

    /// Says whether a header of the application's must not be sent, since ours says it.
    #[pyo3(name = "replaces")]
    fn replaces_any(&self, name: &str) -> bool {
        self.replaces(name.as_bytes())
    }

    /// Ends the span: headers are in, from whom.
    #[pyo3(signature = (status, ip = None, port = None))]
    fn answered(&self, status: u16, ip: Option<&str>, port: Option<u16>) {
        let remote = Some(handle::endpoint(None, ip, port)).filter(has_address);
        self.end(|recording| {
            if let Some(remote) = remote {
                recording.span().set_remote(remote);
            }
            recording.set_status(status);
        });
    }

    /// Ends the span: no headers will come.
    fn failed(&self, py: Python<'_>, error: Bound<'_, PyAny>) {
        let text = error_text(py, &PyErr::from_value(error));
        self.end(|recording| recording.fail(text));
    }
}

/// After `putrequest`: decides, once a request, whether it belongs to a trace.
pub fn prepare(
    connection: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let py = connection.py();
    let Some(scope) = current::get(py)? else {
        return match call_of(connection)? {
            Some(_) => connection.delattr(ATTRIBUTE),
            None => Ok(()),
        };
    };
    let method = text_of(&argument(args, kwargs, 1, "method")?)?;
    let url = text_of(&argument(args, kwargs, 2, "url")?)?;
    connection.setattr(ATTRIBUTE, Call::new(&scope, method, &url))
}

/// Before `putheader`: says whether our own header will take the place of this one.
pub fn replaces(
    connection: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<bool> {
    let Some(call) = call_of(connection)?.filter(|call| call.get().is_prepared()) else { return Ok(false) };
    let name = argument(args, kwargs, 1, "header")?;
    Ok(if let Ok(name) = name.cast::<PyString>() {
        call.get().replaces(name.to_string_lossy().as_bytes())
    } else if let Ok(name) = name.cast::<PyBytes>() {
        call.get().replaces(name.as_bytes())
    } else {
        false
    })
}

/// Around `endheaders`: adds the headers, starts the span, and ends it if the request cannot be sent.
pub fn send(
    connection: &Bound<'_, PyAny>,
    original: impl FnOnce() -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    let py = connection.py();
    let call = guarded(py, || {
        let Some(call) = call_of(connection)?.filter(|call| call.get().is_prepared()) else {
            return Ok(None);
        };
        call.get().start();
        for (name, value) in call.get().headers() {
            connection.call_method1(intern!(py, "putheader"), (name, value))?;
        }
        Ok(Some(call))
    })?
    .flatten();
    let outcome = original();
    let Some(call) = call else { return outcome };
    match &outcome {
        Ok(_) => guarded(py, || waiting(connection, &call))?,
        Err(error) => guarded(py, || {
            call.get().end(|recording| recording.fail(error_text(py, error)));
            Ok(())
        })?,
    };
    outcome
}

/// Around `HTTPResponse.begin`: headers are in, or will not come.
pub fn receive(
    response: &Bound<'_, PyAny>,
    original: impl FnOnce() -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    let py = response.py();
    let call = guarded(py, || call_behind(response))?.flatten();
    let outcome = original();
    let Some(call) = call else { return outcome };
    guarded(py, || {
        match &outcome {
            Ok(_) => {
                let status = response.getattr(intern!(py, "status"))?.extract()?;
                call.get().end(|recording| recording.set_status(status));
            }
            Err(error) => call.get().end(|recording| recording.fail(error_text(py, error))),
        }
        Ok(())
    })?;
    outcome
}

/// Before `close`: nobody will read the response of a request still under way.
pub fn close(connection: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Some(call) = call_of(connection)? {
        call.get().abandon("the connection was closed before a response");
    }
    Ok(())
}

/// Notes the peer of a request that is out, and by which socket its response will be known.
fn waiting<'py>(connection: &Bound<'py, PyAny>, call: &Bound<'py, Call>) -> PyResult<()> {
    let py = connection.py();
    let socket = connection.getattr(intern!(py, "sock"))?;
    // A peer that has already gone has no name any more; the call itself will say so.
    let peer = socket.call_method0(intern!(py, "getpeername")).ok();
    let address = peer.as_ref().and_then(|peer| peer.cast::<PyTuple>().ok());
    let remote = address.and_then(|address| {
        let ip = address.get_item(0).ok()?.extract::<String>().ok()?;
        Some(handle::endpoint(None, Some(&ip), address.get_item(1).ok()?.extract().ok()))
    });
    call.get().sent(remote.filter(has_address));
    by_socket(py)?.set_item(socket, call)
}

/// Finds the call that a response answers, through the file it reads from: `fp.raw._sock`, or `fp._sock` unbuffered.
fn call_behind<'py>(response: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Call>>> {
    let py = response.py();
    let Some(file) = response.getattr_opt(intern!(py, "fp"))? else { return Ok(None) };
    let raw = file.getattr_opt(intern!(py, "raw"))?.unwrap_or(file);
    let Some(socket) = raw.getattr_opt(intern!(py, "_sock"))? else { return Ok(None) };
    Ok(by_socket(py)?.call_method1(intern!(py, "get"), (socket,))?.cast_into().ok())
}

fn has_address(endpoint: &Endpoint) -> bool {
    endpoint.ipv4.is_some() || endpoint.ipv6.is_some()
}

fn by_socket(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let new = || Ok(py.import("weakref")?.getattr("WeakKeyDictionary")?.call0()?.unbind());
    WAITING.get_or_try_init(py, new).map(|waiting| waiting.bind(py))
}

fn call_of<'py>(connection: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Call>>> {
    let call = connection.getattr_opt(intern!(connection.py(), ATTRIBUTE))?;
    Ok(call.and_then(|call| call.cast_into().ok()))
}

fn argument<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
    at: usize,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    match kwargs.map(|kwargs| kwargs.get_item(name)).transpose()?.flatten() {
        Some(value) => Ok(value),
        None => args.get_item(at),
    }
}
