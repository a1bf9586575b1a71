//! A response body, watched for what it raises on the way out.

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};

use crate::carry;
use crate::request;
use crate::scope::Scope;

/// Says whether a body is whole already, as lists and tuples are: iterating them raises nothing.
pub fn is_whole(body: &Bound<'_, PyAny>) -> bool {
    body.is_exact_instance_of::<PyList>() || body.is_exact_instance_of::<PyTuple>()
}

/// Watches a body. One that is whole passes unchanged.
pub fn watch<'py>(
    body: &Bound<'py, PyAny>,
    scope: &Py<Scope>,
    environ: &Bound<'py, PyAny>,
    ends_scope: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = body.py();
    if is_whole(body) {
        return Ok(body.clone());
    }
    let body = Body {
        inner: body.clone().unbind(),
        scope: scope.clone_ref(py),
        environ: environ.clone().unbind(),
        ends_scope,
    };
    Ok(Bound::new(py, body)?.into_any())
}

/// Stands for the application's iterable; what it has besides, such as `__len__`, shows through.
#[pyclass(frozen, module = "spanlet._native")]
struct Body {
    inner: Py<PyAny>,
    scope: Py<Scope>,
    environ: Py<PyAny>,
    /// The body is all that is left of the request: its span ends here, and it is iterated in its scope.
    ends_scope: bool,
}

#[pymethods]
impl Body {
    fn __iter__(&self, py: Python<'_>) -> PyResult<Chunks> {
        let iter = || self.inner.bind(py).try_iter();
        let inner = self.in_scope(py, iter).inspect_err(|error| self.failed(py, error))?;
        Ok(Chunks {
            inner: inner.into_any().unbind(),
            scope: self.scope.clone_ref(py),
            environ: self.environ.clone_ref(py),
            in_scope: self.ends_scope,
        })
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(py).getattr(name)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let closed = match self.inner.bind(py).getattr_opt("close")? {
            Some(close) => {
                let close = || close.call0().map(|_| ());
                self.in_scope(py, close).inspect_err(|error| self.failed(py, error))
            }
            None => Ok(()),
        };
        if self.ends_scope {
            self.scope.get().end();
        }
        closed
    }
}

impl Body {
    fn in_scope<T>(&self, py: Python<'_>, run: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
        in_scope(py, self.ends_scope, &self.scope, run)
    }

    fn failed(&self, py: Python<'_>, error: &PyErr) {
        request::failed(self.scope.get(), self.environ.bind(py), error);
    }
}

impl Drop for Body {
    /// A server that never closes its bodies still ends the span.
    fn drop(&mut self) {
        if self.ends_scope {
            self.scope.get().end();
        }
    }
}

/// One pass over a body.
#[pyclass(frozen, module = "spanlet._native")]
struct Chunks {
    inner: Py<PyAny>,
    scope: Py<Scope>,
    environ: Py<PyAny>,
    in_scope: bool,
}

#[pymethods]
impl Chunks {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut inner = self.inner.bind(py).cast::<PyIterator>()?.clone();
        in_scope(py, self.in_scope, &self.scope, || inner.next().transpose())
            .inspect_err(|error| request::failed(self.scope.get(), self.environ.bind(py), error))
    }
}

/// Runs a part of a body, in its request's scope where the server no longer is.
fn in_scope<T>(
    py: Python<'_>,
    enters: bool,
    scope: &Py<Scope>,
    run: impl FnOnce() -> PyResult<T>,
) -> PyResult<T> {
    if enters { carry::within(py, Some(scope.bind(py)), run) } else { run() }
}
