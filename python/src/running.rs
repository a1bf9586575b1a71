//! What the application says and asks about its running code. None of it raises.

use pyo3::prelude::*;

use crate::current;
use crate::guard::guarded;
use crate::scope::{Scope, text_of};

/// Adds an annotation to the current span, if any.
#[pyfunction]
pub fn annotate(value: &Bound<'_, PyAny>) -> PyResult<()> {
    recorded(value.py(), |scope| text_of(value).map(|text| scope.add_annotation(text, None)))
}

/// Sets a tag of the current span, if any.
#[pyfunction]
pub fn tag(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    recorded(key.py(), |scope| {
        scope.add_tag(text_of(key)?, text_of(value)?);
        Ok(())
    })
}

/// Returns the scope of the running code.
#[pyfunction(name = "current")]
pub fn current_scope(py: Python<'_>) -> PyResult<Option<Bound<'_, Scope>>> {
    guarded(py, || current::get(py)).map(Option::flatten)
}

/// Makes another scope, or none, that of the running code.
#[pyfunction]
#[pyo3(signature = (scope))]
pub fn set_current(py: Python<'_>, scope: Option<&Bound<'_, Scope>>) -> PyResult<()> {
    guarded(py, || current::set(py, scope)).map(|_| ())
}

fn recorded(py: Python<'_>, work: impl FnOnce(&Scope) -> PyResult<()>) -> PyResult<()> {
    guarded(py, || match current::get(py)?.filter(|scope| scope.get().context.sampled) {
        Some(scope) => work(scope.get()),
        None => Ok(()),
    })
    .map(|_| ())
}
