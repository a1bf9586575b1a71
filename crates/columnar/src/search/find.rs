//! Searches, counts and hints: all from one look at the columns; only traces to be returned are read whole.

use std::cmp::Reverse;

use model::span::Span;
use storage::budget::Budget;
use storage::counts::{Count, Counts, Grid, Hints};
use storage::error::ReadError;
use storage::facts::Facts;
use storage::order::{Rank, TraceKey};
use storage::port::{Found, Trace};
use storage::query::{Cursor, Order, Query, Window};

use crate::search::gather::Gather;
use crate::search::needs::Needs;
use crate::search::newest;
use crate::search::sightings::Seen;
use crate::search::{Reading, SearchError, TRACES_AT_ONCE};

/// Traces read whole at once that were found by something rare.
const RARE_AT_ONCE: usize = 64;

impl Reading<'_> {
    /// Returns matching traces.
    pub fn search(&self, query: &Query) -> Result<Found, SearchError> {
        let needs = Needs::of(query);
        if let Some(traces) = self.find_rare(&needs)? {
            let mut page = Page::new(query, self.budget());
            for traces in traces.chunks(RARE_AT_ONCE) {
                self.for_each_trace(traces, page.budget, &mut |key, trace| page.test(key, trace))?;
            }
            return Ok(page.finish());
        }
        if query.order == Order::Newest && self.config.strict_trace_id {
            return newest::search(*self, query);
        }
        let sightings = self.look(&needs, Gather::for_order(query.order), query.window)?;
        let seen = sightings.finish_by_trace(self.config.strict_trace_id).into_iter();
        let mut candidates: Vec<(Rank, Seen)> = seen
            .filter(|trace| needs.hold(trace.seen.met) && may_be_in(&query.window, &trace.seen.facts))
            .map(|trace| (query.order.rank(trace.key, &trace.seen.facts), trace))
            .filter(|(rank, trace)| may_be_behind(query, *rank, &trace.seen.facts))
            .collect();
        candidates.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        let (ranks, candidates): (Vec<Rank>, Vec<Seen>) = candidates.into_iter().unzip();
        let mut page = Page::new(query, self.budget());
        let at_once = query.limit.clamp(1, TRACES_AT_ONCE);
        for (ranks, traces) in ranks.chunks(at_once).zip(candidates.chunks(at_once)) {
            // What is known so far can only be too high.
            if ranks.first().is_some_and(|best| page.is_full_above(*best)) {
                break;
            }
            self.for_each_trace(traces, page.budget, &mut |key, trace| page.test(key, trace))?;
        }
        Ok(page.finish())
    }

    /// Counts matching traces over time and durations.
    pub fn count(&self, query: &Query, grid: Grid) -> Result<Vec<Count>, SearchError> {
        let gather = Gather { durations: grid.has_bands(), ..Gather::for_counts() };
        let mut counts = Counts::new(query.window, grid);
        self.for_each_match(query, gather, &mut |facts| counts.add(facts))?;
        Ok(counts.finish())
    }

    /// Counts traces that match all but the time.
    pub fn hints(&self, query: &Query) -> Result<Hints, SearchError> {
        let mut hints = Hints::default();
        self.for_each_match(query, Gather::for_counts(), &mut |facts| hints.add(query, facts))?;
        Ok(hints)
    }

    /// Calls with the facts about each trace that matches all but the time.
    fn for_each_match(
        &self,
        query: &Query,
        gather: Gather,
        call: &mut impl FnMut(&Facts),
    ) -> Result<(), SearchError> {
        let needs = Needs::of(query);
        if let Some(traces) = self.find_rare(&needs)? {
            return self.for_each_whole(query, &traces, call);
        }
        let sightings = self.look(&needs, gather, query.window)?;
        let mut traces = sightings.finish_by_trace(self.config.strict_trace_id);
        traces.retain(|trace| needs.hold(trace.seen.met));
        if needs.are_exact() {
            traces.iter().for_each(|trace| call(&trace.seen.facts));
            return Ok(());
        }
        self.for_each_whole(query, &traces, call)
    }

    /// Reads traces whole, and calls with the facts about those that match all but the time.
    fn for_each_whole(
        &self,
        query: &Query,
        traces: &[Seen],
        call: &mut impl FnMut(&Facts),
    ) -> Result<(), SearchError> {
        for chunk in traces.chunks(TRACES_AT_ONCE) {
            self.for_each_trace(chunk, self.budget(), &mut |_, trace| {
                if query.matches(&trace) {
                    call(&Facts::of(&trace));
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// Says whether a trace that has spans at these times may have its own in the window.
pub fn may_be_in(window: &Window, facts: &Facts) -> bool {
    facts.oldest_us.zip(facts.newest_us).is_some_and(|(oldest, newest)| window.overlaps_us(oldest, newest))
}

/// Says whether a trace may stand behind the place where the search goes on.
fn may_be_behind(query: &Query, rank: Rank, facts: &Facts) -> bool {
    // An error that was reported twice was seen twice.
    let is_known = query.order != Order::Errors || facts.errors <= 1;
    query.after.is_none_or(|place| !is_known || place.is_before(rank))
}

/// Matching traces, highest rank first, no more than asked for.
pub struct Page<'a> {
    query: &'a Query,
    /// What may still be read.
    pub budget: Budget,
    traces: Vec<(Rank, Trace)>,
}

impl<'a> Page<'a> {
    /// Returns an empty one.
    pub fn new(query: &'a Query, budget: Budget) -> Self {
        Self { query, budget, traces: Vec::new() }
    }

    /// Says whether as many were found as asked for.
    pub fn is_full(&self) -> bool {
        self.traces.len() >= self.query.limit
    }

    /// Says whether no trace of this rank or below can come in.
    pub fn is_full_above(&self, best: Rank) -> bool {
        self.is_full() && self.traces.last().is_none_or(|(rank, _)| *rank >= best)
    }

    /// Keeps a whole trace if it matches and ranks high enough.
    pub fn test(&mut self, key: TraceKey, trace: Trace) -> Result<(), ReadError> {
        let facts = Facts::of(&trace);
        let rank = self.query.order.rank(key, &facts);
        if !self.query.reaches(&facts, rank) || self.is_full_above(rank) || !self.query.matches(&trace) {
            return Ok(());
        }
        let at = self.traces.partition_point(|(other, _)| *other > rank);
        self.traces.insert(at, (rank, trace));
        let too_many = (self.traces.len() > self.query.limit).then(|| self.traces.pop()).flatten();
        if let Some((_, trace)) = too_many {
            self.budget.give_back(bytes(&trace));
        }
        self.budget.take(self.traces.get(at).map_or(0, |(_, trace)| bytes(trace)))
    }

    /// Returns what was found, and where to go on.
    pub fn finish(self) -> Found {
        let full = self.traces.last().filter(|_| self.traces.len() == self.query.limit);
        let next = full.map(|(rank, _)| Cursor::behind(self.query.order, *rank));
        Found { traces: self.traces.into_iter().map(|(_, trace)| trace).collect(), next }
    }
}

fn bytes(trace: &[Span]) -> usize {
    trace.iter().map(Span::memory_bytes).sum()
}
