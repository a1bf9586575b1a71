//! What a request is, whatever interface it came by; and the scope it opens.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::prelude::*;
use tracer::{Kind, Request};

use crate::handle;
use crate::scope::Scope;

/// A host and a port, as far as they are known.
pub type End = (Option<String>, Option<u16>);

/// A request. Nothing but headers is asked for when it is not recorded.
pub trait Source {
    /// A header's value.
    type Text: AsRef<str>;

    fn header(&self, name: &'static str) -> Option<Self::Text>;
    fn method(&self) -> Cow<'static, str>;
    /// Without the query.
    fn path(&self) -> String;
    /// Without its question mark; empty when there is none.
    fn query(&self) -> String;
    fn local(&self) -> End;
    fn remote(&self) -> End;
}

/// Opens the scope of a request. Nothing when no tracer is installed.
pub fn open<'py>(py: Python<'py>, source: &impl Source) -> PyResult<Option<Bound<'py, Scope>>> {
    let Some(installed) = handle::installed() else { return Ok(None) };
    let tracer = &installed.tracer;
    let incoming = tracer.extract(|name| source.header(name));
    let request = || Some(Request { method: source.method(), path: source.path() });
    let context = tracer.join_or_start_request(incoming.caller, request);
    if !context.sampled {
        let scope = Scope::new(context, None, None, tracer.clone()).carrying(incoming.carried);
        return Bound::new(py, scope).map(Some);
    }
    let (ip, port) = source.local();
    let local = Arc::new(handle::endpoint(Some(installed.service_name.clone()), ip.as_deref(), port));
    let method = source.method();
    let mut span = tracer.start(context, Some(Kind::Server), method.clone(), &local);
    if let Some(span) = &mut span {
        let (ip, port) = source.remote();
        let remote = handle::endpoint(None, ip.as_deref(), port);
        if remote.ipv4.is_some() || remote.ipv6.is_some() {
            span.set_remote(remote);
        }
        span.tag("http.method", method.into_owned());
        let path = source.path();
        if let Some(shown) = &installed.query_keys {
            let query = source.query();
            let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
            span.tag("http.uri", tracer::redact(&target, shown));
        }
        span.tag("http.path", path);
    }
    let scope = Scope::new(context, span, Some(local), tracer.clone()).carrying(incoming.carried);
    Bound::new(py, scope).map(Some)
}
