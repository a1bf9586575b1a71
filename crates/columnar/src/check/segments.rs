//! Holds every segment against its checksums, its footer against the manifest, and both against the spans that are in it.

use disk::port::Disk;
use model::id::TraceId;

use super::{Check, aside, bytes_in_words};
use crate::config::OpenError;
use crate::manifest::Manifest;
use crate::segment::error::SegmentError;
use crate::segment::meta::{Entry, Extent, is_segment};
use crate::segment::read::Segment;
use crate::segment::write::VERSION;

/// What is seen of the spans of a segment, in their order.
#[derive(Default)]
struct Seen {
    rows: u64,
    traces: u64,
    first: Option<TraceId>,
    last: Option<TraceId>,
    timestamp_min_us: Option<u64>,
    timestamp_max_us: Option<u64>,
    /// First row whose trace id is smaller than the one before.
    unsorted: Option<u64>,
    /// First trace that a search by id would not find.
    hidden: Option<TraceId>,
}

impl Check<'_> {
    /// Looks through the segments that count: those that the manifest names, all when there is no manifest.
    pub(super) fn segments(
        &mut self,
        names: &[String],
        manifest: Option<&Manifest>,
    ) -> Result<(), OpenError> {
        let entries = match manifest {
            Some(manifest) => manifest.segments.clone(),
            None => self.adopted(names)?,
        };
        for entry in entries {
            let (name, passed) = (entry.name.clone(), self.done_bytes);
            match self.segment(&entry) {
                // Nobody asks, so nobody goes away.
                Ok(()) | Err(SegmentError::Abandoned) => {}
                Err(SegmentError::Io { error, .. }) => {
                    return Err(OpenError::Io { path: self.dir.join(name), error });
                }
                Err(SegmentError::Newer { version, .. }) => {
                    return Err(OpenError::Newer { path: self.dir.join(name), version, known: VERSION });
                }
                Err(SegmentError::Damaged { why, .. }) => {
                    let next = format!(
                        "the next start puts it aside as {}; its {} spans are no longer found, all others are",
                        aside(&name),
                        entry.extent.rows
                    );
                    self.report.damage(&name, None, why, next);
                }
            }
            let rest = entry.bytes.saturating_sub(self.done_bytes - passed);
            self.passed(rest);
        }
        Ok(())
    }

    /// Does as a start does that finds no manifest.
    fn adopted(&mut self, names: &[String]) -> Result<Vec<Entry>, OpenError> {
        let mut entries = Vec::new();
        for name in names.iter().filter(|name| is_segment(name)) {
            match Segment::adopt(&**self.disk, self.dir, name) {
                Ok(entry) => entries.push(entry),
                Err(SegmentError::Abandoned) => {}
                Err(SegmentError::Io { error, .. }) => {
                    return Err(OpenError::Io { path: self.dir.join(name), error });
                }
                Err(SegmentError::Newer { version, .. }) => {
                    return Err(OpenError::Newer { path: self.dir.join(name), version, known: VERSION });
                }
                Err(SegmentError::Damaged { why, .. }) => {
                    let next = format!("the next start puts it aside as {}", aside(name));
                    self.report.damage(name, None, why, next);
                }
            }
        }
        Ok(entries)
    }

    /// An error is what a start finds too.
    fn segment(&mut self, entry: &Entry) -> Result<(), SegmentError> {
        let name = &entry.name;
        let disk: &dyn Disk = &**self.disk;
        let segment = Segment::open(disk, self.dir, entry.clone())?;
        self.report.segments += 1;
        let footer = segment.footer()?;
        if (&footer.extent, footer.data_bytes) != (&entry.extent, entry.data_bytes) {
            let what = "the footer and the manifest say different things about it".to_owned();
            self.report.damage(name, Some(entry.data_bytes), what, READ_AS_IS);
        }
        let damage = segment
            .damage(&mut |bytes| self.passed(bytes))
            .map_err(|error| SegmentError::of_io(name, error))?;
        for range in &damage {
            let what = format!("the checksum of {} does not hold", bytes_in_words(range));
            let next = format!(
                "the next start does not see it; the first question that needs these bytes puts the segment aside as {}, with its {} spans",
                aside(name),
                entry.extent.rows
            );
            self.report.damage(name, Some(range.start), what, next);
        }
        if damage.is_empty() {
            match look_at_rows(&segment) {
                Ok(seen) => self.compare(entry, &seen),
                Err(SegmentError::Damaged { why, .. }) => {
                    let next = "every question that needs these spans puts the segment aside";
                    self.report.damage(name, None, why, next);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn compare(&mut self, entry: &Entry, seen: &Seen) {
        self.report.segment_spans += seen.rows;
        let hex = |id: Option<TraceId>| id.map_or_else(String::new, |id| format!("{:032x}", id.get()));
        let found = Extent {
            rows: seen.rows,
            traces: seen.traces,
            trace_id_min: hex(seen.first),
            trace_id_max: hex(seen.last),
            timestamp_min_us: seen.timestamp_min_us,
            timestamp_max_us: seen.timestamp_max_us,
            ..entry.extent.clone()
        };
        if found != entry.extent {
            let what = format!(
                "it holds {} spans of {} traces from {} to {}; the manifest says {} of {} from {} to {}",
                found.rows,
                found.traces,
                found.trace_id_min,
                found.trace_id_max,
                entry.extent.rows,
                entry.extent.traces,
                entry.extent.trace_id_min,
                entry.extent.trace_id_max
            );
            self.report.damage(&entry.name, None, what, READ_AS_IS);
        }
        if let Some(row) = seen.unsorted {
            let what = format!("its spans are not sorted by trace id from row {row} on");
            self.report.damage(&entry.name, None, what, READ_AS_IS);
        }
        if let Some(id) = seen.hidden {
            let what = format!("its index does not know the trace {id}, which is in it");
            self.report.damage(&entry.name, None, what, READ_AS_IS);
        }
    }
}

const READ_AS_IS: &str = "the next start does not see it; some spans may not be found by some questions. \
                          `spanlet export` them, and `spanlet import` them into a new directory";

fn look_at_rows(segment: &Segment) -> Result<Seen, SegmentError> {
    let mut seen = Seen::default();
    for span in segment.spans()? {
        let span = span?;
        if seen.last != Some(span.trace_id) {
            seen.traces += 1;
            if seen.last > Some(span.trace_id) && seen.unsorted.is_none() {
                seen.unsorted = Some(seen.rows);
            }
            if seen.hidden.is_none() && !segment.may_hold(span.trace_id) {
                seen.hidden = Some(span.trace_id);
            }
        }
        seen.first = seen.first.or(Some(span.trace_id));
        seen.last = Some(span.trace_id);
        seen.timestamp_min_us = seen.timestamp_min_us.into_iter().chain(span.timestamp_us).min();
        seen.timestamp_max_us = seen.timestamp_max_us.max(span.timestamp_us);
        seen.rows += 1;
    }
    Ok(seen)
}
