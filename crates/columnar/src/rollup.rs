//! Figures per minute, kept as spans settle: each part keeps what it changed, and the parts' sum is what whole traces add.
//!
//! What a part changed of a trace is what the trace adds with the part's spans, less what it added without them
//! (`docs/decisions/0008-rollups-are-differences.md`). A memtable's changes grow with it; a segment's are a blob in its file.

pub mod blob;
pub mod earlier;
pub mod fold;
pub mod keys;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use storage::statistics::{KeyRef, Table};

use crate::deleted::Hidden;
use crate::memtable::Memtable;
use crate::rollup::blob::Stored;
use crate::rollup::earlier::{Earlier, Origin, concerned, keys_of, parts_of, parts_to_bytes};
use crate::rollup::keys::Keys;
use crate::search::{Reading, SearchError};
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;

/// What a segment keeps beside its rows, by name.
pub type Blobs = Vec<(&'static str, Vec<u8>)>;

/// Which figures are wanted, and how coarse.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Minutes since the epoch.
    pub minutes: RangeInclusive<u64>,
    /// Links are wanted, counted in one slot; else operations.
    pub links: bool,
    /// Minutes of a slot of operations.
    pub step: u64,
    /// Only operations of this service.
    pub service_name: Option<String>,
}

/// What was read of a segment's blobs, or worked out for one that has none.
#[derive(Debug, Default)]
pub struct Cached {
    keys: OnceLock<Keys>,
    parts: OnceLock<BTreeSet<Origin>>,
    /// With what was deleted when it was last known to be true.
    stored: Mutex<Option<(Arc<Stored>, Arc<Hidden>)>>,
}

impl Wanted {
    /// Says whether this key is wanted.
    pub fn wants(&self, key: KeyRef<'_>) -> bool {
        match key {
            KeyRef::Link { .. } => self.links,
            KeyRef::Operation { service_name, .. } => {
                !self.links && self.service_name.as_deref().is_none_or(|wanted| wanted == service_name)
            }
        }
    }

    /// Returns the slot that a minute falls into.
    pub fn slot(&self, minute: u64) -> u64 {
        if self.links { 0 } else { minute / self.step }
    }
}

impl Reading<'_> {
    /// Adds up the wanted figures of all parts, as far as they were [folded](Self::fold).
    pub fn counted(&self, wanted: &Wanted) -> Result<Table, SearchError> {
        let mut found = Table::default();
        for (at, segment) in self.view.segments.iter().enumerate() {
            self.stored(at, segment)?.count(segment, wanted, &mut found)?;
        }
        for memtable in self.view.memtables() {
            memtable.fold().count(wanted, &mut found);
        }
        Ok(found)
    }

    /// Counts what came since the last time. Returns how often there was no room for a name.
    pub fn fold(&self) -> Result<u64, SearchError> {
        let memtables: Vec<&Memtable> = self.view.memtables().collect();
        let mut left_out = 0;
        for (at, memtable) in memtables.iter().enumerate() {
            let earlier = self.earlier(&self.view.segments, memtables.get(..at).unwrap_or_default());
            left_out += fold::fold(memtable, &earlier)?;
        }
        Ok(left_out)
    }

    /// Returns a segment's figures. Those of one without, or that are no longer true, are worked out once.
    fn stored(&self, at: usize, segment: &Segment) -> Result<Arc<Stored>, SegmentError> {
        let earlier = self.earlier(self.view.segments.get(..at).unwrap_or_default(), &[]);
        let itself = |hidden: &Hidden| concerned(segment, hidden);
        let mut cached = segment.rollup().stored.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stored, then)) = &mut *cached
            && earlier.uphold(stored.used(), Some(then), itself)?
        {
            then.clone_from(&self.view.hidden);
            return Ok(stored.clone());
        }
        let read = segment.has_blob(blob::NAME).then(|| Stored::open(segment)).transpose()?;
        let stored = match read {
            Some(stored) if earlier.uphold(stored.used(), None, itself)? => stored,
            _ => {
                let (table, used) = fold::of_segment(segment, &earlier)?;
                Stored::in_memory(segment, blob::encode(&table, &used))?
            }
        };
        Ok(cached.insert((Arc::new(stored), self.view.hidden.clone())).0.clone())
    }

    /// Returns the blobs of a segment that is to hold all that these neighbours hold: their sums. Also returns how often
    /// there was no room for a name. There are no blobs when one of them was put aside meanwhile.
    pub fn blobs_of_merged(&self, merged: &[Arc<Segment>]) -> Result<(Blobs, u64), SegmentError> {
        let (mut table, mut keys) = (Table::default(), Keys::default());
        let (mut used, mut parts) = (BTreeSet::new(), BTreeSet::new());
        for segment in merged {
            let at = self.view.segments.iter().position(|it| Arc::ptr_eq(it, segment));
            let Some(at) = at else { return Ok((Vec::new(), 0)) };
            let stored = self.stored(at, segment)?;
            stored.add_to(segment, &mut table)?;
            used.extend(stored.used());
            parts.extend(parts_of(segment)?);
            keys.add(keys_of(segment)?);
        }
        used.retain(|origin| !parts.contains(origin));
        let blobs = vec![
            (blob::NAME, blob::encode(&table, &used)),
            (keys::NAME, keys.to_bytes()),
            (earlier::PARTS, parts_to_bytes(&parts)),
        ];
        Ok((blobs, table.left_out()))
    }

    fn earlier<'a>(&'a self, segments: &'a [Arc<Segment>], memtables: &'a [&'a Memtable]) -> Earlier<'a> {
        Earlier { segments, memtables, hidden: &self.view.hidden }
    }
}
