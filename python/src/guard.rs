//! The one place where faults of tracing end: counted and remembered, never raised into the program.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

static ERRORS: AtomicU64 = AtomicU64::new(0);
static LAST_ERROR: Mutex<Option<String>> = Mutex::new(None);

/// Runs work of ours within a call of the program's. A fault gives nothing, and one more error in the statistics.
///
/// What is no `Exception` (an interrupt, a kill, an `eventlet.Timeout`) was meant for the program and passes.
pub fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<Option<T>> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(Some(value)),
        Ok(Err(error)) if !error.is_instance_of::<PyException>(py) => Err(error),
        Ok(Err(error)) => {
            count(error.to_string());
            Ok(None)
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            count(format!("panic: {}", text.or(panic.downcast_ref().copied()).unwrap_or("no message")));
            Ok(None)
        }
    }
}

/// Returns how many faults were swallowed, and the last one.
pub fn errors() -> (u64, Option<String>) {
    let last = LAST_ERROR.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (ERRORS.load(Ordering::Relaxed), last)
}

fn count(text: String) {
    ERRORS.fetch_add(1, Ordering::Relaxed);
    *LAST_ERROR.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
}
