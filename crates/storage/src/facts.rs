//! What time, order and counts need to know of a trace. Gathered span by span, so that no trace must be whole for it.

use std::borrow::Borrow;

use model::span::Span;

/// Instants that clocks of our days show, in microseconds since the epoch: the years 2000 to 2099. What lies
/// outside was mostly reported in seconds, milliseconds or nanoseconds.
const PLAUSIBLE_US: std::ops::Range<u64> = 946_684_800_000_000..4_102_444_800_000_000;

/// Facts about a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Start of the first span without a parent that has one, in the order of the trace.
    pub root_us: Option<u64>,
    /// Oldest start of any span.
    pub oldest_us: Option<u64>,
    /// Newest start of any span.
    pub newest_us: Option<u64>,
    /// Longest duration of any span, 0 when none has one.
    pub longest_us: u64,
    /// Spans with a tag named `error`, whatever its value.
    pub errors: u64,
}

impl Facts {
    /// Returns the facts about a whole trace.
    pub fn of<S: Borrow<Span>>(trace: &[S]) -> Self {
        trace.iter().fold(Self::default(), |facts, span| {
            let span = span.borrow();
            facts.and(&Self::of_span(
                span.parent_id.is_none(),
                span.timestamp_us,
                span.duration_us,
                span.tag("error").is_some(),
            ))
        })
    }

    /// Returns the facts about one span.
    pub fn of_span(
        parentless: bool,
        timestamp_us: Option<u64>,
        duration_us: Option<u64>,
        failed: bool,
    ) -> Self {
        Self {
            root_us: timestamp_us.filter(|_| parentless),
            oldest_us: timestamp_us,
            newest_us: timestamp_us,
            longest_us: duration_us.unwrap_or(0),
            errors: u64::from(failed),
        }
    }

    /// Returns the facts about these spans and later ones of the same trace.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        Self {
            root_us: self.root_us.or(later.root_us),
            oldest_us: self.oldest_us.into_iter().chain(later.oldest_us).min(),
            newest_us: self.newest_us.max(later.newest_us),
            longest_us: self.longest_us.max(later.longest_us),
            errors: self.errors + later.errors,
        }
    }

    /// Returns when the trace was: the start of its root, else the oldest of all.
    ///
    /// Rule: openzipkin/zipkin `zipkin2.storage.QueryRequest.test`.
    pub fn timestamp_us(&self) -> Option<u64> {
        self.root_us.or(self.oldest_us)
    }

    /// Says whether the trace seems to be from before our days.
    pub fn is_far_past(&self) -> bool {
        self.timestamp_us().is_some_and(|us| us < PLAUSIBLE_US.start)
    }

    /// Says whether the trace seems to be from after our days.
    pub fn is_far_future(&self) -> bool {
        self.timestamp_us().is_some_and(|us| us >= PLAUSIBLE_US.end)
    }
}
