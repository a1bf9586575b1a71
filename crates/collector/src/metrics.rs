//! What each transport counts, under Zipkin's names.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one transport. Every message is either stored, or counted as dropped by its reason.
#[derive(Debug)]
pub struct TransportMetrics {
    /// Label of the transport: `http`, `scribe`.
    pub transport: &'static str,
    messages: AtomicU64,
    messages_dropped: AtomicU64,
    bytes: AtomicU64,
    spans: AtomicU64,
    spans_dropped: AtomicU64,
    message_spans: AtomicU64,
    message_bytes: AtomicU64,
}

/// A reading of [`TransportMetrics`]: Zipkin's name of the figure, and its value.
pub type Reading = [(&'static str, u64); 7];

impl TransportMetrics {
    /// Returns counters at zero.
    pub fn new(transport: &'static str) -> Self {
        Self {
            transport,
            messages: AtomicU64::new(0),
            messages_dropped: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            spans: AtomicU64::new(0),
            spans_dropped: AtomicU64::new(0),
            message_spans: AtomicU64::new(0),
            message_bytes: AtomicU64::new(0),
        }
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

    /// The message could not be read, or there was no room for it.
    pub fn message_dropped(&self) {
        self.messages_dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// The message held this many spans.
    pub fn spans(&self, spans: usize) {
        self.spans.fetch_add(spans as u64, Ordering::Relaxed);
        self.message_spans.store(spans as u64, Ordering::Relaxed);
    }

    /// The store did not take these spans. Their sender knows: it was told to try again.
    pub fn spans_dropped(&self, spans: usize) {
        self.spans_dropped.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// Returns all figures; the last two are gauges of the last message.
    pub fn read(&self) -> Reading {
        [
            ("messages", &self.messages),
            ("messages_dropped", &self.messages_dropped),
            ("bytes", &self.bytes),
            ("spans", &self.spans),
            ("spans_dropped", &self.spans_dropped),
            ("message_spans", &self.message_spans),
            ("message_bytes", &self.message_bytes),
        ]
        .map(|(name, value)| (name, value.load(Ordering::Relaxed)))
    }
}
