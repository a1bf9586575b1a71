//! Server spans: from a WSGI environ to a scope, and what the application's answer says about it.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyString, PyTuple};
use tracer::{Kind, b3};

use crate::body;
use crate::current;
use crate::guard::guarded;
use crate::handle;
use crate::scope::{Scope, error_text};

/// Opens the scope of a request. Nothing when no tracer is installed.
pub fn open<'py>(environ: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, Scope>>> {
    let py = environ.py();
    let Some(installed) = handle::installed() else { return Ok(None) };
    let tracer = &installed.tracer;
    let context = tracer.join_or_start(b3::extract(|name| text(environ, header_key(py, name))));
    if !context.sampled {
        return Bound::new(py, Scope::new(context, None, None, tracer.clone())).map(Some);
    }
    let end = |host, port| {
        let port = text(environ, port).and_then(|port| port.parse().ok());
        (text(environ, host), port)
    };
    let (ip, port) = end(intern!(py, "SERVER_NAME"), intern!(py, "SERVER_PORT"));
    let local = Arc::new(handle::endpoint(Some(installed.service_name.clone()), ip.as_deref(), port));
    let method =
        text(environ, intern!(py, "REQUEST_METHOD")).map_or(Cow::Borrowed("GET"), |m| method_name(&m));
    let mut span = tracer.start(context, Some(Kind::Server), method.clone(), &local);
    if let Some(span) = &mut span {
        let (ip, port) = end(intern!(py, "REMOTE_ADDR"), intern!(py, "REMOTE_PORT"));
        let remote = handle::endpoint(None, ip.as_deref(), port);
        if remote.ipv4.is_some() || remote.ipv6.is_some() {
            span.set_remote(remote);
        }
        span.tag("http.method", method.into_owned());
        span.tag("http.path", path(environ));
    }
    Bound::new(py, Scope::new(context, span, Some(local), tracer.clone())).map(Some)
}

/// Around `HttpProtocol.handle_one_response`, which returns after the last byte of the answer.
pub fn handle_one_response(
    protocol: &Bound<'_, PyAny>,
    original: impl FnOnce() -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    let py = protocol.py();
    let entered = guarded(py, || enter(protocol))?.flatten();
    let outcome = original();
    if let Some(entered) = entered {
        guarded(py, || entered.leave(py, outcome.as_ref().err()))?;
    }
    outcome
}

/// What has to be put back after a response.
struct Entered<'py> {
    protocol: Bound<'py, PyAny>,
    application: Option<Bound<'py, PyAny>>,
    scope: Bound<'py, Scope>,
    outer: Option<Bound<'py, Scope>>,
}

fn enter<'py>(protocol: &Bound<'py, PyAny>) -> PyResult<Option<Entered<'py>>> {
    let py = protocol.py();
    let environ = protocol.getattr(intern!(py, "environ"))?.cast_into::<PyDict>()?;
    let Some(scope) = open(&environ)? else { return Ok(None) };
    let mut application = None;
    if scope.get().context.sampled {
        let name = intern!(py, "application");
        let inner = protocol.getattr(name)?;
        protocol
            .setattr(name, Application { inner: inner.clone().unbind(), scope: scope.clone().unbind() })?;
        application = Some(inner);
    }
    // A connection serves many requests in one green thread: each replaces the scope and puts the outer one back.
    let outer = current::get(py)?;
    current::set(py, Some(&scope))?;
    Ok(Some(Entered { protocol: protocol.clone(), application, scope, outer }))
}

impl Entered<'_> {
    fn leave(self, py: Python<'_>, error: Option<&PyErr>) -> PyResult<()> {
        if let Some(error) = error {
            let text = error_text(py, error);
            self.scope.get().record(|recording| recording.fail(text));
        }
        self.scope.get().end();
        current::set(py, self.outer.as_ref())?;
        match self.application {
            Some(application) => self.protocol.setattr(intern!(py, "application"), application),
            None => Ok(()),
        }
    }
}

/// The application, watched: being no Python function, it leaves no frame in tracebacks and 500 bodies.
#[pyclass(frozen, module = "spanlet._native")]
struct Application {
    inner: Py<PyAny>,
    scope: Py<Scope>,
}

#[pymethods]
impl Application {
    fn __call__<'py>(
        &self,
        environ: &Bound<'py, PyAny>,
        start_response: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let result =
            call(self.inner.bind(environ.py()), self.scope.bind(environ.py()), environ, start_response)?;
        Ok(guarded(environ.py(), || body::watch(&result, &self.scope, environ, false))?.unwrap_or(result))
    }
}

/// Calls an application, noting the status it starts its response with and what it raises.
pub fn call<'py>(
    application: &Bound<'py, PyAny>,
    scope: &Bound<'py, Scope>,
    environ: &Bound<'py, PyAny>,
    start_response: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let watched = StartResponse { inner: start_response.clone().unbind(), scope: scope.clone().unbind() };
    application.call1((environ, watched)).inspect_err(|error| failed(scope.get(), environ, error))
}

/// Records what an application raised. While no header is sent, servers turn an exception into a 500.
pub fn failed(scope: &Scope, environ: &Bound<'_, PyAny>, error: &PyErr) {
    let py = environ.py();
    let text = error_text(py, error);
    let answered = headers_sent(environ).unwrap_or(false);
    scope.record(|recording| {
        recording.fail(text);
        match answered {
            true => {}
            false if is_answered_with_500(py, error) => recording.set_status(500),
            false => recording.set_status(0),
        }
    });
}

fn headers_sent(environ: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = environ.py();
    environ.get_item(intern!(py, "eventlet.input"))?.getattr(intern!(py, "headers_sent"))?.is_truthy()
}

/// eventlet.wsgi catches `Exception` and its own `Timeout`; what else is raised ends the connection unanswered.
fn is_answered_with_500(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyException>(py)
        || py
            .import("eventlet.timeout")
            .and_then(|module| module.getattr("Timeout"))
            .is_ok_and(|timeout| error.is_instance(py, &timeout))
}

/// `start_response`, watched.
#[pyclass(frozen, module = "spanlet._native")]
struct StartResponse {
    inner: Py<PyAny>,
    scope: Py<Scope>,
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let write = self.inner.bind(args.py()).call(args, kwargs)?;
        let status =
            args.get_item(0).ok().and_then(|status| status.cast::<PyString>().ok().and_then(status_code));
        if let Some(status) = status {
            self.scope.get().record(|recording| recording.set_status(status));
        }
        Ok(write)
    }
}

fn status_code(status: &Bound<'_, PyString>) -> Option<u16> {
    status.to_str().ok()?.split(' ').next()?.parse().ok()
}

fn text(environ: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> Option<PyBackedStr> {
    environ.get_item(key).ok()??.extract().ok()
}

fn header_key<'py>(py: Python<'py>, name: &'static str) -> &'py Bound<'py, PyString> {
    match name {
        b3::TRACE_ID => intern!(py, "HTTP_X_B3_TRACEID"),
        b3::SPAN_ID => intern!(py, "HTTP_X_B3_SPANID"),
        b3::PARENT_SPAN_ID => intern!(py, "HTTP_X_B3_PARENTSPANID"),
        b3::SAMPLED => intern!(py, "HTTP_X_B3_SAMPLED"),
        _ => intern!(py, "HTTP_X_B3_FLAGS"),
    }
}

/// Returns the path as sent, without the query, which may hold secrets.
fn path(environ: &Bound<'_, PyDict>) -> String {
    let py = environ.py();
    if let Some(raw) = text(environ, intern!(py, "RAW_PATH_INFO")) {
        return path_of(&raw).to_owned();
    }
    let part = |key| text(environ, key);
    let (script, info) = (part(intern!(py, "SCRIPT_NAME")), part(intern!(py, "PATH_INFO")));
    [script.as_deref().unwrap_or(""), info.as_deref().unwrap_or("")].concat()
}

/// Returns the path of a request target: no query, and no `http://host` of requests to proxies.
pub fn path_of(target: &str) -> &str {
    let target = target.split(['?', '#']).next().unwrap_or(target);
    match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => target,
    }
}

/// Returns the name of a span, without an allocation for the usual methods.
pub fn method_name(method: &str) -> Cow<'static, str> {
    const USUAL: [&str; 7] = ["GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH"];
    match USUAL.into_iter().find(|usual| *usual == method) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(method.to_owned()),
    }
}
