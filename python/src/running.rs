//! What the application says and asks about its running code. None of it raises.

use std::sync::Arc;

use pyo3::prelude::*;
use tracer::{Caller, Kind};

use crate::current;
use crate::guard::guarded;
use crate::handle;
use crate::scope::{Scope, error_text, text_of};

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

/// Starts a span of the application's own below the current one, or a trace, and makes it current. Returns it and the
/// scope before; None without a tracer.
#[pyfunction]
#[pyo3(signature = (name, kind = None))]
pub fn enter<'py>(name: &Bound<'py, PyAny>, kind: Option<&str>) -> PyResult<Option<Entered<'py>>> {
    let py = name.py();
    let enter = || {
        let outer = current::get(py)?;
        let Some(scope) = below(outer.as_ref(), name, kind)? else { return Ok(None) };
        let scope = Bound::new(py, scope)?;
        current::set(py, Some(&scope))?;
        Ok(Some((scope, outer)))
    };
    guarded(py, enter).map(Option::flatten)
}

type Entered<'py> = (Bound<'py, Scope>, Option<Bound<'py, Scope>>);

fn below(
    outer: Option<&Bound<'_, Scope>>,
    name: &Bound<'_, PyAny>,
    kind: Option<&str>,
) -> PyResult<Option<Scope>> {
    let Some(installed) = handle::installed() else { return Ok(None) };
    let tracer = &installed.tracer;
    let context = match outer {
        Some(outer) => tracer.child(&outer.get().context),
        None => tracer.join_or_start(Caller::Absent),
    };
    let carried = outer.and_then(|outer| outer.get().carried.clone());
    if !context.sampled {
        return Ok(Some(Scope::new(context, None, None, tracer.clone()).carrying(carried)));
    }
    let local = outer.and_then(|outer| outer.get().local.as_ref()).unwrap_or(&installed.local);
    let span = tracer.start(context, kind.and_then(Kind::from_name), text_of(name)?, local);
    Ok(Some(Scope::new(context, span, Some(Arc::clone(local)), tracer.clone()).carrying(carried)))
}

/// Ends a scope that was entered, with what was raised in it, and makes the one before current again.
#[pyfunction]
#[pyo3(signature = (scope, outer, error))]
pub fn leave(
    py: Python<'_>,
    scope: &Bound<'_, Scope>,
    outer: Option<&Bound<'_, Scope>>,
    error: Option<Bound<'_, PyAny>>,
) -> PyResult<()> {
    guarded(py, || {
        if let Some(error) = error {
            let text = error_text(py, &PyErr::from_value(error));
            scope.get().record(|recording| recording.fail(text));
        }
        scope.get().end();
        current::set(py, outer)
    })
    .map(|_| ())
}
