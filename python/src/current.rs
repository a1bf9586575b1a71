//! The scope that the running code belongs to: one context variable, which green threads inherit.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::scope::Scope;

struct Variable {
    get: Py<PyAny>,
    set: Py<PyAny>,
    context_class: Py<PyAny>,
}

static VARIABLE: PyOnceLock<Variable> = PyOnceLock::new();

fn variable(py: Python<'_>) -> PyResult<&Variable> {
    VARIABLE.get_or_try_init(py, || {
        let contextvars = py.import("contextvars")?;
        let options = PyDict::new(py);
        options.set_item("default", py.None())?;
        let variable = contextvars.getattr("ContextVar")?.call(("spanlet",), Some(&options))?;
        Ok(Variable {
            get: variable.getattr("get")?.unbind(),
            set: variable.getattr("set")?.unbind(),
            context_class: contextvars.getattr("Context")?.unbind(),
        })
    })
}

/// Returns the current scope.
pub fn get(py: Python<'_>) -> PyResult<Option<Bound<'_, Scope>>> {
    let value = variable(py)?.get.bind(py).call0()?;
    Ok(value.cast_into::<Scope>().ok())
}

/// Makes another scope, or none, the current one.
pub fn set(py: Python<'_>, scope: Option<&Bound<'_, Scope>>) -> PyResult<()> {
    variable(py)?.set.bind(py).call1((scope,))?;
    Ok(())
}

/// Hands our variable, and nothing else, to a greenlet that has not started: they start with an empty context.
pub fn inherit(greenlet: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = greenlet.py();
    let Some(scope) = get(py)? else { return Ok(()) };
    let variable = variable(py)?;
    let context = variable.context_class.bind(py).call0()?;
    context.call_method1("run", (variable.set.bind(py), scope))?;
    greenlet.setattr("gr_context", context)
}
