//! Counts of matching traces over time and durations, and of those that time hides.

use crate::facts::Facts;
use crate::query::{Query, Window};

/// Most slices of a window.
pub const BUCKETS_MAX: usize = 1000;

/// Most bands of durations.
pub const BANDS_MAX: usize = 200;

/// How finely traces are counted: slices of the window, each in bands of durations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    slices: usize,
    bands_us: Vec<u64>,
}

impl Grid {
    /// Returns a grid of at least 1 and at most [`BUCKETS_MAX`] slices of time, whatever traces last.
    pub fn of_slices(slices: usize) -> Self {
        Self::new(slices, [])
    }

    /// Returns a grid with bands that begin at these durations, of which the first [`BANDS_MAX`] - 1 count. What is
    /// shorter than all of them is in a band that begins at 0.
    pub fn new(slices: usize, bands_us: impl IntoIterator<Item = u64>) -> Self {
        let mut bands_us: Vec<u64> = std::iter::once(0).chain(bands_us).take(BANDS_MAX).collect();
        bands_us.sort_unstable();
        bands_us.dedup();
        Self { slices: slices.clamp(1, BUCKETS_MAX), bands_us }
    }

    /// Says whether it tells traces apart by their durations.
    pub fn has_bands(&self) -> bool {
        self.bands_us.len() > 1
    }
}

/// How many traces were in one slice of a window, and in one band of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// First millisecond of the slice, since the epoch. It ends where the next one starts, or with the window.
    pub start_ms: u64,
    /// Shortest duration of the band. It ends where the next one begins.
    pub from_us: u64,
    /// Matching traces whose own timestamp lies in the slice, and whose longest span in the band.
    pub traces: u64,
    /// Those of them in which any span has a tag named `error`.
    pub errors: u64,
}

/// A window in slices of equal length, being counted.
#[derive(Clone, Debug)]
pub struct Counts {
    window: Window,
    starts_ms: Vec<u64>,
    bands_us: Vec<u64>,
    /// The bands of the first slice, then those of the next.
    counts: Vec<Count>,
}

impl Counts {
    /// Returns a window in which nothing is counted yet.
    pub fn new(window: Window, grid: Grid) -> Self {
        let Grid { slices, bands_us } = grid;
        let (start_ms, length_ms) = (window.start_ms(), window.end_ms - window.start_ms());
        let start = |i: usize| start_ms + (u128::from(length_ms) * i as u128 / slices as u128) as u64;
        let starts_ms: Vec<u64> = (0..slices).map(start).collect();
        let count = |start_ms, from_us| Count { start_ms, from_us, traces: 0, errors: 0 };
        let row = |start_ms| bands_us.iter().map(move |from_us| count(start_ms, *from_us));
        let counts = starts_ms.iter().flat_map(|start_ms| row(*start_ms)).collect();
        Self { window, starts_ms, bands_us, counts }
    }

    /// Counts a trace that matches all but perhaps the time.
    pub fn add(&mut self, facts: &Facts) {
        let Some(us) = facts.timestamp_us().filter(|us| self.window.contains_us(*us)) else { return };
        let slice = self.starts_ms.partition_point(|start_ms| *start_ms <= us / 1000).saturating_sub(1);
        let band = self.bands_us.partition_point(|from_us| *from_us <= facts.longest_us).saturating_sub(1);
        if let Some(count) = self.counts.get_mut(slice * self.bands_us.len() + band) {
            count.traces += 1;
            count.errors += u64::from(facts.errors > 0);
        }
    }

    /// Returns all counts: the oldest slice first, each with its bands, the shortest first.
    pub fn finish(self) -> Vec<Count> {
        self.counts
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
