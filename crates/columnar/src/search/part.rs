//! A segment or a memtable, as a search sees it.

use model::id::TraceId;

use crate::catalog::View;
use crate::memtable::Memtable;
use crate::search::gather::Gather;
use crate::search::needs::{Needs, Test};
use crate::search::sightings::Sightings;
use crate::segment::error::{SegmentError, still_wanted};
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

    /// Returns how many spans there are.
    pub fn rows(&self) -> usize {
        match self.held {
            Held::Segment(segment) => segment.entry().extent.rows as usize,
            Held::Memtable(memtable) => memtable.spans(),
        }
    }

    /// Returns the row groups that may have a counted span which meets a test. A memtable is one row group.
    pub fn groups_with(&self, needs: &Needs, test: &Test) -> Result<Vec<usize>, SegmentError> {
        let (name, remote) = match test {
            Test::Name(name) => (Some(name.as_str()), None),
            Test::Remote(remote) => (None, Some(remote.as_str())),
            _ => (None, None),
        };
        let service = needs.service.as_deref();
        match self.held {
            Held::Segment(segment) if !segment.may_have(service, name, remote) => Ok(Vec::new()),
            Held::Segment(segment) => match test.mark() {
                Some(mark) => segment.groups_with(mark),
                None => Ok(segment.groups().collect()),
            },
            Held::Memtable(memtable) => {
                let may = memtable.may_have(service, name, remote)
                    && test.mark().is_none_or(|mark| memtable.has_mark(mark));
                Ok(if may { vec![0] } else { Vec::new() })
            }
        }
    }

    /// Returns how many spans row groups have.
    pub fn rows_of(&self, groups: &[usize]) -> usize {
        match self.held {
            Held::Segment(segment) => groups.iter().map(|group| segment.group_len(*group)).sum(),
            Held::Memtable(memtable) if !groups.is_empty() => memtable.spans(),
            Held::Memtable(_) => 0,
        }
    }

    /// Calls with the trace id of each counted span in some row groups that meets a test.
    pub fn find(
        &self,
        groups: &[usize],
        needs: &Needs,
        test: &Test,
        call: &mut impl FnMut(TraceId),
    ) -> Result<(), SegmentError> {
        match self.held {
            Held::Segment(segment) => scan::find(segment, groups, needs, test, call),
            Held::Memtable(memtable) => {
                for block in memtable.blocks() {
                    still_wanted()?;
                    let met = block.rows().filter(|row| needs.counts(row) && test.is_met_by(row));
                    met.for_each(|row| call(row.trace_id));
                }
                Ok(())
            }
        }
    }

    /// Adds what the part shows of each of its traces.
    pub fn look(&self, needs: &Needs, gather: Gather, sightings: &mut Sightings) -> Result<(), SegmentError> {
        match self.held {
            Held::Segment(segment) => scan::scan(segment, needs, gather, sightings),
            Held::Memtable(memtable) => {
                for block in memtable.blocks() {
                    still_wanted()?;
                    for row in block.rows() {
                        sightings.add(row.trace_id, needs.met_by(&row), &gather.of_row(&row));
                    }
                }
                Ok(())
            }
        }
    }
}
