//! The spans of a memory store, and which of them go first: openzipkin/zipkin `InMemoryStorage.doAccept`.

use std::collections::{BTreeSet, HashMap, HashSet};

use indexmap::{IndexMap, IndexSet};
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;

use crate::change::{Change, ChangeError, PINS_MAX};
use crate::order::TraceKey;
use crate::port::Trace;

/// Traces are grouped by the right-most 64 bits of their id, as dependencies and eviction need them.
#[derive(Debug, Default)]
pub struct Held {
    groups: HashMap<u64, Group>,
    /// Start of each group's oldest span in milliseconds, and the group's id: the first is the next to evict.
    by_age: BTreeSet<(u64, u64)>,
    spans: usize,
    spans_evicted: u64,
    pins: Vec<TraceId>,
}

/// Spans whose trace ids share the right-most 64 bits: in order of arrival, byte-identical reports once.
#[derive(Debug, Default)]
pub struct Group {
    spans: IndexSet<Span>,
    oldest_ms: u64,
}

impl Held {
    /// Takes a batch, first evicting whole oldest traces to make room for all of its spans, new or repeated.
    pub fn accept(&mut self, batch: &Batch, spans_max: usize) {
        if let Some(room) = spans_max.checked_sub(batch.len()) {
            self.evict_above(room);
        }
        for row in batch.rows() {
            self.insert(row.to_span());
        }
        // A batch alone may be too large: Zipkin loses it and all that was there; here the newest traces stay.
        self.evict_above(spans_max);
    }

    /// Returns the number of spans.
    pub fn spans(&self) -> usize {
        self.spans
    }

    /// Returns the number of spans that had to go.
    pub fn spans_evicted(&self) -> u64 {
        self.spans_evicted
    }

    /// Returns the pinned traces, in the order in which they were pinned.
    pub fn pins(&self) -> &[TraceId] {
        &self.pins
    }

    /// Pins, unpins or deletes; the key tells which ids name one trace.
    pub fn change(&mut self, change: Change, key: impl Fn(TraceId) -> TraceKey) -> Result<(), ChangeError> {
        let pins: HashSet<TraceKey> = self.pins.iter().map(|id| key(*id)).collect();
        match change {
            Change::Pin(id) if pins.contains(&key(id)) => {}
            Change::Pin(_) if pins.len() >= PINS_MAX => return Err(ChangeError::TooManyPins),
            Change::Pin(id) => self.pins.push(id),
            Change::Unpin(id) => self.pins.retain(|pin| key(*pin) != key(id)),
            Change::Delete(id) => {
                self.pins.retain(|pin| key(*pin) != key(id));
                self.remove(|span| key(span.trace_id) == key(id));
            }
            Change::DeleteBefore(before_us) => self.remove(|span| {
                span.timestamp_us.is_some_and(|us| us < before_us) && !pins.contains(&key(span.trace_id))
            }),
        }
        Ok(())
    }

    fn remove(&mut self, is_deleted: impl Fn(&Span) -> bool) {
        let groups = std::mem::take(&mut self.groups);
        let mut kept: Vec<Span> = groups.into_values().flat_map(|group| group.spans).collect();
        kept.retain(|span| !is_deleted(span));
        self.by_age.clear();
        self.spans = 0;
        kept.into_iter().for_each(|span| self.insert(span));
    }

    /// Returns all groups.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// Returns the group with these right-most 64 bits.
    pub fn group(&self, low: u64) -> Option<&Group> {
        self.groups.get(&low)
    }

    fn insert(&mut self, span: Span) {
        let low = span.trace_id.low();
        // Spans without a time count as oldest.
        let start_ms = span.timestamp_us.unwrap_or(0) / 1000;
        let group = self.groups.entry(low).or_default();
        if !group.spans.insert(span) {
            return;
        }
        self.spans += 1;
        if group.spans.len() == 1 || start_ms < group.oldest_ms {
            self.by_age.remove(&(group.oldest_ms, low));
            self.by_age.insert((start_ms, low));
            group.oldest_ms = start_ms;
        }
    }

    fn evict_above(&mut self, spans_max: usize) {
        if self.spans <= spans_max {
            return;
        }
        // Ids are compared by what all settings have in common, so that no pinned trace goes.
        let pinned: HashSet<u64> = self.pins.iter().map(|id| id.low()).collect();
        while self.spans > spans_max
            && let Some(oldest) = self.by_age.iter().find(|(_, low)| !pinned.contains(low)).copied()
        {
            self.by_age.remove(&oldest);
            let (_, low) = oldest;
            let spans = self.groups.remove(&low).map_or(0, |group| group.spans.len());
            self.spans -= spans;
            self.spans_evicted += spans as u64;
        }
    }
}

impl Group {
    /// Returns all spans, in order of arrival.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter()
    }

    /// Returns all spans as those of one trace, whatever their ids begin with.
    pub fn whole(&self) -> Trace {
        let mut trace: Trace = self.spans.iter().cloned().collect();
        trace.sort_by_key(|span| span.trace_id);
        trace
    }

    /// Returns the traces as strict or lenient keys part them.
    pub fn traces(&self, key_of: impl Fn(TraceId) -> TraceKey) -> IndexMap<TraceKey, Vec<&Span>> {
        let mut traces: IndexMap<TraceKey, Vec<&Span>> = IndexMap::new();
        for span in &self.spans {
            traces.entry(key_of(span.trace_id)).or_default().push(span);
        }
        traces.values_mut().for_each(|trace| trace.sort_by_key(|span| span.trace_id));
        traces
    }
}
