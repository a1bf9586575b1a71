//! Answers questions from all parts of a store at once: segments, sealed memtables, and the active one.

pub mod needs;
pub mod sightings;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexSet;
use model::batch::Batch;
use model::id::TraceId;
use model::links::{self, Link};
use model::span::Span;
use storage::port::{Names, Trace};
use storage::query::{Query, Window, rank};

use crate::catalog::View;
use crate::search::needs::Needs;
use crate::search::sightings::Sightings;
use crate::segment::error::SegmentError;
use crate::segment::scan;

/// Traces read and linked at once, so that a graph of everything needs little memory.
const LINK_TRACES: usize = 4096;

/// Returns the traces with these ids, in the order asked.
pub fn traces(view: &View, ids: &[TraceId]) -> Result<Vec<Trace>, SegmentError> {
    let wanted: BTreeSet<TraceId> = ids.iter().copied().collect();
    let mut found: HashMap<TraceId, IndexSet<Span>> = HashMap::new();
    // Segments hold older records than memtables, and each kind is kept in order of arrival.
    for segment in &view.segments {
        for span in segment.traces(&wanted)? {
            found.entry(span.trace_id).or_default().insert(span);
        }
    }
    for memtable in view.memtables() {
        let mut rows = Batch::new();
        wanted.iter().for_each(|id| memtable.trace(*id, &mut rows));
        for row in rows.rows() {
            found.entry(row.trace_id).or_default().insert(row.to_span());
        }
    }
    let trace = |id| found.get(id).map(|spans: &IndexSet<Span>| spans.iter().cloned().collect());
    Ok(ids.iter().filter_map(trace).collect())
}

/// Returns matching traces, newest first.
pub fn search(view: &View, query: &Query) -> Result<Vec<Trace>, SegmentError> {
    let needs = Needs::of(query);
    let mut sightings = Sightings::new(query.window);
    look(view, &needs, &mut sightings)?;
    let mut candidates = sightings.candidates(needs.bits());
    candidates.sort_unstable_by_key(|(id, newest_us)| std::cmp::Reverse(rank(*id, *newest_us)));
    let mut matching = Vec::new();
    for chunk in candidates.chunks(query.limit.clamp(1, LINK_TRACES)) {
        let ids: Vec<TraceId> = chunk.iter().map(|(id, _)| *id).collect();
        matching.extend(traces(view, &ids)?.into_iter().filter(|trace| query.matches(trace)));
        if matching.len() >= query.limit {
            break;
        }
    }
    matching.truncate(query.limit);
    Ok(matching)
}

/// Returns names of all parts, sorted.
pub fn names(view: &View, names: &Names) -> Vec<String> {
    let mut found = BTreeSet::new();
    view.segments.iter().for_each(|segment| segment.collect_names(names, &mut found));
    view.memtables().for_each(|memtable| memtable.collect_names(names, &mut found));
    found.into_iter().collect()
}

/// Returns the links of traces any of whose spans starts in the window.
///
/// Traces are those that share the right-most 64 bits of their ids: a caller may have cut them off.
pub fn dependencies(view: &View, window: Window) -> Result<Vec<Link>, SegmentError> {
    let mut sightings = Sightings::new(window);
    look(view, &Needs::none(), &mut sightings)?;
    let lows: BTreeSet<u64> = sightings.candidates(0).into_iter().map(|(id, _)| id.low()).collect();
    let mut groups: BTreeMap<TraceId, Vec<TraceId>> = BTreeMap::new();
    let mut first_of: HashMap<u64, TraceId> = HashMap::new();
    let mut ids: Vec<TraceId> = sightings.ids().filter(|id| lows.contains(&id.low())).collect();
    ids.sort_unstable();
    for id in ids {
        groups.entry(*first_of.entry(id.low()).or_insert(id)).or_default().push(id);
    }
    let groups: Vec<Vec<TraceId>> = groups.into_values().collect();
    let mut found = Vec::new();
    for chunk in groups.chunks(LINK_TRACES) {
        let mut by_low: HashMap<u64, Vec<Span>> = HashMap::new();
        for trace in traces(view, &chunk.concat())? {
            if let Some(low) = trace.first().map(|span| span.trace_id.low()) {
                by_low.entry(low).or_default().extend(trace);
            }
        }
        found.extend(by_low.values().flat_map(|trace| links::between(trace)));
        found = links::merge(found);
    }
    Ok(found)
}

fn look(view: &View, needs: &Needs, sightings: &mut Sightings) -> Result<(), SegmentError> {
    for segment in &view.segments {
        scan::scan(segment, needs, sightings)?;
    }
    for memtable in view.memtables() {
        for block in memtable.blocks() {
            for row in block.rows() {
                sightings.add(row.trace_id, row.timestamp_us, needs.met_by(&row));
            }
        }
    }
    Ok(())
}
