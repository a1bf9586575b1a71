//! Reads all that a store holds, trace by trace, in memory that does not grow with the store.

use std::mem::take;
use std::sync::atomic::Ordering::Relaxed;

use indexmap::IndexSet;
use model::batch::Batch;
use model::span::Span;
use storage::error::ReadError;
use storage::port::Trace;

use crate::engine::Engine;
use crate::memtable::Memtable;
use crate::merge::Input;
use crate::segment::error::SegmentError;

/// A larger trace comes in pieces.
const PIECE_BYTES_MAX: usize = 64 << 20;

impl Engine {
    /// Returns how many spans its parts hold; repeated reports, and deleted ones that still lie in files, count too.
    pub fn rows(&self) -> u64 {
        let view = self.catalog.view();
        let sealed: u64 = view.segments.iter().map(|segment| segment.entry().extent.rows).sum();
        sealed + view.memtables().map(|memtable| memtable.spans() as u64).sum::<u64>()
    }

    /// Returns how many damaged files were put aside since it was opened: they are in no answer.
    pub fn put_aside(&self) -> u64 {
        self.counters.quarantined.load(Relaxed)
    }

    /// Calls for each trace, by trace id. Its spans are in order of arrival, byte-identical reports once; one of more
    /// than 64 MB comes in pieces, in which a report may come again.
    ///
    /// A segment that turns out to be damaged is put aside, and nothing more is read.
    pub fn for_each_trace<E: From<ReadError>>(
        &self,
        call: &mut dyn FnMut(Trace) -> Result<(), E>,
    ) -> Result<(), E> {
        let view = self.catalog.view();
        let failed = |error| self.cannot_read(&error);
        let mut inputs = Vec::new();
        for segment in &view.segments {
            let spans = segment.spans().map_err(failed)?;
            inputs.push(Input::new(segment.entry().extent.journal_end, spans).map_err(failed)?);
        }
        for memtable in view.memtables() {
            inputs.push(Input::new(memtable.journal().end, spans(memtable)).map_err(failed)?);
        }
        while let Some(id) = inputs.iter().filter_map(Input::next_id).min() {
            let (mut piece, mut bytes) = (IndexSet::new(), 0);
            for input in &mut inputs {
                while let Some(span) = input.take(id).map_err(failed)? {
                    if view.hidden.hides(input.journal_end, id, span.timestamp_us) {
                        continue;
                    }
                    bytes += span.memory_bytes();
                    piece.insert(span);
                    if bytes > PIECE_BYTES_MAX {
                        bytes = 0;
                        call(take(&mut piece).into_iter().collect())?;
                    }
                }
            }
            if !piece.is_empty() {
                call(piece.into_iter().collect())?;
            }
        }
        Ok(())
    }

    fn cannot_read(&self, error: &SegmentError) -> ReadError {
        if let SegmentError::Damaged { name, why } = error {
            self.quarantine(name, why);
        }
        ReadError::Failed(error.to_string())
    }
}

/// Returns the spans of a memtable, by trace id, then in order of arrival.
fn spans(memtable: &Memtable) -> impl Iterator<Item = Result<Span, SegmentError>> + '_ {
    let mut ids = memtable.trace_ids();
    ids.sort_unstable();
    ids.into_iter().flat_map(|id| {
        let mut rows = Batch::new();
        memtable.trace(id, &mut rows);
        rows.rows().map(|row| Ok(row.to_span())).collect::<Vec<_>>()
    })
}
