//! What a server is told when it starts: checked values, one struct for each part.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of the embedded engine.
pub use columnar::Config as Embedded;

/// The settings of the collectors, and of the one that speaks scribe.
pub use collector::{body::Limits, doors::Config as Doors, sampler::Sampler, scribe::Config as Scribe};

/// The settings of the query API and the page.
pub use api::config::{Config as Answers, Ui};

use crate::access::{Access, Scopes};

/// Everything a server needs to know, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// HTTP listeners; the first is the usual one, and what the others serve is not served there.
    pub http: Vec<HttpListener>,
    /// Where the scribe collector listens; nothing switches it off.
    pub scribe_listen: Option<SocketAddr>,
    /// Further listeners for OTLP over gRPC and over HTTP; nothing switches one off.
    pub otlp_listen: Otlp,
    /// Certificate and key of the HTTP listeners; without them they speak plainly.
    pub tls: Option<Tls>,
    /// Who may do what.
    pub access: Access,
    /// What HTTP connections are granted.
    pub connections: Connections,
    /// Where spans are kept.
    pub store: Store,
    /// How long a store that would write a value of `api.autocomplete_keys` again need not.
    pub autocomplete_ttl: Duration,
    /// Whether a trace id is all of its 32 digits.
    pub strict_trace_id: bool,
    /// Most bytes of traces that a store gathers for one answer.
    pub answer_bytes_max: usize,
    /// Which doors are open, and what they grant.
    pub doors: Doors,
    /// What the scribe door grants.
    pub scribe: Scribe,
    /// Whether scribe is encrypted too.
    pub scribe_tls: bool,
    /// What the query API and the page do.
    pub api: Answers,
    /// Own spans about answers; nothing switches them off.
    pub self_tracing: Option<SelfTracing>,
}

/// One HTTP listener.
#[derive(Clone, Debug)]
pub struct HttpListener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its name: `http`, `ingest`, `query` or `admin`.
    pub name: &'static str,
    /// What is served there.
    pub scopes: Scopes,
}

/// The extra listeners for OTLP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Otlp {
    /// For gRPC.
    pub grpc: Option<OtlpListener>,
    /// For HTTP.
    pub http: Option<OtlpListener>,
}

/// One extra listener for OTLP.
#[derive(Clone, Copy, Debug)]
pub struct OtlpListener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether somebody chose the address: then a taken one is an error, else a warning.
    pub chosen: bool,
}

/// Files for TLS, PEM each.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Authorities of client certificates.
    pub client_ca: Option<PathBuf>,
}

/// What the HTTP connections of a listener are granted.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Most connections of one listener.
    pub connections_max: usize,
    /// Time for the head of a request, and for a TLS handshake.
    pub header_time_max: Duration,
    /// Time for the body of a request.
    pub body_time_max: Duration,
    /// Time in which nothing comes or goes.
    pub idle_time_max: Duration,
    /// Size of the head of a request.
    pub header_bytes_max: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams_max: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            header_time_max: Duration::from_secs(10),
            body_time_max: Duration::from_secs(60),
            idle_time_max: Duration::from_secs(120),
            header_bytes_max: 64 << 10,
            streams_max: 200,
        }
    }
}

/// Where spans are kept.
#[derive(Clone, Debug)]
pub enum Store {
    /// The embedded engine: durable, in a directory.
    Embedded(Embedded),
    /// In memory only: gone with the process.
    Memory {
        /// Above this many, whole oldest traces are forgotten.
        spans_max: usize,
    },
}

/// Own spans about answers.
#[derive(Clone, Copy, Debug)]
pub struct SelfTracing {
    /// Share of answers that is traced, 0.0 to 1.0.
    pub sample_rate: f64,
    /// Most traces begun in a second; nothing for no limit.
    pub traces_per_second: Option<u32>,
    /// How long spans are gathered before they are stored.
    pub flush_interval: Duration,
}
