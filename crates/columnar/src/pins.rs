//! What people change: traces are pinned, so that retention leaves them, and deleted.

use std::collections::HashSet;

use model::id::TraceId;
use storage::change::{Change, ChangeError, PINS_MAX};
use storage::order::TraceKey;

use crate::deleted::{DELETIONS_MAX, Deletion, HexId, What};
use crate::engine::{Engine, lock};
use crate::manifest::Manifest;
use crate::memtable::Memtable;
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;

/// Pinned traces, ready to be asked.
#[derive(Debug)]
pub struct Pins {
    strict_trace_id: bool,
    ids: Vec<TraceId>,
    keys: HashSet<TraceKey>,
}

impl Pins {
    /// Gathers pins.
    pub fn new(pins: &[HexId], strict_trace_id: bool) -> Self {
        let keys = pins.iter().map(|id| TraceKey::new(id.0, strict_trace_id)).collect();
        Self { strict_trace_id, ids: pins.iter().map(|id| id.0).collect(), keys }
    }

    /// Says whether a trace is pinned.
    pub fn hold(&self, id: TraceId) -> bool {
        self.keys.contains(&TraceKey::new(id, self.strict_trace_id))
    }

    /// Counts the traces of a segment that are pinned.
    pub fn count_in(&self, segment: &Segment) -> Result<u64, SegmentError> {
        // With lenient ids the left half is not known, so that no filter can be asked.
        if self.strict_trace_id && !self.ids.iter().any(|id| segment.may_hold(*id)) {
            return Ok(0);
        }
        let (mut count, mut last) = (0, None);
        segment.for_each_trace_id(&mut |id| {
            count += u64::from(last != Some(id) && self.hold(id));
            last = Some(id);
        })?;
        Ok(count)
    }
}

impl Engine {
    /// Pins, unpins or deletes. On return that is safe, and every later answer shows it.
    pub fn change(&self, change: Change) -> Result<(), ChangeError> {
        match change {
            Change::Pin(id) => self.pin(id),
            Change::Unpin(id) => {
                let is_it = self.same_trace(id);
                self.change_manifest(|manifest| {
                    manifest.pins.retain(|pin| !is_it(pin));
                    Ok(())
                })
            }
            Change::Delete(id) => {
                let is_it = self.same_trace(id);
                let strict = self.config().strict_trace_id;
                let holds = |memtable: &Memtable| match strict {
                    true => memtable.holds(id),
                    false => memtable.trace_ids().into_iter().any(|other| is_it(&HexId(other))),
                };
                let end = self.part_at(holds).map_err(ChangeError::Failed)?;
                self.delete(end, |manifest| {
                    manifest.pins.retain(|pin| !is_it(pin));
                    What::Trace { trace_id: HexId(id) }
                })
            }
            Change::DeleteBefore(before_us) => {
                let is_old = |(oldest_us, _)| oldest_us < before_us;
                let end = self.part_at(|memtable| memtable.times_us().is_some_and(is_old));
                let end = end.map_err(ChangeError::Failed)?;
                self.delete(end, |manifest| What::Before { before_us, except: manifest.pins.clone() })
            }
        }
    }

    /// Returns the pinned traces, in the order in which they were pinned.
    pub fn pins(&self) -> Vec<TraceId> {
        lock(&self.manifest).pins.iter().map(|id| id.0).collect()
    }

    fn pin(&self, id: TraceId) -> Result<(), ChangeError> {
        let is_it = self.same_trace(id);
        self.change_manifest(|manifest| {
            if manifest.pins.iter().any(is_it) {
                return Ok(());
            }
            if manifest.pins.len() >= PINS_MAX {
                return Err(ChangeError::TooManyPins);
            }
            manifest.pins.push(HexId(id));
            Ok(())
        })
    }

    fn delete(&self, journal_end: u64, what: impl FnOnce(&mut Manifest) -> What) -> Result<(), ChangeError> {
        self.change_manifest(|manifest| {
            let waiting = manifest.deletions.len();
            if waiting >= DELETIONS_MAX {
                return Err(ChangeError::TooManyDeletions { waiting });
            }
            let what = what(manifest);
            manifest.deletions_made += 1;
            manifest.deletions.push(Deletion { number: manifest.deletions_made, journal_end, what });
            Ok(())
        })
    }

    fn same_trace(&self, id: TraceId) -> impl Fn(&HexId) -> bool {
        let strict = self.config().strict_trace_id;
        move |pin| TraceKey::new(pin.0, strict) == TraceKey::new(id, strict)
    }

    fn change_manifest(
        &self,
        change: impl FnOnce(&mut Manifest) -> Result<(), ChangeError>,
    ) -> Result<(), ChangeError> {
        let mut manifest = lock(&self.manifest);
        let mut next = manifest.clone();
        change(&mut next)?;
        if next == *manifest {
            return Ok(());
        }
        self.put(&mut manifest, next, |_| {}).map_err(|error| {
            ChangeError::Failed(format!("cannot write in {}: {error}", self.config().data_dir.display()))
        })
    }
}
