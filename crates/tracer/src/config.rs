//! What a tracer can be told, and the limits within which it must stay.

use std::fmt;
use std::time::Duration;

/// Settings of a tracer. Start from [`Config::default`] and change what differs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of this service; Zipkin lower-cases it.
    pub service_name: String,
    /// Where the scribe collector listens.
    pub host: String,
    /// Where the scribe collector listens.
    pub port: u16,
    /// Share of the traces started here that are recorded, 0 to 1.
    pub sampling_rate: f64,
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
    /// The sampling rate is not within 0 and 1.
    SamplingRate(f64),
    /// A limit is zero, or too large for what it limits; carries its name.
    Limit(&'static str),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            service_name: String::new(),
            host: "127.0.0.1".to_owned(),
            port: 9410,
            sampling_rate: 1.0,
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
        if !(0.0..=1.0).contains(&self.sampling_rate) {
            return Err(ConfigError::SamplingRate(self.sampling_rate));
        }
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
            Self::Limit(name) => write!(f, "{name} is zero or too large"),
        }
    }
}

impl std::error::Error for ConfigError {}
