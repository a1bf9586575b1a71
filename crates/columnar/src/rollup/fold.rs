//! Counts what the newest spans of a part change of their traces.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexSet;
use model::batch::{Batch, Row};
use model::endpoint::EndpointRef;
use model::id::TraceId;
use model::span::Span;
use storage::statistics::{Table, of_trace};

use crate::deleted::Hidden;
use crate::memtable::{Memtable, Place};
use crate::rollup::earlier::{Earlier, Origin};
use crate::rollup::keys::{self, Keys};
use crate::rollup::{Blobs, Wanted, blob};
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;

/// Traces looked at together, so that spans of theirs in segments are read together.
const TRACES_AT_ONCE: usize = 4096;

/// What a memtable changed, as far as it was counted.
#[derive(Debug, Default)]
pub struct Fold {
    table: Table,
    /// Ids under which spans of traces came, by how they end; more than one of them are seldom.
    ids: HashMap<u64, Vec<TraceId>>,
    /// The parts whose spans were needed for it.
    used: BTreeSet<Origin>,
    /// What was deleted when it was last known to be true.
    then: Option<Arc<Hidden>>,
    /// Rows from here on are not counted yet.
    end: Place,
}

impl Fold {
    /// Returns the blobs of a segment made of its memtable, of which all rows up to here are to be counted; none when
    /// they are not.
    pub fn to_blobs(&self, end: Place) -> Blobs {
        if self.end != end {
            return Vec::new();
        }
        let keys = Keys::of(self.ids.keys().copied());
        vec![(blob::NAME, blob::encode(&self.table, &self.used)), (keys::NAME, keys.to_bytes())]
    }

    /// Returns the ids under which spans came of the trace whose id ends so.
    pub fn ids_of(&self, low: u64) -> &[TraceId] {
        self.ids.get(&low).map_or(&[], Vec::as_slice)
    }

    /// Says whether something of its memtable may be deleted.
    pub fn concerned(&self, memtable: &Memtable, hidden: &Hidden) -> bool {
        let oldest_us = memtable.times_us().map(|(oldest, _)| oldest);
        hidden.concerns(memtable.journal().end, oldest_us, |low| self.ids.contains_key(&low))
    }

    /// Adds the wanted figures to those of other parts.
    pub fn count(&self, wanted: &Wanted, found: &mut Table) {
        for (minute, key, cell) in self.table.cells() {
            if wanted.minutes.contains(&minute) && wanted.wants(key.as_ref()) {
                found.merge(wanted.slot(minute), key.as_ref(), cell);
            }
        }
    }
}

/// Counts a memtable's rows that were not counted yet. Returns how often there was no room for a name.
pub fn fold(memtable: &Memtable, earlier: &Earlier<'_>) -> Result<u64, SegmentError> {
    let mut fold = memtable.fold();
    if !earlier.uphold(&fold.used, fold.then.as_ref(), |hidden| Ok(fold.concerned(memtable, hidden)))? {
        *fold = Fold::default();
    }
    fold.then = Some(earlier.hidden.clone());
    if memtable.end() == fold.end {
        return Ok(0);
    }
    let (blocks, end) = memtable.snapshot();
    let (hidden, journal_end) = (earlier.hidden, memtable.journal().end);
    let mut touched = BTreeSet::new();
    for row in rows_from(&blocks, fold.end) {
        touched.insert(row.trace_id.low());
        let ids = fold.ids.entry(row.trace_id.low()).or_default();
        if !ids.contains(&row.trace_id) {
            ids.push(row.trace_id);
        }
    }
    let touched: Vec<u64> = touched.into_iter().collect();
    let mut changes = Vec::new();
    // All is read before anything is counted: what fails is tried again from the start.
    let mut used = BTreeSet::new();
    for lows in touched.chunks(TRACES_AT_ONCE) {
        changes.push(earlier.spans_of(&lows.iter().copied().collect(), &mut used)?);
    }
    fold.used.append(&mut used);
    let before = fold.table.left_out();
    for (lows, mut earlier) in touched.chunks(TRACES_AT_ONCE).zip(changes) {
        for low in lows {
            let places =
                fold.ids_of(*low).iter().flat_map(|id| memtable.places(*id)).filter(|place| *place < end);
            let (old, new): (Vec<Place>, Vec<Place>) = places.partition(|place| *place < fold.end);
            // Repeated reports go before they take room: a sender may repeat one a million times.
            let (alone, mut seen) = (old.len() + new.len() == 1, HashSet::new());
            let mut row = |place: &Place| {
                let row = blocks.get(place.block as usize)?.row_at(place.at as usize)?;
                let counts = !hidden.hides(journal_end, row.trace_id, row.timestamp_us);
                (counts && (alone || seen.insert(row.bytes()))).then_some(row)
            };
            let old: Vec<Row<'_>> = old.iter().filter_map(&mut row).collect();
            let new = new.iter().filter_map(&mut row).collect();
            change(&mut fold.table, earlier.remove(low).unwrap_or_default(), old, new);
        }
    }
    fold.end = end;
    memtable.set_folded(blocks.iter().map(|block| block.len()).sum());
    Ok(fold.table.left_out() - before)
}

/// Works out what a segment changed that does not say it, and on which parts that builds.
pub fn of_segment(
    segment: &Segment,
    earlier: &Earlier<'_>,
) -> Result<(Table, BTreeSet<Origin>), SegmentError> {
    let journal_end = segment.entry().extent.journal_end;
    let mut used = BTreeSet::new();
    let mut traces: HashMap<u64, Vec<TraceId>> = HashMap::new();
    segment.for_each_trace_id(&mut |id| {
        let ids = traces.entry(id.low()).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    })?;
    let traces: Vec<(u64, Vec<TraceId>)> = traces.into_iter().collect();
    let mut table = Table::default();
    for traces in traces.chunks(TRACES_AT_ONCE) {
        let lows = traces.iter().map(|(low, _)| *low).collect();
        let mut old = earlier.spans_of(&lows, &mut used)?;
        let mut new: HashMap<u64, IndexSet<Span>> = HashMap::new();
        let ids = traces.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        segment.traces::<SegmentError>(&ids, &mut |span| {
            if !earlier.hidden.hides(journal_end, span.trace_id, span.timestamp_us) {
                new.entry(span.trace_id.low()).or_default().insert(span);
            }
            Ok(())
        })?;
        for (low, new) in new {
            let old = old.remove(&low).unwrap_or_default();
            count(&mut table, &old, -1);
            count(&mut table, &[old, new.into_iter().collect()].concat(), 1);
        }
    }
    Ok((table, used))
}

/// Counts what new rows change of a trace; no row is there twice.
fn change(table: &mut Table, earlier: Vec<Span>, old: Vec<Row<'_>>, new: Vec<Row<'_>>) {
    if earlier.is_empty() && old.is_empty() {
        return count_once(table, new.iter().map(light).collect(), 1);
    }
    let spans = |rows: &[Row<'_>]| rows.iter().map(Row::to_span).collect::<Vec<Span>>();
    let old = [earlier, spans(&old)].concat();
    if !old.is_empty() {
        count(table, &old, -1);
    }
    count(table, &[old, spans(&new)].concat(), 1);
}

/// Counts a trace so many times. Its spans are in order of arrival, and may be there twice.
fn count(table: &mut Table, spans: &[Span], times: i64) {
    count_once(table, spans.iter().cloned().collect::<IndexSet<_>>().into_iter().collect(), times);
}

/// Counts a trace without repeated reports.
fn count_once(table: &mut Table, mut trace: Vec<Span>, times: i64) {
    trace.sort_by_key(|span| span.trace_id);
    of_trace(&trace, &mut |minute, key, failed, duration_us| {
        table.count(minute, key, failed, duration_us, times)
    });
}

/// Returns a span with all that figures depend on.
fn light(row: &Row<'_>) -> Span {
    let error = row.tag("error").map(|_| ("error".to_owned(), String::new()));
    Span {
        parent_id: row.parent_id,
        kind: row.kind,
        name: row.name.map(str::to_owned),
        timestamp_us: row.timestamp_us,
        duration_us: row.duration_us,
        local_endpoint: row.local_endpoint.as_ref().map(EndpointRef::to_owned),
        remote_endpoint: row.remote_endpoint.as_ref().map(EndpointRef::to_owned),
        tags: error.into_iter().collect(),
        shared: row.shared,
        ..Span::new(row.trace_id, row.id)
    }
}

/// Returns the rows from a place on.
fn rows_from(blocks: &[Arc<Batch>], from: Place) -> impl Iterator<Item = Row<'_>> {
    let blocks = blocks.iter().enumerate().skip(from.block as usize);
    blocks.flat_map(move |(number, block)| {
        block.rows_at(if number == from.block as usize { from.at as usize } else { 0 })
    })
}
