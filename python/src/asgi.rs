//! Requests as ASGI has them. The middleware itself is Python's: it awaits.

use std::borrow::Cow;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use tracer::{b3, b3_single, traceparent};

use crate::current;
use crate::guard::guarded;
use crate::request::{method_name, path_of};
use crate::scope::Scope;
use crate::source::{self, End, Source};

/// The headers that are looked at, in lower case as ASGI has them.
const NAMES: [&str; 9] = [
    b3_single::B3,
    b3::TRACE_ID,
    b3::SPAN_ID,
    b3::PARENT_SPAN_ID,
    b3::SAMPLED,
    b3::FLAGS,
    traceparent::TRACEPARENT,
    traceparent::TRACESTATE,
    traceparent::BAGGAGE,
];

type Entered<'py> = (Bound<'py, Scope>, Option<Bound<'py, Scope>>);

/// Opens the scope of an ASGI request and makes it current. Returns it and the one before; None when no tracer is
/// installed, or the request has a scope already.
#[pyfunction]
pub fn enter_asgi<'py>(asgi: &Bound<'py, PyAny>) -> PyResult<Option<Entered<'py>>> {
    let py = asgi.py();
    let enter = || {
        let asgi = asgi.cast::<PyDict>()?;
        // Frameworks copy this dictionary on the way in, so what is in it tells two layers of ours apart.
        let mark = intern!(py, "spanlet.traced");
        if asgi.contains(mark)? {
            return Ok(None);
        }
        let Some(scope) = source::open(py, &Asgi::new(asgi)?)? else { return Ok(None) };
        asgi.set_item(mark, true)?;
        let outer = current::get(py)?;
        current::set(py, Some(&scope))?;
        Ok(Some((scope, outer)))
    };
    guarded(py, enter).map(Option::flatten)
}

/// Notes the status of the response.
#[pyfunction]
pub fn status_of(scope: &Bound<'_, Scope>, status: u16) {
    scope.get().record(|recording| recording.set_status(status));
}

struct Asgi<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    headers: [Option<String>; NAMES.len()],
}

impl<'a, 'py> Asgi<'a, 'py> {
    fn new(dict: &'a Bound<'py, PyDict>) -> PyResult<Self> {
        let mut headers = [const { None }; NAMES.len()];
        if let Some(pairs) = dict.get_item(intern!(dict.py(), "headers"))? {
            for pair in pairs.try_iter()? {
                let (name, value): (PyBackedBytes, PyBackedBytes) = pair?.extract()?;
                let known = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(&name));
                if let Some(slot) = known.and_then(|at| headers.get_mut(at)) {
                    let value = String::from_utf8_lossy(&value);
                    // Fields of one name are one list (RFC 9110, 5.3); for those that are no lists this spoils them.
                    *slot = Some(match slot.take() {
                        Some(before) => format!("{before},{value}"),
                        None => value.into_owned(),
                    });
                }
            }
        }
        Ok(Self { dict, headers })
    }

    fn item(&self, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
        self.dict.get_item(name).ok()?
    }

    fn bytes(&self, name: &Bound<'py, PyString>) -> Option<String> {
        let bytes = self.item(name)?.cast_into::<PyBytes>().ok()?;
        Some(String::from_utf8_lossy(bytes.as_bytes()).into_owned())
    }

    fn end(&self, name: &Bound<'py, PyString>) -> End {
        // Servers give a list or a tuple; a unix socket is (path, None).
        let end = self.item(name).and_then(|end| match end.cast::<PyList>() {
            Ok(list) => Some(list.to_tuple().into_any()),
            Err(_) => Some(end).filter(|end| !end.is_none()),
        });
        let Some(end) = end else { return (None, None) };
        (
            end.get_item(0).ok().and_then(|host| host.extract().ok()),
            end.get_item(1).ok().and_then(|p| p.extract().ok()),
        )
    }
}

impl Source for Asgi<'_, '_> {
    type Text = String;

    fn header(&self, name: &'static str) -> Option<String> {
        let at = NAMES.iter().position(|known| *known == name)?;
        self.headers.get(at)?.clone()
    }

    fn method(&self) -> Cow<'static, str> {
        // A websocket's handshake has none: it is a GET.
        let method =
            self.item(intern!(self.dict.py(), "method")).and_then(|method| method.extract::<String>().ok());
        method.map_or(Cow::Borrowed("GET"), |method| method_name(&method))
    }

    fn path(&self) -> String {
        let py = self.dict.py();
        if let Some(raw) = self.bytes(intern!(py, "raw_path")) {
            return path_of(&raw).to_owned();
        }
        self.item(intern!(py, "path")).and_then(|path| path.extract().ok()).unwrap_or_default()
    }

    fn query(&self) -> String {
        self.bytes(intern!(self.dict.py(), "query_string")).unwrap_or_default()
    }

    fn local(&self) -> End {
        self.end(intern!(self.dict.py(), "server"))
    }

    fn remote(&self) -> End {
        self.end(intern!(self.dict.py(), "client"))
    }
}
