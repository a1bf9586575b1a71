//! Stands in a class for one of its functions. Written here, not in Python, so that no frame shows in tracebacks.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::client;
use crate::current;
use crate::guard::guarded;
use crate::log;
use crate::request;

/// Which function a hook stands for.
#[derive(Clone, Copy)]
enum Point {
    HandleOneResponse,
    PutRequest,
    PutHeader,
    EndHeaders,
    Begin,
    Close,
    GreenThreadInit,
    CallHandlers,
}

/// A function of a class, with our work before and after it.
#[pyclass(frozen, module = "spanlet._native")]
pub struct Hook {
    original: Py<PyAny>,
    point: Point,
    active: AtomicBool,
}

static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();

#[pymethods]
impl Hook {
    #[new]
    fn new(name: &str, original: Py<PyAny>) -> PyResult<Self> {
        let point = match name {
            "handle_one_response" => Point::HandleOneResponse,
            "putrequest" => Point::PutRequest,
            "putheader" => Point::PutHeader,
            "endheaders" => Point::EndHeaders,
            "begin" => Point::Begin,
            "close" => Point::Close,
            "__init__" => Point::GreenThreadInit,
            "callHandlers" => Point::CallHandlers,
            _ => return Err(PyValueError::new_err(format!("no hook for {name}"))),
        };
        Ok(Self { original, point, active: AtomicBool::new(true) })
    }

    /// The function it stands for.
    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.original.clone_ref(py)
    }

    /// Makes it do what the original does and no more: another patch over it may keep it alive.
    fn retire(&self) {
        self.active.store(false, Ordering::Relaxed);
    }

    fn __get__<'py>(
        slf: Bound<'py, Self>,
        instance: Option<Bound<'py, PyAny>>,
        _class: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(instance) = instance else { return Ok(slf.into_any()) };
        METHOD.import(slf.py(), "types", "MethodType")?.call1((slf, instance))
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.original.bind(py).getattr(name)
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(&self, args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
        let py = args.py();
        let original = self.original.bind(py);
        let call = || original.call(args, kwargs).map(Bound::unbind);
        if !self.active.load(Ordering::Relaxed) {
            return call();
        }
        let instance = args.get_item(0).map_err(|_| PyTypeError::new_err("called without its instance"))?;
        match self.point {
            Point::HandleOneResponse => request::handle_one_response(&instance, call),
            Point::PutRequest => after(py, call, || client::prepare(&instance, args, kwargs)),
            Point::PutHeader => match guarded(py, || client::replaces(&instance, args, kwargs))? {
                Some(true) => Ok(py.None()),
                _ => call(),
            },
            Point::EndHeaders => client::send(&instance, call),
            Point::Begin => client::receive(&instance, call),
            Point::Close => {
                guarded(py, || client::close(&instance))?;
                call()
            }
            Point::GreenThreadInit => after(py, call, || current::inherit(&instance)),
            Point::CallHandlers => after(py, call, || log::annotate(&instance, args)),
        }
    }
}

/// Runs the original, then our work if that went well.
fn after(
    py: Python<'_>,
    call: impl FnOnce() -> PyResult<Py<PyAny>>,
    work: impl FnOnce() -> PyResult<()>,
) -> PyResult<Py<PyAny>> {
    let result = call()?;
    guarded(py, work)?;
    Ok(result)
}
