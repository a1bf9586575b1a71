//! What was seen of each trace while looking through all parts.

use std::collections::HashMap;

use model::id::TraceId;
use storage::facts::Facts;
use storage::order::TraceKey;
use storage::query::Window;

use crate::deleted::HiddenHere;

/// What was seen, by trace id.
#[derive(Debug)]
pub struct Sightings {
    window: Window,
    traces: HashMap<TraceId, Sighting>,
    /// The trace of the row before: rows of a trace come together.
    last: Option<(TraceId, Sighting)>,
    /// What is deleted of the part being looked at.
    hidden: Option<HiddenHere>,
}

/// What was seen of one trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sighting {
    /// Bits of the tests that some counted span met.
    pub met: u64,
    /// Facts as far as they were asked for. Repeated reports are counted again.
    pub facts: Facts,
    /// Whether any span starts in the window.
    pub in_window: bool,
    /// Whether it was taken.
    taken: bool,
}

impl Sightings {
    /// Returns none.
    pub fn new(window: Window) -> Self {
        Self { window, traces: HashMap::new(), last: None, hidden: None }
    }

    /// Begins another part, of which some may be deleted.
    pub fn enter(&mut self, hidden: HiddenHere) {
        self.hidden = Some(hidden).filter(|here| !here.hidden.is_empty());
    }

    /// Adds what one span shows. Spans of one trace are added in order of arrival.
    pub fn add(&mut self, id: TraceId, met: u64, facts: &Facts) {
        if self.hidden.as_ref().is_some_and(|here| here.hides(id, facts.newest_us)) {
            return;
        }
        let in_window = facts.newest_us.is_some_and(|us| self.window.contains_us(us));
        let seen = Sighting { met, facts: *facts, in_window, taken: false };
        match &mut self.last {
            Some((last, sighting)) if *last == id => sighting.join(&seen),
            _ => {
                self.settle();
                self.last = Some((id, seen));
            }
        }
    }

    /// Returns what was seen of a trace.
    pub fn get(&self, id: TraceId) -> Sighting {
        self.traces.get(&id).copied().unwrap_or_default()
    }

    /// Returns the traces with a span newer than this, or all, which were not returned before.
    pub fn take_newer(&mut self, than_ms: Option<u64>) -> Vec<(TraceId, Sighting)> {
        self.settle();
        let newer =
            |seen: &Sighting| than_ms.is_none_or(|ms| seen.facts.newest_us.is_some_and(|us| us / 1000 > ms));
        let mut found = Vec::new();
        for (id, seen) in self.traces.iter_mut().filter(|(_, seen)| !seen.taken && newer(seen)) {
            seen.taken = true;
            found.push((*id, *seen));
        }
        found
    }

    /// Returns what was seen, by trace id, in no order.
    pub fn finish(mut self) -> impl Iterator<Item = (TraceId, Sighting)> {
        self.settle();
        self.traces.into_iter()
    }

    /// Returns what was seen, by trace, in no order, with the ids under which its spans came.
    pub fn finish_by_trace(self, strict_trace_id: bool) -> Vec<Seen> {
        let key = |id| TraceKey::new(id, strict_trace_id);
        let one = |(id, seen)| Seen { key: key(id), id, more_ids: Vec::new(), seen };
        let mut all: Vec<Seen> = self.finish().map(one).collect();
        if !strict_trace_id {
            // Facts depend on the order of spans: those of smaller ids come first.
            all.sort_unstable_by_key(|seen| (seen.key, seen.id));
            all.dedup_by(|later, first| {
                let same = later.key == first.key;
                if same {
                    first.seen.join(&later.seen);
                    first.more_ids.push(later.id);
                }
                same
            });
        }
        all
    }

    fn settle(&mut self) {
        if let Some((id, seen)) = self.last.take() {
            self.traces.entry(id).or_default().join(&seen);
        }
    }
}

/// A trace that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its key.
    pub key: TraceKey,
    /// The smallest id under which its spans came.
    pub id: TraceId,
    /// The others, in order: none, unless ids are lenient.
    pub more_ids: Vec<TraceId>,
    /// What was seen.
    pub seen: Sighting,
}

impl Seen {
    /// Returns the trace with this id, of which nothing was seen yet.
    pub fn of_strict(id: TraceId) -> Self {
        Self { key: TraceKey::new(id, true), id, more_ids: Vec::new(), seen: Sighting::default() }
    }

    /// Returns all ids under which its spans came.
    pub fn ids(&self) -> impl Iterator<Item = TraceId> {
        std::iter::once(self.id).chain(self.more_ids.iter().copied())
    }
}

impl Sighting {
    fn join(&mut self, later: &Self) {
        self.met |= later.met;
        self.facts = self.facts.and(&later.facts);
        self.in_window |= later.in_window;
    }
}
