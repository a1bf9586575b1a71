//! What the listeners count, beside what doors and store count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::metrics::Figure;
use collector::doors::Doors;
use storage::port::Metric;

/// Counters of all listeners of a kind together.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that are open now.
    pub connections: AtomicU64,
    /// Connections that were ever accepted.
    pub connections_total: AtomicU64,
    /// Times that a connection could not be accepted.
    pub accept_failures: AtomicU64,
    /// Closed while idle to make room for new ones.
    pub connections_evicted: Arc<AtomicU64>,
    /// Ended because the head of a request, or a TLS handshake, took too long.
    pub header_timeouts: AtomicU64,
    /// Requests whose head was too large.
    pub headers_too_large: AtomicU64,
    /// Requests whose body took too long.
    pub body_timeouts: AtomicU64,
    /// Ended because nothing came or went for too long.
    pub idle_timeouts: AtomicU64,
    /// TLS handshakes that failed.
    pub tls_failures: AtomicU64,
    /// Times that changed certificate files could not be used.
    pub tls_reload_failures: AtomicU64,
    /// Requests without the credentials they need.
    pub requests_refused: AtomicU64,
    /// Own spans for which there was no room, or which the store did not take.
    pub own_spans_dropped: AtomicU64,
}

impl Counters {
    /// Adds one.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns every figure.
    pub fn read(&self) -> Vec<Metric> {
        let figures: [(&'static str, &'static str, &AtomicU64); 12] = [
            ("spanlet_http_connections", "HTTP connections that are open.", &self.connections),
            ("spanlet_http_connections_total", "HTTP connections accepted.", &self.connections_total),
            (
                "spanlet_http_accept_failures_total",
                "Times that a connection could not be accepted, for want of open files mostly.",
                &self.accept_failures,
            ),
            (
                "spanlet_http_connections_evicted_total",
                "Idle HTTP connections closed to make room for new ones.",
                &self.connections_evicted,
            ),
            (
                "spanlet_http_header_timeouts_total",
                "Connections ended because the head of a request or a TLS handshake took too long.",
                &self.header_timeouts,
            ),
            (
                "spanlet_http_headers_too_large_total",
                "Requests refused because their head was too large.",
                &self.headers_too_large,
            ),
            (
                "spanlet_http_body_timeouts_total",
                "Requests given up because their body took too long.",
                &self.body_timeouts,
            ),
            (
                "spanlet_http_idle_timeouts_total",
                "Connections ended because nothing came or went for too long.",
                &self.idle_timeouts,
            ),
            ("spanlet_tls_failures_total", "TLS handshakes that failed.", &self.tls_failures),
            (
                "spanlet_tls_reload_failures_total",
                "Times that changed certificate files could not be used.",
                &self.tls_reload_failures,
            ),
            (
                "spanlet_http_requests_refused_total",
                "Requests without the credentials they need.",
                &self.requests_refused,
            ),
            ("spanlet_own_spans_dropped_total", "Own spans that were not stored.", &self.own_spans_dropped),
        ];
        figures
            .map(|(name, help, value)| Metric { name, help, value: value.load(Ordering::Relaxed) as f64 })
            .into()
    }
}

/// Returns where the doors' messages and spans went that were not stored, for each transport and reason.
pub fn of_doors(doors: &Doors) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut push = |name, help, transport: &str, counts: Vec<(&'static str, u64)>| {
        figures.extend(counts.into_iter().map(|(reason, count)| Figure {
            metric: Metric { name, help, value: count as f64 },
            labels: format!("{{transport=\"{transport}\",reason=\"{reason}\"}}"),
        }));
    };
    let transports = doors.transports();
    for metrics in &transports {
        let help = "Messages that were not accepted; their senders were told.";
        push("spanlet_collector_messages_refused_total", help, metrics.transport, metrics.refusals());
    }
    for metrics in &transports {
        let help = "Spans of readable messages that were not stored.";
        push("spanlet_collector_spans_left_out_total", help, metrics.transport, metrics.spans_left_out());
    }
    let (open, full) = doors.scribe_connections();
    for (name, help, value) in [
        (
            "spanlet_collector_in_flight_bytes",
            "Bytes of messages in memory that are not stored yet, by units of 1024.",
            doors.budget().bytes_taken() as u64,
        ),
        ("spanlet_scribe_connections", "Scribe connections that are open.", open),
        (
            "spanlet_scribe_connections_full_total",
            "Scribe connections that came when as many were open as may be: the idlest one had to go.",
            full,
        ),
    ] {
        figures.push(Metric { name, help, value: value as f64 }.into());
    }
    figures
}
