//! Server spans: from a WSGI environ to a scope, and what the application's answer says about it.

use std::borrow::Cow;

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyString, PyTuple};
use tracer::{b3, b3_single, traceparent};

use crate::body;
use crate::current;
use crate::guard::guarded;
use crate::scope::{Scope, error_text};
use crate::source::{self, End, Source};

/// Opens the scope of a request. Nothing when no tracer is installed, or the outer scope is this request's.
pub fn open<'py>(
    environ: &Bound<'py, PyDict>,
    outer: Option<&Bound<'py, Scope>>,
) -> PyResult<Option<Bound<'py, Scope>>> {
    if outer.is_some_and(|outer| outer.get().is_of(environ)) {
        return Ok(None);
    }
    let scope = source::open(environ.py(), &Environ(environ))?;
    if let Some(scope) = &scope {
        scope.get().open_for(environ);
    }
    Ok(scope)
}

/// A request as WSGI has it.
struct Environ<'a, 'py>(&'a Bound<'py, PyDict>);

impl Environ<'_, '_> {
    fn text(&self, key: &Bound<'_, PyString>) -> Option<PyBackedStr> {
        self.0.get_item(key).ok()??.extract().ok()
    }

    fn end(&self, host: &Bound<'_, PyString>, port: &Bound<'_, PyString>) -> End {
        let port = self.text(port).and_then(|port| port.parse().ok());
        (self.text(host).map(|host| host.to_string()), port)
    }
}

impl Source for Environ<'_, '_> {
    type Text = PyBackedStr;

    fn header(&self, name: &'static str) -> Option<PyBackedStr> {
        self.text(header_key(self.0.py(), name))
    }

    fn method(&self) -> Cow<'static, str> {
        self.text(intern!(self.0.py(), "REQUEST_METHOD")).map_or(Cow::Borrowed("GET"), |m| method_name(&m))
    }

    /// As it was sent, where the server says so.
    fn path(&self) -> String {
        let py = self.0.py();
        if let Some(raw) = self.text(intern!(py, "RAW_PATH_INFO")) {
            return path_of(&raw).to_owned();
        }
        let (script, info) = (self.text(intern!(py, "SCRIPT_NAME")), self.text(intern!(py, "PATH_INFO")));
        [script.as_deref().unwrap_or(""), info.as_deref().unwrap_or("")].concat()
    }

    fn query(&self) -> String {
        self.text(intern!(self.0.py(), "QUERY_STRING")).map(|query| query.to_string()).unwrap_or_default()
    }

    fn local(&self) -> End {
        let py = self.0.py();
        self.end(intern!(py, "SERVER_NAME"), intern!(py, "SERVER_PORT"))
    }

    fn remote(&self) -> End {
        let py = self.0.py();
        self.end(intern!(py, "REMOTE_ADDR"), intern!(py, "REMOTE_PORT"))
    }
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
    let outer = current::get(py)?;
    let Some(scope) = open(&environ, outer.as_ref())? else { return Ok(None) };
    let mut application = None;
    if scope.get().context.sampled {
        let name = intern!(py, "application");
        let inner = protocol.getattr(name)?;
        protocol
            .setattr(name, Application { inner: inner.clone().unbind(), scope: scope.clone().unbind() })?;
        application = Some(inner);
    }
    // A connection serves many requests in one green thread: each replaces the scope and puts the outer one back.
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

fn header_key<'py>(py: Python<'py>, name: &'static str) -> &'py Bound<'py, PyString> {
    match name {
        b3_single::B3 => intern!(py, "HTTP_B3"),
        b3::TRACE_ID => intern!(py, "HTTP_X_B3_TRACEID"),
        b3::SPAN_ID => intern!(py, "HTTP_X_B3_SPANID"),
        b3::PARENT_SPAN_ID => intern!(py, "HTTP_X_B3_PARENTSPANID"),
        b3::SAMPLED => intern!(py, "HTTP_X_B3_SAMPLED"),
        b3::FLAGS => intern!(py, "HTTP_X_B3_FLAGS"),
        traceparent::TRACEPARENT => intern!(py, "HTTP_TRACEPARENT"),
        traceparent::TRACESTATE => intern!(py, "HTTP_TRACESTATE"),
        _ => intern!(py, "HTTP_BAGGAGE"),
    }
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
