//! Figures per minute: who called whom, and how often, how well and how fast each operation ran.
//!
//! A trace counts whole in the minute of its own timestamp (see [`Facts::timestamp_us`](crate::facts::Facts)), which
//! says for a dependency link when it was; a span counts in the minute of its own start. What a trace adds depends on
//! all its spans, so a late one changes it: counts are signed, and a store adds the difference.

mod answer;
mod table;
mod trace;

pub use answer::{
    Asked, Dependency, Operation, STEPS_MAX, Series, Statistics, Steps, dependencies, statistics,
};
pub use table::{Cell, KEYS_MAX, Key, KeyRef, OperationKey, Table};
pub use trace::{MINUTE_US, of_trace};

use std::ops::RangeInclusive;

use crate::query::Window;

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

/// Returns the minutes that a window touches, counted since the epoch: figures are known by whole minutes only.
pub fn minutes_of(window: &Window) -> RangeInclusive<u64> {
    window.start_ms() / MINUTE_MS..=window.end_ms / MINUTE_MS
}

/// Returns a window that holds every instant of the minutes that this one touches.
pub fn whole_minutes(window: &Window) -> Window {
    let minutes = minutes_of(window);
    let end_ms = minutes.end().saturating_add(1).saturating_mul(MINUTE_MS);
    Window { end_ms, lookback_ms: end_ms - minutes.start() * MINUTE_MS }
}
