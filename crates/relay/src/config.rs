//! What a relay is told when it starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use collector::sampler::Sampler;

use crate::far::Destination;
use crate::outgoing::Outgoing;
use crate::redact::Redaction;
use crate::tail::Rules;

/// Everything a relay needs to know, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the scribe door is.
    pub scribe_listen: Option<SocketAddr>,
    /// Where the door of fluentd's forward protocol is.
    pub forward_listen: Option<SocketAddr>,
    /// Where the HTTP, gRPC and OTLP doors are, and health and figures.
    pub http_listen: SocketAddr,
    /// Where spans go.
    pub to: Vec<Destination>,
    /// What several destinations mean.
    pub delivery: Delivery,
    /// How HTTP destinations are spoken to.
    pub outgoing: Outgoing,
    /// Servers that are told of this relay though they do not ask, as `http://HOST:PORT`.
    pub announce_to: Vec<String>,
    /// How it is called there; nothing: by the name of the machine and its HTTP port.
    pub name: Option<String>,
    /// What happens when they fail.
    pub retry: Retry,
    /// The buffer on disk.
    pub spool: Spool,
    /// Most bytes of messages that all doors together hold in memory.
    pub in_flight_bytes_max: usize,
    /// Which traces are passed on.
    pub sampler: Sampler,
    /// Values of tags that are taken out.
    pub redaction: Redaction,
    /// Which traces are passed on, of those that are whole.
    pub tail: Option<Rules>,
}

/// What several destinations mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Each gets every span (fluentd's word).
    Copy,
    /// The first that lives gets them (the word of OpenTelemetry's failover connector).
    Failover,
}

/// When a call is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// The first wait; each further one is twice as long, and half of each is random.
    pub wait: Duration,
    /// The longest wait.
    pub max_wait: Duration,
    /// Spans older than this are given up when a try fails, and become dead letters; nothing: they never are.
    pub max_age: Option<Duration>,
    /// How long one try may take.
    pub timeout: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            wait: Duration::from_millis(100),
            max_wait: Duration::from_secs(30),
            max_age: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// The settings of the buffer on disk.
#[derive(Clone, Debug)]
pub struct Spool {
    /// Where it is.
    pub data_dir: PathBuf,
    /// What came is sent on when it has this many bytes.
    pub chunk_limit_bytes: u64,
    /// What came is sent on after this time at the latest.
    pub flush_interval: Duration,
    /// Most bytes of spans on disk.
    pub disk_limit_bytes: u64,
    /// What happens beyond.
    pub overflow: Overflow,
    /// Most bytes of dead letters on disk; beyond, the oldest go.
    pub dead_letter_limit_bytes: u64,
}

/// What happens when the disk limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Senders are told to try again later.
    Block,
    /// The oldest spans are dropped, and counted.
    DropOldest,
}

impl Spool {
    /// Returns the usual settings for a directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            chunk_limit_bytes: 8 << 20,
            flush_interval: Duration::from_secs(1),
            disk_limit_bytes: 8 << 30,
            overflow: Overflow::Block,
            dead_letter_limit_bytes: 256 << 20,
        }
    }
}

/// Returns a sampler that keeps this share of all traces.
pub fn sampler(rate: f32) -> Result<Sampler, collector::sampler::BadRate> {
    Sampler::new(rate)
}
