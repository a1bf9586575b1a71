//! Stands in for a function of a class or module. Written here, not in Python, so that no frame shows in tracebacks.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::carry;
use crate::client;
use crate::current;
use crate::guard::guarded;
use crate::log;
use crate::request;

/// What a hook does. The names are those of the table in `spanlet/_patches.py`.
#[derive(Clone, Copy)]
enum Point {
    HandleOneResponse,
    PutRequest,
    PutHeader,
    EndHeaders,
    Begin,
    Close,
    /// The greenlet that was made, or is about to be started, inherits the scope: `__init__`'s self, the first
    /// argument, the result, or the second of two results.
    InheritSelf,
    InheritArgument,
    InheritResult,
    InheritSecond,
    /// The function that is handed over takes the scope along: by its place among the arguments.
    Carry(usize),
    /// So does the thread that is started.
    CarryThread,
    Annotate,
    Identify,
}

const POINTS: [(&str, Point); 15] = [
    ("handle_one_response", Point::HandleOneResponse),
    ("putrequest", Point::PutRequest),
    ("putheader", Point::PutHeader),
    ("endheaders", Point::EndHeaders),
    ("begin", Point::Begin),
    ("close", Point::Close),
    ("inherit self", Point::InheritSelf),
    ("inherit argument", Point::InheritArgument),
    ("inherit result", Point::InheritResult),
    ("inherit second", Point::InheritSecond),
    ("carry first", Point::Carry(0)),
    ("carry second", Point::Carry(1)),
    ("carry thread", Point::CarryThread),
    ("annotate", Point::Annotate),
    ("identify", Point::Identify),
];

/// A function, with our work before and after it.
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
    fn new(point: &str, original: Py<PyAny>) -> PyResult<Self> {
        match POINTS.iter().find(|(name, _)| *name == point) {
            Some((_, point)) => Ok(Self { original, point: *point, active: AtomicBool::new(true) }),
            None => Err(PyValueError::new_err(format!("no hook does {point}"))),
        }
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
        match self.point {
            Point::Carry(at) => return carry::argument(original, args, kwargs, at),
            Point::InheritResult => return after(py, call, |result| current::inherit(result)),
            Point::InheritSecond => return after(py, call, |pair| current::inherit(&pair.get_item(1)?)),
            Point::Identify => return after(py, call, |record| log::identify(record)),
            _ => {}
        }
        let instance = args.get_item(0).map_err(|_| PyTypeError::new_err("called without its instance"))?;
        self.method(&instance, args, kwargs, call)
    }
}

impl Hook {
    fn method(
        &self,
        instance: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        call: impl FnOnce() -> PyResult<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let py = args.py();
        match self.point {
            Point::HandleOneResponse => request::handle_one_response(instance, call),
            Point::PutRequest => after(py, call, |_| client::prepare(instance, args, kwargs)),
            Point::PutHeader => match guarded(py, || client::replaces(instance, args, kwargs))? {
                Some(true) => Ok(py.None()),
                _ => call(),
            },
            Point::EndHeaders => client::send(instance, call),
            Point::Begin => client::receive(instance, call),
            Point::Close => {
                guarded(py, || client::close(instance))?;
                call()
            }
            Point::InheritSelf => after(py, call, |_| current::inherit(instance)),
            Point::InheritArgument => {
                guarded(py, || current::inherit(&args.get_item(1)?))?;
                call()
            }
            Point::CarryThread => {
                guarded(py, || carry::thread(instance))?;
                call()
            }
            Point::Annotate => after(py, call, |_| log::annotate(instance, args)),
            // Handled where no instance is needed.
            Point::Carry(_) | Point::InheritResult | Point::InheritSecond | Point::Identify => call(),
        }
    }
}

/// Runs the original, then our work on its result if that went well.
fn after<'py>(
    py: Python<'py>,
    call: impl FnOnce() -> PyResult<Py<PyAny>>,
    work: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<Py<PyAny>> {
    let result = call()?;
    guarded(py, || work(result.bind(py)))?;
    Ok(result)
}
