//! Binds the tracer to Python: converts values, and wraps functions without leaving frames of ours in tracebacks.

mod asgi;
mod body;
mod carry;
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
mod settings;
mod source;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::asgi::{enter_asgi, status_of};
    #[pymodule_export]
    use crate::client::{Call, call};
    #[pymodule_export]
    use crate::handle::{Tracer, errors, install};
    #[pymodule_export]
    use crate::hook::Hook;
    #[pymodule_export]
    use crate::middleware::TracingMiddleware;
    #[pymodule_export]
    use crate::running::{annotate, current_scope, enter, leave, set_current, tag};
    #[pymodule_export]
    use crate::scope::Scope;
}
