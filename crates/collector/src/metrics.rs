//! What each transport counts: Zipkin's figures under their names, and where each message and span went.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::refusal::Reason;

/// Counters of one transport. Every message is taken, or refused for one reason; every span is stored, or left out for
/// one.
#[derive(Debug)]
pub struct TransportMetrics {
    /// Label of the transport: `http`, `grpc`, `scribe`, `otlp_http`, `otlp_grpc`.
    pub transport: &'static str,
    messages: AtomicU64,
    bytes: AtomicU64,
    spans: AtomicU64,
    message_spans: AtomicU64,
    message_bytes: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
    left_out: [AtomicU64; LeftOut::ALL.len()],
    connections: AtomicU64,
    connections_full: AtomicU64,
}

/// Why a span of a message is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LeftOut {
    /// The sampler keeps other traces.
    Sampled,
    /// Its ids are none; its sender was told.
    Rejected,
    /// The store did not take it; its sender was told to try again.
    Store,
}

impl LeftOut {
    /// All reasons, each at the place of its number.
    pub const ALL: [Self; 3] = [Self::Sampled, Self::Rejected, Self::Store];

    /// Returns the label of its counter.
    pub fn label(self) -> &'static str {
        match self {
            Self::Sampled => "sampled",
            Self::Rejected => "rejected",
            Self::Store => "store",
        }
    }
}

/// A reading of [`TransportMetrics`]: Zipkin's name of the figure, and its value.
pub type Reading = [(&'static str, u64); 7];

impl TransportMetrics {
    /// Returns counters at zero.
    pub fn new(transport: &'static str) -> Self {
        Self {
            transport,
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            spans: AtomicU64::new(0),
            message_spans: AtomicU64::new(0),
            message_bytes: AtomicU64::new(0),
            refused: Default::default(),
            left_out: Default::default(),
            connections: AtomicU64::new(0),
            connections_full: AtomicU64::new(0),
        }
    }

    /// So many connections are open, at a door that has some of its own.
    pub fn connections(&self, open: usize) {
        self.connections.store(open as u64, Ordering::Relaxed);
    }

    /// A connection came when as many are open as may be.
    pub fn connections_full(&self) {
        self.connections_full.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many connections are open, and how many came when there were as many as may be.
    pub fn read_connections(&self) -> (u64, u64) {
        (self.connections.load(Ordering::Relaxed), self.connections_full.load(Ordering::Relaxed))
    }

    /// A message came in, whatever becomes of it.
    pub fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// The message holds this many bytes of encoded spans, unpacked.
    pub fn bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.message_bytes.store(bytes as u64, Ordering::Relaxed);
    }

    /// The message was not accepted.
    pub fn refused(&self, reason: Reason) {
        if let Some(count) = self.refused.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The message held this many spans.
    pub fn spans(&self, spans: usize) {
        self.spans.fetch_add(spans as u64, Ordering::Relaxed);
        self.message_spans.store(spans as u64, Ordering::Relaxed);
    }

    /// These spans of the message are not stored.
    pub fn left_out(&self, why: LeftOut, spans: usize) {
        if let Some(count) = self.left_out.get(why as usize) {
            count.fetch_add(spans as u64, Ordering::Relaxed);
        }
    }

    /// Returns the figures that Zipkin has; the last two are gauges of the last message.
    ///
    /// A message that could be read is none of Zipkin's dropped ones: its spans are, when the store does not take them.
    pub fn read(&self) -> Reading {
        let value = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let store = Reason::Store.label();
        let messages_dropped =
            self.refusals().into_iter().filter(|(label, _)| *label != store).map(|(_, count)| count).sum();
        [
            ("messages", value(&self.messages)),
            ("messages_dropped", messages_dropped),
            ("bytes", value(&self.bytes)),
            ("spans", value(&self.spans)),
            ("spans_dropped", self.spans_left_out().into_iter().map(|(_, count)| count).sum()),
            ("message_spans", value(&self.message_spans)),
            ("message_bytes", value(&self.message_bytes)),
        ]
    }

    /// Returns how many messages were refused, by the label of the reason.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        labelled(Reason::ALL.map(Reason::label), &self.refused)
    }

    /// Returns how many spans were left out, by the label of the reason.
    pub fn spans_left_out(&self) -> Vec<(&'static str, u64)> {
        labelled(LeftOut::ALL.map(LeftOut::label), &self.left_out)
    }
}

fn labelled<const N: usize>(labels: [&'static str; N], counts: &[AtomicU64; N]) -> Vec<(&'static str, u64)> {
    labels.into_iter().zip(counts.iter().map(|count| count.load(Ordering::Relaxed))).collect()
}
