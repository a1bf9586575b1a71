//! What the threads of a relay tell each other: which records there are, which are due, and how far each route has got.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use journal::log::Extent;

/// The state behind the spool's lock; no disk is touched while it is held.
#[derive(Debug)]
pub(crate) struct Board {
    /// Files with records, oldest first.
    pub files: VecDeque<Filed>,
    /// Number of the next record.
    pub next: u64,
    /// Spans accepted since the journal began.
    pub spans: u64,
    /// Records below are to be sent.
    pub due: u64,
    /// Records that wait for the chunk to be full, or old enough.
    pub chunk: Option<Chunk>,
    pub routes: Vec<Route>,
    /// What is wrong with the disk, until it works again.
    pub trouble: Option<String>,
    pub stopping: bool,
    /// Spans refused because the disk was full or failed.
    pub refused: u64,
    /// Files that hold damage, to be kept aside.
    pub damaged: Vec<u64>,
}

/// A journal file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filed {
    pub extent: Extent,
    /// Spans before its first record.
    pub spans_before: u64,
    /// When its first record came.
    pub arrival_ms: u64,
}

/// Records that are not yet due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub since: Instant,
    pub bytes: u64,
}

/// One destination, or several of which one is enough.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    pub name: String,
    /// Number of the next record it gets.
    pub cursor: u64,
    /// Spans before that record.
    pub spans_done: u64,
    /// When the spans that it is busy with came.
    pub busy_ms: Option<u64>,
    pub delivered: u64,
    pub dead: u64,
    pub dropped: u64,
    pub damaged: u64,
    pub sampled: u64,
    pub calls: u64,
    pub retries: u64,
    /// What the far side said last, until it takes spans again.
    pub failing: Option<String>,
}

impl Board {
    /// Returns the file that holds the record, or the next one.
    pub fn file_of(&self, sequence: u64) -> Option<Filed> {
        let at = self.files.partition_point(|file| file.extent.end <= sequence);
        self.files.get(at).copied()
    }

    /// Returns spans accepted before the record at which a file ends.
    pub fn spans_to(&self, end: u64) -> u64 {
        self.file_of(end).map_or(self.spans, |file| file.spans_before)
    }

    /// Returns the number below which no route needs a record.
    pub fn done(&self) -> u64 {
        self.routes.iter().map(|route| route.cursor).min().unwrap_or(self.next)
    }

    /// Takes note of records that were written. Says whether more is due now.
    pub fn written(&mut self, bytes: u64, now: Instant, chunk_limit: u64, flush_interval: Duration) -> bool {
        let chunk = self.chunk.get_or_insert(Chunk { since: now, bytes: 0 });
        chunk.bytes += bytes;
        if chunk.bytes >= chunk_limit || flush_interval.is_zero() {
            self.flush();
        }
        self.chunk.is_none()
    }

    /// Makes everything due.
    pub fn flush(&mut self) {
        self.due = self.next;
        self.chunk = None;
    }

    /// Says how long the route may sleep; nothing when there is something to send.
    pub fn idle(&mut self, route: usize, now: Instant, flush_interval: Duration) -> Option<Duration> {
        if let Some(chunk) = self.chunk
            && now.duration_since(chunk.since) >= flush_interval
        {
            self.flush();
        }
        if self.routes.get(route).is_some_and(|route| route.cursor < self.due) {
            return None;
        }
        let waited = self.chunk.map_or(Duration::ZERO, |chunk| now.duration_since(chunk.since));
        let left = self.chunk.map_or(Duration::MAX, |_| flush_interval.saturating_sub(waited));
        Some(left.min(Duration::from_secs(1)))
    }
}
