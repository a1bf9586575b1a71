//! Application logs: as annotations of the current span, and with the ids of where they were written.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::current;
use crate::scope::text_of;

/// Annotates what `Logger.callHandlers` was given: a record that no filter has rejected.
pub fn annotate(logger: &Bound<'_, PyAny>, args: &Bound<'_, PyTuple>) -> PyResult<()> {
    let py = logger.py();
    let Some(scope) = current::get(py)?.filter(|scope| scope.get().context.sampled) else { return Ok(()) };
    let name = logger.getattr(intern!(py, "name"))?;
    let name = name.cast::<PyString>()?.to_string_lossy();
    // Our own words about tracing are no part of the application's story.
    if name == "spanlet" || name.starts_with("spanlet.") {
        return Ok(());
    }
    let message = args.get_item(1)?.call_method0(intern!(py, "getMessage"))?;
    scope.get().add_annotation(text_of(&message)?, None);
    Ok(())
}

/// After `Logger.makeRecord`: sets `trace_id` and `span_id`, empty outside of a trace, unless the application does.
/// Not sooner: logging refuses values of the application's under names that a record has already.
pub fn identify(record: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = record.py();
    let fields = record.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?;
    let (trace_id, span_id) = match current::get(py)? {
        Some(scope) => (scope.get().context.trace_id.to_string(), scope.get().context.span_id.to_string()),
        None => Default::default(),
    };
    for (name, id) in [(intern!(py, "trace_id"), trace_id), (intern!(py, "span_id"), span_id)] {
        if !fields.contains(name)? {
            fields.set_item(name, id)?;
        }
    }
    Ok(())
}
