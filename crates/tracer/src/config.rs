//! What a tracer can be told, and the limits within which it must stay.

use std::fmt;
use std::time::Duration;

use crate::destination::Destination;
use crate::propagation::Propagation;
use crate::sampler::{Hook, Rule};

/// Settings of a tracer. Start from [`Config::default`] and change what differs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of this service; Zipkin lower-cases it.
    pub service_name: String,
    /// Where spans go.
    pub destination: Destination,
    /// How contexts are read from headers, and written to them.
    pub propagation: Propagation,
    /// Share of the traces started here that are recorded, 0 to 1.
    pub sampling_rate: f64,
    /// Shares of their own for some requests; the first that fits holds.
    pub sampling_rules: Vec<Rule>,
    /// The application's own decision, which comes before rules and rate.
    pub sampling_hook: Option<Hook>,
    /// Most traces started here that are recorded in a second, of those that rules and rate have chosen.
    pub traces_per_second: Option<f64>,
    /// Makes ids of new traces 128 bits long, the first 32 of them the time in seconds. Otherwise 64.
    pub trace_id_128: bool,
    /// Most spans that wait to be acknowledged; newer ones are dropped and counted.
    pub queue_spans_max: usize,
    /// Most bytes, roughly, of the spans that wait to be acknowledged.
    pub queue_bytes_max: usize,
    /// Spans are sent in calls of about this many bytes.
    pub batch_bytes_max: usize,
    /// How long the first span of a batch waits for others.
    pub tick: Duration,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the collector to take or answer one call.
    pub call_timeout: Duration,
    /// First pause after a failure; doubled, with jitter, after each further one.
    pub backoff_min: Duration,
    /// Longest pause after a failure.
    pub backoff_max: Duration,
    /// A batch that could not be delivered for this long is dropped and counted.
    pub batch_age_max: Duration,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigError {
    /// A sampling rate is not within 0 and 1.
    SamplingRate(f64),
    /// A limit of traces per second is not above zero.
    TracesPerSecond(f64),
    /// The URL is none that spans can be sent to; carries it, and why.
    Destination(String, &'static str),
    /// No format of headers has this name.
    Propagation(String),
    /// A text would break the requests it is put in; carries its name.
    Text(&'static str),
    /// A limit is zero, or too large for what it limits; carries its name.
    Limit(&'static str),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            service_name: String::new(),
            destination: Destination::default(),
            propagation: Propagation::default(),
            sampling_rate: 1.0,
            sampling_rules: Vec::new(),
            sampling_hook: None,
            traces_per_second: None,
            trace_id_128: false,
            queue_spans_max: 10_000,
            queue_bytes_max: 16 << 20,
            batch_bytes_max: 256 << 10,
            // Swift's workers die from SIGTERM without any hook: what is not sent by then is lost.
            tick: Duration::from_millis(100),
            connect_timeout: Duration::from_secs(1),
            call_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            batch_age_max: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// Largest call that is sent: what collectors take at least.
    const BATCH_BYTES_LIMIT: usize = 8 << 20;

    /// Says whether a tracer can be made of it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let rates = self.sampling_rules.iter().map(Rule::rate);
        for rate in rates.chain([self.sampling_rate]) {
            if !(0.0..=1.0).contains(&rate) {
                return Err(ConfigError::SamplingRate(rate));
            }
        }
        // Below one in a day people mean something else, and above one in a nanosecond there is no limit.
        if let Some(limit) = self.traces_per_second.filter(|limit| !(1e-5..=1e9).contains(limit)) {
            return Err(ConfigError::TracesPerSecond(limit));
        }
        self.destination.check()?;
        let limits = [
            ("queue_spans_max", self.queue_spans_max > 0),
            ("queue_bytes_max", self.queue_bytes_max > 0),
            ("batch_bytes_max", (1..=Self::BATCH_BYTES_LIMIT).contains(&self.batch_bytes_max)),
            ("tick", self.tick <= Duration::from_millis(100)),
            // std refuses timeouts of zero.
            ("connect_timeout", !self.connect_timeout.is_zero()),
            ("call_timeout", !self.call_timeout.is_zero()),
            ("backoff_min", !self.backoff_min.is_zero()),
            ("backoff_max", self.backoff_max >= self.backoff_min),
        ];
        match limits.into_iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(ConfigError::Limit(name)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SamplingRate(rate) => write!(f, "sampling rate {rate} is not within 0 and 1"),
            Self::TracesPerSecond(limit) => {
                write!(f, "traces per second {limit} is not within 0.00001 and 1e9")
            }
            Self::Destination(url, why) => write!(f, "destination {url} {why}"),
            Self::Propagation(name) => {
                write!(f, "no propagation format {name:?}: there are b3, b3multi, tracecontext and baggage")
            }
            Self::Text(name) => write!(f, "{name} is empty, or has characters that a request cannot hold"),
            Self::Limit(name) => write!(f, "{name} is zero or too large"),
        }
    }
}

impl std::error::Error for ConfigError {}
