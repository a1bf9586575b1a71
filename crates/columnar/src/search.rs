//! Answers questions from all parts of a store at once: segments, sealed memtables, and the active one.

pub mod find;
pub mod gather;
pub mod needs;
pub mod newest;
pub mod part;
pub mod rare;
pub mod sightings;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use indexmap::IndexSet;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;
use storage::budget::Budget;
use storage::error::ReadError;
use storage::order::TraceKey;
use storage::port::{Names, Trace};
use storage::query::Window;

use crate::catalog::View;
use crate::config::Config;
use crate::deleted::HiddenHere;
use crate::search::gather::Gather;
use crate::search::needs::Needs;
use crate::search::part::Part;
use crate::search::sightings::{Seen, Sightings};
use crate::segment::error::SegmentError;

/// Traces read at once: enough to read neighbours in a file together, few enough to need little memory.
const TRACES_AT_ONCE: usize = 1024;

/// Why a view could not answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A segment could not be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The answer is not allowed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What answers: the parts of now, and the settings.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// All parts.
    pub view: &'a View,
    /// Says whether trace ids are strict, and how large an answer may be.
    pub config: &'a Config,
    /// Counts the parts looked at.
    pub parts_looked_at: &'a AtomicU64,
}

impl Reading<'_> {
    /// Returns the traces with these ids, in the order asked.
    pub fn traces(&self, ids: &[TraceId]) -> Result<Vec<Trace>, SearchError> {
        let keys: IndexSet<TraceKey> = ids.iter().map(|id| self.key(*id)).collect();
        let ids =
            if self.config.strict_trace_id { ids.iter().copied().collect() } else { self.ids_of(&keys)? };
        let mut by_key: HashMap<TraceKey, Trace> = HashMap::new();
        for (id, spans) in self.spans_of(&ids, &mut self.budget())? {
            by_key.entry(self.key(id)).or_default().extend(spans);
        }
        Ok(keys.iter().filter_map(|key| by_key.remove(key)).collect())
    }

    /// Returns names of all parts, sorted.
    pub fn names(&self, names: &Names) -> Vec<String> {
        let mut found = BTreeSet::new();
        if matches!(names, Names::Values(key) if !self.config.autocomplete_keys.contains(key)) {
            return Vec::new();
        }
        self.view.segments.iter().for_each(|segment| segment.collect_names(names, &mut found));
        self.view.memtables().for_each(|memtable| memtable.collect_names(names, &mut found));
        found.into_iter().collect()
    }

    fn key(&self, id: TraceId) -> TraceKey {
        TraceKey::new(id, self.config.strict_trace_id)
    }

    fn budget(&self) -> Budget {
        Budget::new(self.config.answer_bytes_max)
    }

    /// Looks at all spans.
    fn look(&self, needs: &Needs, gather: Gather, window: Window) -> Result<Sightings, SegmentError> {
        let mut sightings = Sightings::new(window);
        for part in Part::all(self.view) {
            self.look_at(&part, needs, gather, &mut sightings)?;
        }
        Ok(sightings)
    }

    fn look_at(
        &self,
        part: &Part<'_>,
        needs: &Needs,
        gather: Gather,
        sightings: &mut Sightings,
    ) -> Result<(), SegmentError> {
        sightings.enter(HiddenHere { hidden: self.view.hidden.clone(), journal_end: part.journal_end() });
        self.count_part();
        part.look(needs, gather, sightings)
    }

    fn count_part(&self) {
        self.parts_looked_at.fetch_add(1, Relaxed);
    }

    /// Reads traces whole. Those that are too large together are read a few at a time.
    fn for_each_trace(
        &self,
        traces: &[Seen],
        budget: Budget,
        call: &mut impl FnMut(TraceKey, Trace) -> Result<(), ReadError>,
    ) -> Result<(), SearchError> {
        let ids: BTreeSet<TraceId> = traces.iter().flat_map(Seen::ids).collect();
        let mut spans = match self.spans_of(&ids, &mut budget.clone()) {
            Err(SearchError::Read(ReadError::TooLarge { .. })) if traces.len() > 1 => {
                let (first, rest) = traces.split_at(traces.len() / 2);
                self.for_each_trace(first, budget, call)?;
                return self.for_each_trace(rest, budget, call);
            }
            other => other?,
        };
        for trace in traces {
            let parts = trace.ids().filter_map(|id| spans.remove(&id));
            call(trace.key, parts.flatten().collect())?;
        }
        Ok(())
    }

    /// Reads the spans with these trace ids, each in order of arrival.
    fn spans_of(
        &self,
        ids: &BTreeSet<TraceId>,
        budget: &mut Budget,
    ) -> Result<BTreeMap<TraceId, IndexSet<Span>>, SearchError> {
        let mut found: BTreeMap<TraceId, IndexSet<Span>> = BTreeMap::new();
        let mut add = |journal_end: u64, span: Span| {
            if self.view.hidden.hides(journal_end, span.trace_id, span.timestamp_us) {
                return Ok(());
            }
            let bytes = span.memory_bytes();
            let is_new = found.entry(span.trace_id).or_default().insert(span);
            if is_new { budget.take(bytes) } else { Ok(()) }
        };
        for segment in &self.view.segments {
            let end = segment.entry().extent.journal_end;
            segment.traces::<SearchError>(ids, &mut |span| Ok(add(end, span)?))?;
        }
        for memtable in self.view.memtables() {
            let end = memtable.journal().end;
            for id in ids {
                let mut rows = Batch::new();
                memtable.trace(*id, &mut rows);
                rows.rows().try_for_each(|row| add(end, row.to_span()))?;
            }
        }
        Ok(found)
    }

    /// Finds the ids under which spans of traces came, when ids are lenient.
    fn ids_of(&self, keys: &IndexSet<TraceKey>) -> Result<BTreeSet<TraceId>, SegmentError> {
        let mut found = BTreeSet::new();
        let mut add = |id| found.extend(keys.contains(&self.key(id)).then_some(id));
        for segment in &self.view.segments {
            segment.for_each_trace_id(&mut add)?;
        }
        self.view.memtables().for_each(|memtable| memtable.trace_ids().into_iter().for_each(&mut add));
        Ok(found)
    }
}
