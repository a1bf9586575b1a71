//! What was seen of each trace while looking through all parts.

use std::collections::HashMap;

use model::id::TraceId;
use storage::query::Window;

/// What was seen, by trace.
#[derive(Debug)]
pub struct Sightings {
    window: Window,
    traces: HashMap<TraceId, Sighting>,
    /// The trace of the row before: rows of a trace come together.
    last: Option<(TraceId, Sighting)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sighting {
    met: u64,
    newest_us: u64,
    in_window: bool,
}

impl Sightings {
    /// Returns none; only traces with a span that starts in the window will be candidates.
    pub fn new(window: Window) -> Self {
        Self { window, traces: HashMap::new(), last: None }
    }

    /// Adds what one span shows.
    pub fn add(&mut self, id: TraceId, timestamp_us: Option<u64>, met: u64) {
        let seen = Sighting {
            met,
            newest_us: timestamp_us.unwrap_or(0),
            in_window: timestamp_us.is_some_and(|us| self.window.contains_us(us)),
        };
        match &mut self.last {
            Some((last, sighting)) if *last == id => sighting.join(seen),
            _ => {
                self.settle();
                self.last = Some((id, seen));
            }
        }
    }

    /// Returns the traces that met all needs, with their newest timestamps.
    pub fn candidates(&mut self, needs: u64) -> Vec<(TraceId, u64)> {
        self.settle();
        let fit = |seen: &Sighting| seen.met & needs == needs && seen.in_window;
        self.traces.iter().filter(|(_, seen)| fit(seen)).map(|(id, seen)| (*id, seen.newest_us)).collect()
    }

    /// Returns all traces that were seen.
    pub fn ids(&self) -> impl Iterator<Item = TraceId> {
        self.traces.keys().copied()
    }

    fn settle(&mut self) {
        if let Some((id, seen)) = self.last.take() {
            self.traces.entry(id).or_default().join(seen);
        }
    }
}

impl Sighting {
    fn join(&mut self, other: Self) {
        self.met |= other.met;
        self.newest_us = self.newest_us.max(other.newest_us);
        self.in_window |= other.in_window;
    }
}
