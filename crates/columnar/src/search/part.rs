//! A segment or a memtable, as a search sees it.

use model::id::TraceId;

use crate::catalog::View;
use crate::memtable::Memtable;
use crate::search::gather::Gather;
use crate::search::needs::Needs;
use crate::search::sightings::Sightings;
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;
use crate::segment::scan;

/// One part of a view.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    held: Held<'a>,
    /// Oldest and newest start of a span.
    times_us: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
enum Held<'a> {
    Segment(&'a Segment),
    Memtable(&'a Memtable),
}

impl<'a> Part<'a> {
    /// Returns all parts of a view, in order of arrival: segments hold older spans than memtables.
    pub fn all(view: &'a View) -> impl Iterator<Item = Self> {
        let segments = view.segments.iter().map(|segment| {
            let extent = &segment.entry().extent;
            let times_us = extent.timestamp_min_us.zip(extent.timestamp_max_us);
            Self { held: Held::Segment(segment), times_us }
        });
        let memtable = |memtable: &'a Memtable| {
            let times_us = memtable.times_us();
            Self { held: Held::Memtable(memtable), times_us }
        };
        segments.chain(view.memtables().map(memtable))
    }

    /// Returns the newest start of a span, 0 when none has one.
    pub fn newest_us(&self) -> u64 {
        self.times_us.map_or(0, |(_, newest_us)| newest_us)
    }

    /// Returns the end of the journal records that it holds.
    pub fn journal_end(&self) -> u64 {
        match self.held {
            Held::Segment(segment) => segment.entry().extent.journal_end,
            Held::Memtable(memtable) => memtable.journal().end,
        }
    }

    /// Says whether a span may belong to the trace; wrong once in 100,000 times.
    pub fn may_hold(&self, id: TraceId) -> bool {
        match self.held {
            Held::Segment(segment) => segment.may_hold(id),
            Held::Memtable(memtable) => memtable.holds(id),
        }
    }

    /// Adds what the part shows of each of its traces.
    pub fn look(&self, needs: &Needs, gather: Gather, sightings: &mut Sightings) -> Result<(), SegmentError> {
        match self.held {
            Held::Segment(segment) => scan::scan(segment, needs, gather, sightings),
            Held::Memtable(memtable) => {
                for block in memtable.blocks() {
                    for row in block.rows() {
                        sightings.add(row.trace_id, needs.met_by(&row), &gather.of_row(&row));
                    }
                }
                Ok(())
            }
        }
    }
}
