//! The tracer's own counters.

/// What has happened since the start of the process or its fork.
///
/// At any time `finished == sent + dropped() + queued`, in spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Spans finished.
    pub finished: u64,
    /// Spans the collector has acknowledged.
    pub sent: u64,
    /// Spans waiting, or being sent.
    pub queued: u64,
    /// About how many bytes these are.
    pub queued_bytes: u64,
    /// Spans dropped since too many were waiting.
    pub dropped_full_spans: u64,
    /// Spans dropped since too many bytes were waiting.
    pub dropped_full_bytes: u64,
    /// Spans dropped since the collector answered their call with an exception.
    pub dropped_refused: u64,
    /// Spans dropped since the collector could not be reached, or had no room, for too long.
    pub dropped_expired: u64,
    /// Spans dropped since the tracer was shut down, or its thread could not go on.
    pub dropped_stopped: u64,
    /// Annotations and tags that did not fit their span, and were left out or cut.
    pub discarded: u64,
    /// Calls the collector has acknowledged.
    pub calls: u64,
    /// Calls the collector has answered with TRY_LATER.
    pub try_later: u64,
    /// Connections made after the first one.
    pub reconnects: u64,
    /// Attempts to connect, send, or read an answer that failed.
    pub failures: u64,
    /// Whether the reporter thread runs.
    pub thread_alive: bool,
    /// What failed last, for people.
    pub last_error: Option<String>,
}

impl Stats {
    /// Returns the spans dropped for any reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_full_spans
            + self.dropped_full_bytes
            + self.dropped_refused
            + self.dropped_expired
            + self.dropped_stopped
    }
}
