//! Binds the tracer to Python: converts values, and wraps functions without leaving frames of ours in tracebacks.

mod body;
mod client;
mod current;
mod guard;
mod handle;
mod hook;
mod log;
mod middleware;
mod request;
mod running;
mod scope;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::handle::{Tracer, errors, install};
    #[pymodule_export]
    use crate::hook::Hook;
    #[pymodule_export]
    use crate::middleware::TracingMiddleware;
    #[pymodule_export]
    use crate::running::{annotate, current_scope, set_current, tag};
    #[pymodule_export]
    use crate::scope::Scope;
}
