//! Finds the newest matching traces without looking at more parts than it must.
//!
//! Parts are looked at from the newest on. A trace may be spread over several of them, its conditions met here and
//! its newest span there, so these rules decide when that is enough:
//!
//! - a trace is settled when its newest span seen is newer than all parts ahead: then its rank is known;
//! - settled traces are read whole and tested in falling rank, if what was seen of them suffices;
//! - once the page is full, those settled traces above its last one that fell short so far are tested too, if a
//!   part ahead may hold spans of them. All others rank below.

use std::cmp::Reverse;

use model::id::TraceId;
use storage::order::{Rank, TraceKey};
use storage::port::Found;
use storage::query::Query;

use crate::search::find::{Page, may_be_in};
use crate::search::gather::Gather;
use crate::search::needs::Needs;
use crate::search::part::Part;
use crate::search::sightings::{Seen, Sighting, Sightings};
use crate::search::{Reading, SearchError, TRACES_AT_ONCE};

/// With more questions whether a part may hold a trace than these, it is cheaper to look at another part.
const CHECKS_MAX: usize = 1 << 20;

/// Returns matching traces, newest first. Trace ids must be strict.
pub fn search(reading: Reading<'_>, query: &Query) -> Result<Found, SearchError> {
    let mut ahead: Vec<Part> = Part::all(reading.view).collect();
    ahead.sort_by_key(Part::newest_us);
    let needs = Needs::of(query);
    let gather = Gather::for_order(query.order);
    let sightings = Sightings::new(query.window);
    let page = Page::new(query, reading.budget());
    let mut search = Search { reading, query, needs, sightings, ahead, short: Vec::new(), page };
    let mut looked = 0_usize;
    while let Some(part) = search.ahead.pop() {
        reading.look_at(&part, &search.needs, gather, &mut search.sightings)?;
        looked += 1;
        // To try takes time for each trace seen, so it is done after one part, two, four and so on.
        if (looked.is_power_of_two() || search.has_passed_window()) && search.try_to_finish()? {
            break;
        }
    }
    Ok(search.page.finish())
}

struct Search<'a> {
    reading: Reading<'a>,
    query: &'a Query,
    needs: Needs,
    sightings: Sightings,
    /// Parts not yet looked at, the newest last.
    ahead: Vec<Part<'a>>,
    /// Settled traces of which too little was seen so far.
    short: Vec<(Rank, TraceId)>,
    page: Page<'a>,
}

impl Search<'_> {
    /// Says whether all parts ahead are older than the window: then all traces in it were seen and are settled.
    fn has_passed_window(&self) -> bool {
        self.ahead.last().is_none_or(|part| part.newest_us() / 1000 < self.query.window.start_ms())
    }

    /// Tests traces that were settled since the last time. Returns whether the page is as it will be.
    fn try_to_finish(&mut self) -> Result<bool, SearchError> {
        let bound_ms = self.ahead.last().map(|part| part.newest_us() / 1000);
        let mut settled = std::mem::take(&mut self.short);
        for (id, seen) in self.sightings.take_newer(bound_ms) {
            let rank = self.query.order.rank(TraceKey::new(id, true), &seen.facts);
            settled.extend(self.query.after.is_none_or(|place| place.is_before(rank)).then_some((rank, id)));
        }
        settled.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        let mut enough = Vec::new();
        for (rank, id) in settled {
            if self.page.is_full_above(rank) {
                break;
            }
            if self.suffices(&self.sightings.get(id)) {
                enough.push(id);
            } else {
                self.short.push((rank, id));
            }
            if enough.len() >= self.query.limit.min(TRACES_AT_ONCE) {
                self.test(&std::mem::take(&mut enough))?;
            }
        }
        self.test(&enough)?;
        if !self.page.is_full() && !self.has_passed_window() {
            return Ok(false);
        }
        self.short.retain(|(rank, _)| !self.page.is_full_above(*rank));
        if self.short.len().saturating_mul(self.ahead.len()) > CHECKS_MAX {
            return Ok(false);
        }
        let spread = self.short.iter().filter(|(_, id)| self.ahead.iter().any(|part| part.may_hold(*id)));
        let spread: Vec<TraceId> = spread.map(|(_, id)| *id).collect();
        spread.chunks(TRACES_AT_ONCE).try_for_each(|ids| self.test(ids))?;
        Ok(true)
    }

    /// Says whether a trace may match by what was seen of it.
    fn suffices(&self, seen: &Sighting) -> bool {
        self.needs.hold(seen.met) && may_be_in(&self.query.window, &seen.facts)
    }

    fn test(&mut self, ids: &[TraceId]) -> Result<(), SearchError> {
        let traces: Vec<Seen> = ids.iter().map(|id| Seen::of_strict(*id)).collect();
        let page = &mut self.page;
        self.reading.for_each_trace(&traces, page.budget, &mut |key, trace| page.test(key, trace))
    }
}
