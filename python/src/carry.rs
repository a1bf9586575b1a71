//! Takes the scope of the running code along to where a function will run: another thread, a pool, an executor.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::current;
use crate::guard::guarded;
use crate::scope::Scope;

/// A function that runs in the scope in which it was handed over.
#[pyclass(frozen, module = "spanlet._native")]
struct Carrier {
    function: Py<PyAny>,
    scope: Py<Scope>,
}

#[pymethods]
impl Carrier {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(&self, args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
        let py = args.py();
        let call = || self.function.bind(py).call(args, kwargs).map(Bound::unbind);
        within(py, Some(self.scope.bind(py)), call)
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(name)
    }

    // A thread that holds its own `run` is a circle, which only the collector undoes.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}

/// Before `Thread.start`: its `run` will run in this scope.
pub fn thread(thread: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = thread.py();
    let Some(scope) = current::get(py)? else { return Ok(()) };
    let run = intern!(py, "run");
    let carrier = Carrier { function: thread.getattr(run)?.unbind(), scope: scope.unbind() };
    thread.setattr(run, carrier)
}

/// Calls a function that will run one of its arguments elsewhere: that one runs in this scope.
///
/// Whatever else it starts does not, as the threads of a pool, which outlive the request.
pub fn argument(
    original: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    at: usize,
) -> PyResult<Py<PyAny>> {
    let py = args.py();
    let carried = guarded(py, || {
        let Some(scope) = current::get(py)? else { return Ok(None) };
        let Ok(function) = args.get_item(at) else { return Ok(None) };
        let carrier = Carrier { function: function.unbind(), scope: scope.unbind() };
        let args: Bound<'_, PyList> = args.to_list();
        args.set_item(at, carrier)?;
        Ok(Some(args.to_tuple()))
    })?
    .flatten();
    match carried {
        Some(args) => within(py, None, || original.call(&args, kwargs).map(Bound::unbind)),
        None => original.call(args, kwargs).map(Bound::unbind),
    }
}

/// Runs something in another scope, or none.
pub fn within<T>(
    py: Python<'_>,
    scope: Option<&Bound<'_, Scope>>,
    run: impl FnOnce() -> PyResult<T>,
) -> PyResult<T> {
    let outer = guarded(py, || {
        let outer = current::get(py)?;
        current::set(py, scope)?;
        Ok(outer)
    })?;
    let outcome = run();
    if let Some(outer) = outer {
        guarded(py, || current::set(py, outer.as_ref()))?;
    }
    outcome
}
