//! Server spans for any WSGI server: the same watching as a plain middleware.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::body;
use crate::current;
use crate::guard::guarded;
use crate::request;
use crate::scope::Scope;

/// Traces the requests of a WSGI application, with the tracer of `spanlet.init`.
#[pyclass(frozen, module = "spanlet._native")]
pub struct TracingMiddleware {
    application: Py<PyAny>,
}

#[pymethods]
impl TracingMiddleware {
    #[new]
    fn new(application: Py<PyAny>) -> Self {
        Self { application }
    }

    fn __call__<'py>(
        &self,
        environ: &Bound<'py, PyAny>,
        start_response: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = environ.py();
        let application = self.application.bind(py);
        let Some((scope, outer)) = guarded(py, || enter(environ))?.flatten() else {
            return application.call1((environ, start_response));
        };
        let result = match scope.get().context.sampled {
            true => request::call(application, &scope, environ, start_response),
            false => application.call1((environ, start_response)),
        };
        let left = guarded(py, || leave(&scope, outer.as_ref(), environ, result.as_ref().ok()))?.flatten();
        Ok(left.unwrap_or(result?))
    }
}

type Entered<'py> = (Bound<'py, Scope>, Option<Bound<'py, Scope>>);

fn enter<'py>(environ: &Bound<'py, PyAny>) -> PyResult<Option<Entered<'py>>> {
    let outer = current::get(environ.py())?;
    let Some(scope) = request::open(environ.cast::<PyDict>()?, outer.as_ref())? else { return Ok(None) };
    current::set(environ.py(), Some(&scope))?;
    Ok(Some((scope, outer)))
}

/// Puts the outer scope back. The span of a whole body ends; that of another one when it is closed.
fn leave<'py>(
    scope: &Bound<'py, Scope>,
    outer: Option<&Bound<'py, Scope>>,
    environ: &Bound<'py, PyAny>,
    result: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    current::set(environ.py(), outer)?;
    let watched = |body: &&Bound<'py, PyAny>| {
        !body::is_whole(body) && (scope.get().context.sampled || !is_file(body, environ))
    };
    match result.filter(watched) {
        Some(body) => body::watch(body, scope.as_unbound(), environ, true).map(Some),
        None => {
            scope.get().end();
            Ok(None)
        }
    }
}

/// Says whether a body is the server's own wrapper of a file, which it may send faster when it finds it as it was.
fn is_file(body: &Bound<'_, PyAny>, environ: &Bound<'_, PyAny>) -> bool {
    let wrapper = environ.get_item(intern!(environ.py(), "wsgi.file_wrapper"));
    wrapper.is_ok_and(|wrapper| body.get_type().is(&wrapper))
}
