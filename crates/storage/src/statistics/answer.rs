//! What is asked of the figures, and what is answered.

use std::collections::BTreeMap;

use model::histogram::Histogram;
use model::links::Link;

use crate::query::Window;
use crate::statistics::minutes_of;
use crate::statistics::table::{Cell, Key, OperationKey, Table};

/// Most steps of a series: an hour touches 61 minutes.
pub const STEPS_MAX: u64 = 61;

/// Lengths of steps in minutes that people can read off a chart; above them whole days.
const STEPS_MINUTES: [u64; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720];

const DAY_MINUTES: u64 = 1440;

/// A question for statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// All minutes that it touches are wanted.
    pub window: Window,
    /// Only operations of this service.
    pub service_name: Option<String>,
}

/// The steps into which a window is cut for charts. They start at round times; the first and the last may be only
/// partly in the window, and count that part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Number of the first step since the epoch.
    pub first: u64,
    /// How many there are: at most [`STEPS_MAX`].
    pub count: u64,
    /// Minutes of a step.
    pub minutes: u64,
}

/// How operations ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// The steps of all series.
    pub steps: Steps,
    /// One for each operation, sorted by its key.
    pub operations: Vec<Operation>,
}

/// How one operation ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Which one.
    pub key: OperationKey,
    /// Over the whole window.
    pub total: Series,
    /// In each step.
    pub steps: Vec<Series>,
}

/// Calls, errors and durations of some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Spans.
    pub calls: u64,
    /// Those with a tag named `error`.
    pub errors: u64,
    /// Durations in microseconds.
    pub durations: Histogram,
}

/// A dependency link, and how long its calls took as far as their servers, or else their clients, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Who called whom, how often.
    pub link: Link,
    /// Microseconds.
    pub durations: Histogram,
}

impl Steps {
    /// Cuts a window into the shortest steps that are few enough.
    pub fn of(window: &Window) -> Self {
        let minutes = minutes_of(window);
        let (first, last) = (*minutes.start(), *minutes.end());
        let count = |step: u64| last / step - first / step + 1;
        let days = || (last - first + 1).div_ceil(DAY_MINUTES * (STEPS_MAX - 1)).max(1) * DAY_MINUTES;
        let round = STEPS_MINUTES.into_iter().find(|step| count(*step) <= STEPS_MAX);
        let step = round.unwrap_or_else(days);
        Self { first: first / step, count: count(step), minutes: step }
    }

    /// Returns the start of the first step, milliseconds since the epoch.
    pub fn start_ms(&self) -> u64 {
        self.first * self.minutes * 60_000
    }
}

impl Asked {
    /// Says whether an operation of this service is wanted.
    pub fn wants(&self, service_name: &str) -> bool {
        self.service_name.as_deref().is_none_or(|wanted| wanted == service_name)
    }
}

/// Makes an answer of operations counted by the number of their step since the epoch.
pub fn statistics(steps: Steps, counted: &Table) -> Statistics {
    let mut totals: BTreeMap<&OperationKey, (Cell, Vec<Series>)> = BTreeMap::new();
    for (slot, key, cell) in counted.cells() {
        let Key::Operation(key) = key else { continue };
        let Some(at) = slot.checked_sub(steps.first).filter(|at| *at < steps.count) else { continue };
        let (total, series) = totals
            .entry(key)
            .or_insert_with(|| (Cell::default(), vec![Series::default(); steps.count as usize]));
        total.merge(cell);
        if let Some(step) = series.get_mut(at as usize) {
            *step = Series::of(cell);
        }
    }
    let operation = |(key, (total, steps)): (&OperationKey, (Cell, Vec<Series>))| {
        let total = Series::of(&total);
        (total.calls > 0).then(|| Operation { key: key.clone(), total, steps })
    };
    Statistics { steps, operations: totals.into_iter().filter_map(operation).collect() }
}

/// Makes an answer of links, whatever slot they are counted in.
pub fn dependencies(counted: &Table) -> Vec<Dependency> {
    let mut totals: BTreeMap<(&str, &str), Cell> = BTreeMap::new();
    for (_, key, cell) in counted.cells() {
        if let Key::Link { parent, child } = key {
            totals.entry((parent, child)).or_default().merge(cell);
        }
    }
    let dependency = |((parent, child), cell): ((&str, &str), Cell)| {
        let Series { calls, errors, durations } = Series::of(&cell);
        let (parent, child) = (parent.to_owned(), child.to_owned());
        let link = Link { parent, child, call_count: calls, error_count: errors };
        (calls > 0).then_some(Dependency { link, durations })
    };
    totals.into_iter().filter_map(dependency).collect()
}

impl Series {
    /// Returns what is counted. Less than nothing, which is left when what was corrected has been deleted, is nothing.
    fn of(cell: &Cell) -> Self {
        let positive = |count: i64| u64::try_from(count).unwrap_or(0);
        let calls = positive(cell.calls);
        Self { calls, errors: positive(cell.errors).min(calls), durations: cell.durations.clone() }
    }
}
