//! Counts of matching traces over time, and of those that time hides.

use crate::facts::Facts;
use crate::query::{Query, Window};

/// Most slices of a window.
pub const BUCKETS_MAX: usize = 1000;

/// How many traces were in one slice of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// First millisecond of the slice, since the epoch. It ends where the next one starts, or with the window.
    pub start_ms: u64,
    /// Matching traces whose own timestamp lies in the slice.
    pub traces: u64,
    /// Those of them in which any span has a tag named `error`.
    pub errors: u64,
}

/// A window in slices of equal length, being counted.
#[derive(Clone, Debug)]
pub struct Counts {
    window: Window,
    slices: Vec<Count>,
}

impl Counts {
    /// Returns a window in at least 1 and at most [`BUCKETS_MAX`] slices, all empty.
    pub fn new(window: Window, buckets: usize) -> Self {
        let buckets = buckets.clamp(1, BUCKETS_MAX);
        let (start_ms, length_ms) = (window.start_ms(), window.end_ms - window.start_ms());
        let start = |i: usize| start_ms + (u128::from(length_ms) * i as u128 / buckets as u128) as u64;
        let slices = (0..buckets).map(|i| Count { start_ms: start(i), traces: 0, errors: 0 }).collect();
        Self { window, slices }
    }

    /// Counts a trace that matches all but perhaps the time.
    pub fn add(&mut self, facts: &Facts) {
        let Some(us) = facts.timestamp_us().filter(|us| self.window.contains_us(*us)) else { return };
        let behind = self.slices.partition_point(|slice| slice.start_ms <= us / 1000);
        if let Some(slice) = behind.checked_sub(1).and_then(|at| self.slices.get_mut(at)) {
            slice.traces += 1;
            slice.errors += u64::from(facts.errors > 0);
        }
    }

    /// Returns the slices, the oldest first.
    pub fn finish(self) -> Vec<Count> {
        self.slices
    }
}

/// Why a search finds nothing: how many traces match all but the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// No span of them has a timestamp, so no search finds them.
    pub without_timestamp: u64,
    /// Their timestamp lies outside the window; the next two are among them.
    pub outside_window: u64,
    /// Outside, and before the year 2000: reported in seconds or milliseconds, or by a clock that was never set.
    pub far_past: u64,
    /// Outside, and after the year 2099: reported in nanoseconds, or by a broken clock.
    pub far_future: u64,
}

impl Hints {
    /// Counts a trace that matches all but perhaps the time.
    pub fn add(&mut self, query: &Query, facts: &Facts) {
        match facts.timestamp_us() {
            None => self.without_timestamp += 1,
            Some(us) if query.window.contains_us(us) => {}
            Some(_) => {
                self.outside_window += 1;
                self.far_past += u64::from(facts.is_far_past());
                self.far_future += u64::from(facts.is_far_future());
            }
        }
    }
}
