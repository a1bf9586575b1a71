//! The parts before one: what they hold of its traces, and whether figures that build on them are still true.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexSet;
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;

use crate::deleted::Hidden;
use crate::memtable::Memtable;
use crate::rollup::keys::Keys;
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;

/// Name of the blob that lists the parts of which a merged segment holds all.
pub const PARTS: &str = "rollup-parts";

/// Which part: the number of its first journal record, and its generation.
pub type Origin = (u64, u64);

/// The parts before one, in order of arrival.
#[derive(Debug)]
pub struct Earlier<'a> {
    /// Segments.
    pub segments: &'a [Arc<Segment>],
    /// Memtables, all folded.
    pub memtables: &'a [&'a Memtable],
    /// What of them is deleted.
    pub hidden: &'a Arc<Hidden>,
}

impl Earlier<'_> {
    /// Says whether figures that build on these parts are still true: all of them are there, and nothing of them or of
    /// the part itself was deleted, now or `then`. Figures in a file are asked about with no `then`: deletions that
    /// were carried out have made other parts of theirs.
    pub fn uphold(
        &self,
        used: &BTreeSet<Origin>,
        then: Option<&Arc<Hidden>>,
        itself: impl Fn(&Hidden) -> Result<bool, SegmentError>,
    ) -> Result<bool, SegmentError> {
        let mut segments = Vec::new();
        let mut memtables: Vec<&&Memtable> = Vec::new();
        for origin in used {
            let mut found = false;
            for segment in self.segments {
                if holds(segment, *origin)? {
                    segments.push(segment);
                    found = true;
                }
            }
            let same = |memtable: &&&Memtable| (memtable.journal().start, 0) == *origin;
            memtables.extend(self.memtables.iter().find(same).inspect(|_| found = true));
            if !found {
                return Ok(false);
            }
        }
        if then.is_some_and(|then| Arc::ptr_eq(then, self.hidden)) {
            return Ok(true);
        }
        for hidden in then.into_iter().chain([self.hidden]).filter(|hidden| !hidden.is_empty()) {
            if itself(hidden)? || memtables.iter().any(|memtable| memtable.fold().concerned(memtable, hidden))
            {
                return Ok(false);
            }
            for segment in &segments {
                if concerned(segment, hidden)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Returns the spans of traces whose ids end so, those of each in order of arrival, and adds the parts that have
    /// any.
    pub fn spans_of(
        &self,
        lows: &BTreeSet<u64>,
        used: &mut BTreeSet<Origin>,
    ) -> Result<HashMap<u64, Vec<Span>>, SegmentError> {
        // Repeated reports go before they take room.
        let mut found: HashMap<u64, IndexSet<Span>> = HashMap::new();
        for segment in self.segments {
            let journal_end = segment.entry().extent.journal_end;
            spans_of(segment, lows, &mut |span| {
                used.insert(origin(segment));
                if !self.hidden.hides(journal_end, span.trace_id, span.timestamp_us) {
                    found.entry(span.trace_id.low()).or_default().insert(span);
                }
            })?;
        }
        for memtable in self.memtables {
            let (fold, journal) = (memtable.fold(), memtable.journal());
            for low in lows {
                for id in fold.ids_of(*low) {
                    used.insert((journal.start, 0));
                    let mut rows = Batch::new();
                    memtable.trace(*id, &mut rows);
                    let shown = |span: &Span| !self.hidden.hides(journal.end, *id, span.timestamp_us);
                    let spans = rows.rows().map(|row| row.to_span()).filter(shown);
                    found.entry(*low).or_default().extend(spans);
                }
            }
        }
        Ok(found.into_iter().map(|(low, spans)| (low, spans.into_iter().collect())).collect())
    }
}

/// Returns which part a segment is.
pub fn origin(segment: &Segment) -> Origin {
    let extent = &segment.entry().extent;
    (extent.journal_first, extent.generation)
}

/// Returns which parts a segment holds all of: itself, and those that it was merged of.
pub fn parts_of(segment: &Segment) -> Result<&BTreeSet<Origin>, SegmentError> {
    let cached = &segment.rollup().parts;
    if let Some(parts) = cached.get() {
        return Ok(parts);
    }
    let bytes = segment.blob(PARTS)?.unwrap_or_default();
    let (numbers, _) = bytes.as_chunks::<8>();
    let numbers: Vec<u64> = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let (pairs, _) = numbers.as_chunks::<2>();
    let parts = pairs.iter().map(|[first, generation]| (*first, *generation)).chain([origin(segment)]);
    Ok(cached.get_or_init(|| parts.collect()))
}

/// Returns the bytes of such a list.
pub fn parts_to_bytes(parts: &BTreeSet<Origin>) -> Vec<u8> {
    parts.iter().flat_map(|(first, generation)| [*first, *generation]).flat_map(u64::to_le_bytes).collect()
}

fn holds(segment: &Segment, wanted: Origin) -> Result<bool, SegmentError> {
    let extent = &segment.entry().extent;
    let may = (extent.journal_first..extent.journal_end).contains(&wanted.0);
    Ok(may && parts_of(segment)?.contains(&wanted))
}

/// Says whether something of a segment may be deleted.
pub fn concerned(segment: &Segment, hidden: &Hidden) -> Result<bool, SegmentError> {
    if hidden.is_empty() {
        return Ok(false);
    }
    let (extent, keys) = (&segment.entry().extent, keys_of(segment)?);
    Ok(hidden.concerns(extent.journal_end, extent.timestamp_min_us, |low| keys.may_hold(low)))
}

/// Returns the keys of a segment's traces.
pub fn keys_of(segment: &Segment) -> Result<&Keys, SegmentError> {
    let cached = &segment.rollup().keys;
    if let Some(keys) = cached.get() {
        return Ok(keys);
    }
    let keys = match segment.blob(crate::rollup::keys::NAME)? {
        Some(bytes) => Keys::from_bytes(&bytes),
        None => {
            let mut lows = Vec::new();
            segment.for_each_trace_id(&mut |id| lows.push(id.low()))?;
            Keys::of(lows)
        }
    };
    Ok(cached.get_or_init(|| keys))
}

/// Adds the spans that a segment holds of traces whose ids end so.
fn spans_of(
    segment: &Arc<Segment>,
    lows: &BTreeSet<u64>,
    add: &mut impl FnMut(Span),
) -> Result<(), SegmentError> {
    let keys = keys_of(segment)?;
    let lows: BTreeSet<u64> = lows.iter().copied().filter(|low| keys.may_hold(*low)).collect();
    if lows.is_empty() {
        return Ok(());
    }
    let mut ids: BTreeSet<TraceId> = BTreeSet::new();
    if segment.entry().extent.trace_id_max.starts_with("0000000000000000") {
        ids.extend(lows.iter().filter_map(|low| TraceId::from_halves(0, *low)));
    } else {
        segment.for_each_trace_id(&mut |id| ids.extend(lows.contains(&id.low()).then_some(id)))?;
    }
    segment.traces::<SegmentError>(&ids, &mut |span| {
        add(span);
        Ok(())
    })
}
