//! Application logs as annotations of the current span.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

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
