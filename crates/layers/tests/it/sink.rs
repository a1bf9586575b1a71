//! Spans are reported to a file, which is read back with the server's own decoder.

use std::path::PathBuf;
use std::time::Duration;

use model::batch::Batch;
use model::span::Span;
use spanlet_layers::Service;
use spanlet_layers::tracer::{Config, Destination, Propagation, Tracer};

/// A tracer whose spans can be looked at.
pub struct Sink {
    _folder: tempfile::TempDir,
    path: PathBuf,
    tracer: Tracer,
}

impl Sink {
    pub fn new() -> Self {
        Self::at_rate(1.0)
    }

    pub fn at_rate(sampling_rate: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spans");
        let destination = Destination::File { path: path.clone(), bytes_max: 1 << 20 };
        let propagation = Propagation::parse("b3multi,tracecontext,baggage").unwrap();
        let tracer = Tracer::new(Config { destination, sampling_rate, propagation, ..Config::default() });
        Self { _folder: folder, path, tracer }
    }

    pub fn service(&self, name: &str) -> Service {
        Service::new(self.tracer.clone(), name)
    }

    pub fn finished(&self) -> u64 {
        self.tracer.stats().finished
    }

    /// Returns all spans, by their names and services.
    pub fn spans(&self) -> Vec<Span> {
        assert!(self.tracer.flush(Duration::from_secs(20)));
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let mut batch = Batch::new();
        text.lines().for_each(|line| wire::json_v2::decode_list(line.as_bytes(), &mut batch).unwrap());
        batch.rows().map(|row| row.to_span()).collect()
    }
}

/// Returns the one span of a name.
pub fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.name.as_deref() == Some(name));
    let span = found.next().unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
    assert!(found.next().is_none(), "more than one {name}");
    span
}
