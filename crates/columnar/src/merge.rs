//! Writes several segments as one: rows by trace id, within a trace by arrival, byte-identical ones once.
//!
//! Memory does not grow with the segments: each is read a few rows at a time, since all are sorted by trace id.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use model::batch::{Batch, Row};
use model::id::TraceId;
use model::span::Span;

use crate::deleted::Hidden;
use crate::names::{self, NameSets, TagValues};
use crate::pins::Pins;
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;
use crate::segment::write::{About, Writer};

/// What is remembered of one trace to find repeated spans. In a larger trace some may stay: reads leave them out all
/// the same.
const SEEN_BYTES_MAX: usize = 16 << 20;

/// Why segments were not merged. The old ones still count.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// One of them could not be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The new one could not be written.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    /// The store closes.
    #[error("the store closes")]
    Stopped,
}

/// What to leave out.
#[derive(Clone, Copy, Debug)]
pub struct Sieve<'a> {
    /// What is deleted.
    pub hidden: &'a Hidden,
    /// When there are some, only their traces are kept.
    pub only: Option<&'a Pins>,
    /// Set when the store closes.
    pub stopped: &'a AtomicBool,
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that were repeated reports.
    pub repeated: u64,
    /// Rows that were deleted.
    pub deleted: u64,
}

/// Writes the rows of these segments, which are in order of arrival. Returns what the new one says besides them, as
/// far as that comes from the old ones, and what became of the rows.
pub fn merge(
    segments: &[Arc<Segment>],
    sieve: Sieve<'_>,
    autocomplete_keys: &[String],
    writer: &mut Writer<'_>,
) -> Result<(About, Tally), MergeError> {
    let mut inputs = Vec::new();
    for segment in segments {
        inputs.push(Input::new(segment.entry().extent.journal_end, segment.spans()?)?);
    }
    let mut lists = Lists { autocomplete_keys, ..Lists::default() };
    let (mut tally, mut scratch, mut seen) = (Tally::default(), Batch::new(), HashSet::new());
    while let Some(id) = inputs.iter().filter_map(Input::next_id).min() {
        if sieve.stopped.load(Relaxed) {
            return Err(MergeError::Stopped);
        }
        seen.clear();
        let mut seen_bytes = 0;
        for input in &mut inputs {
            while let Some(span) = input.take(id)? {
                if sieve.only.is_some_and(|pins| !pins.hold(id)) {
                    continue;
                }
                if sieve.hidden.hides(input.journal_end, id, span.timestamp_us) {
                    tally.deleted += 1;
                    continue;
                }
                if seen.contains(&span) {
                    tally.repeated += 1;
                    continue;
                }
                scratch.rewind(Batch::new().mark());
                // One span fits: it came in a batch.
                let _ = scratch.push_span(&span);
                for row in scratch.rows() {
                    lists.add(&row);
                    writer.push(&row)?;
                }
                seen_bytes += span.memory_bytes();
                if seen_bytes <= SEEN_BYTES_MAX {
                    seen.insert(span);
                }
            }
        }
    }
    Ok((lists.finish(), tally))
}

/// What a footer lists, gathered anew from the rows that are kept: so what was deleted is in no list.
#[derive(Default)]
struct Lists<'a> {
    autocomplete_keys: &'a [String],
    names: NameSets,
    values: TagValues,
    tally: names::Tally,
}

impl Lists<'_> {
    fn add(&mut self, row: &Row<'_>) {
        self.names.insert(row, &mut self.tally);
        self.values.insert(row, self.autocomplete_keys, &mut self.tally);
    }

    fn finish(self) -> About {
        About { names: self.names, values: self.values, ..About::default() }
    }
}

/// A part being read from the first trace id to the last.
pub struct Input<'a> {
    /// The end of its journal records.
    pub journal_end: u64,
    spans: Box<dyn Iterator<Item = Result<Span, SegmentError>> + 'a>,
    next: Option<Span>,
}

impl<'a> Input<'a> {
    /// Starts with spans that come by trace id.
    pub fn new(
        journal_end: u64,
        spans: impl Iterator<Item = Result<Span, SegmentError>> + 'a,
    ) -> Result<Self, SegmentError> {
        let mut input = Self { journal_end, spans: Box::new(spans), next: None };
        input.advance()?;
        Ok(input)
    }

    /// Returns the trace of the next span.
    pub fn next_id(&self) -> Option<TraceId> {
        self.next.as_ref().map(|span| span.trace_id)
    }

    /// Takes the next span if it belongs to this trace.
    pub fn take(&mut self, id: TraceId) -> Result<Option<Span>, SegmentError> {
        if self.next_id() != Some(id) {
            return Ok(None);
        }
        let span = self.next.take();
        self.advance()?;
        Ok(span)
    }

    fn advance(&mut self) -> Result<(), SegmentError> {
        self.next = self.spans.next().transpose()?;
        Ok(())
    }
}
