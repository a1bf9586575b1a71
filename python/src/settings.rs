//! From the settings that Python has checked to the tracer's configuration.

use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tracer::{Config, ConfigError, Destination, Encoding, Hook, Peer, Propagation, Request, Rule};

use crate::guard::guarded;

/// What `Tracer` is made of, by the names of `spanlet/_settings.py`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Settings {
    endpoint: String,
    encoding: String,
    gzip: bool,
    token: Option<String>,
    headers: Vec<(String, String)>,
    ca_file: Option<PathBuf>,
    pub service_name: String,
    propagation: String,
    sampling_rate: f64,
    sampling_rules: Vec<(String, f64)>,
    sampler: Option<Py<PyAny>>,
    traces_per_second: Option<f64>,
    trace_id_128: bool,
    /// The names of query parameters whose values are recorded; none leaves the query out.
    pub query_keys: Option<Vec<String>>,
    queue_spans_max: usize,
    queue_bytes_max: usize,
}

impl Settings {
    /// Returns the configuration, or an error that says which setting cannot be meant.
    pub fn config(self) -> PyResult<Config> {
        let wrong = |error: ConfigError| PyValueError::new_err(error.to_string());
        let Some(encoding) = Encoding::from_name(&self.encoding) else {
            return Err(PyValueError::new_err(format!(
                "encoding {:?} is none of json, proto3, thrift and otlp",
                self.encoding
            )));
        };
        let mut destination = Destination::parse(&self.endpoint, encoding).map_err(wrong)?;
        if let Destination::Http(http) = &mut destination {
            http.gzip = self.gzip;
            http.headers.extend(self.headers);
            if let Some(token) = self.token {
                http.headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
            }
            if let Peer::Tls { ca_file, .. } = &mut http.peer {
                *ca_file = self.ca_file;
            }
        }
        let config = Config {
            service_name: self.service_name,
            destination,
            propagation: Propagation::parse(&self.propagation).map_err(wrong)?,
            sampling_rate: self.sampling_rate,
            sampling_rules: self.sampling_rules.iter().map(|(path, rate)| Rule::new(path, *rate)).collect(),
            sampling_hook: self.sampler.map(hook),
            traces_per_second: self.traces_per_second,
            trace_id_128: self.trace_id_128,
            queue_spans_max: self.queue_spans_max,
            queue_bytes_max: self.queue_bytes_max,
            ..Config::default()
        };
        config.check().map_err(wrong)?;
        Ok(config)
    }
}

/// Wraps `sampler(method, path)`, which says True, False, or None to leave it to rules and rate.
fn hook(sampler: Py<PyAny>) -> Hook {
    Hook::new(move |request: &Request| {
        Python::attach(|py| {
            let decide = || sampler.bind(py).call1((request.method.as_ref(), &request.path))?.extract();
            // What is no exception of ours to count (an interrupt) cannot pass from here: it is asked again at the
            // next bytecode, and the request goes by the rate.
            guarded(py, decide).ok().flatten().flatten()
        })
    })
}
