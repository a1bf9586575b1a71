//! Spans that are in the journal but not yet in a segment, found by trace id.
//!
//! Rows are copied into blocks; full blocks are shared with readers, only the last one is copied for them, so
//! that a long read never holds up a write.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use model::batch::Batch;
use model::id::TraceId;
use storage::port::Names;

use crate::names::{NameSets, TagValues, Tally};
use crate::rollup::Blobs;
use crate::rollup::fold::Fold;
use crate::segment::marks::{Mark, Marks};

/// A full block has at least as many bytes. Readers copy less than that.
const BLOCK_BYTES: usize = 256 << 10;

/// What a row takes in the indexes: its place, its share of the trace's entry, and its marks.
const INDEX_BYTES_PER_ROW: usize = 64;

/// A table of spans in order of arrival.
#[derive(Debug)]
pub struct Memtable {
    /// Tags whose values are collected.
    autocomplete_keys: Arc<[String]>,
    table: RwLock<Table>,
    /// What its spans changed, counted later than they come.
    fold: Mutex<Fold>,
    /// How many of them were counted.
    folded: AtomicUsize,
    /// What its segment keeps of that, once it was written.
    blobs: OnceLock<Blobs>,
}

#[derive(Debug, Default)]
struct Table {
    blocks: Vec<Arc<Batch>>,
    last: Batch,
    places: HashMap<TraceId, Vec<Place>>,
    times_us: Option<(u64, u64)>,
    names: NameSets,
    marks: Marks,
    values: TagValues,
    tally: Tally,
    spans: usize,
    bytes: usize,
    journal: Range<u64>,
    sealed_ms: Option<u64>,
}

/// Where a row starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the block.
    pub block: u32,
    /// Offset in it.
    pub at: u32,
}

impl Memtable {
    /// Returns an empty one that collects the values of tags with these keys.
    pub fn new(autocomplete_keys: Arc<[String]>) -> Self {
        Self {
            autocomplete_keys,
            table: RwLock::default(),
            fold: Mutex::default(),
            folded: AtomicUsize::new(0),
            blobs: OnceLock::new(),
        }
    }

    /// Returns an empty one that collects the same values.
    pub fn next(&self) -> Self {
        Self::new(self.autocomplete_keys.clone())
    }

    /// Adds the spans of journalled batches; these are the numbers of their records. Returns how many of their names
    /// no list has, since there are too many.
    pub fn insert<'a>(&self, batches: impl IntoIterator<Item = &'a Batch>, journal: Range<u64>) -> u64 {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.spans == 0 {
            table.journal.start = journal.start;
        }
        table.journal.end = journal.end;
        let before = table.tally.left_out;
        for batch in batches {
            table.insert(batch, &self.autocomplete_keys);
        }
        table.tally.left_out - before
    }

    /// Says when it was full: all of its spans had arrived by then.
    pub fn seal(&self, now_ms: u64) {
        self.table.write().unwrap_or_else(PoisonError::into_inner).sealed_ms = Some(now_ms);
    }

    /// Returns when it was full, milliseconds since the epoch.
    pub fn sealed_ms(&self) -> Option<u64> {
        self.read().sealed_ms
    }

    /// Returns the number of spans.
    pub fn spans(&self) -> usize {
        self.read().spans
    }

    /// Returns about how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.read().bytes
    }

    /// Returns the numbers of the journal records that it holds.
    pub fn journal(&self) -> Range<u64> {
        self.read().journal.clone()
    }

    /// Returns all blocks of rows, in order of arrival.
    pub fn blocks(&self) -> Vec<Arc<Batch>> {
        let table = self.read();
        let mut blocks = table.blocks.clone();
        if !table.last.is_empty() {
            blocks.push(Arc::new(table.last.clone()));
        }
        blocks
    }

    /// Returns where the next row will be.
    pub fn end(&self) -> Place {
        self.read().end()
    }

    /// Says how many spans were counted.
    pub fn set_folded(&self, spans: usize) {
        self.folded.store(spans, Relaxed);
    }

    /// Returns how many spans were counted, without waiting for those that are being counted.
    pub fn folded(&self) -> usize {
        self.folded.load(Relaxed)
    }

    /// Returns what its segment keeps of what was counted. It is the same however often it is written.
    pub fn blobs(&self) -> Blobs {
        self.blobs.get_or_init(|| self.fold().to_blobs(self.end())).clone()
    }

    /// Returns all blocks of rows, and where the next row will be.
    pub fn snapshot(&self) -> (Vec<Arc<Batch>>, Place) {
        let table = self.read();
        let mut blocks = table.blocks.clone();
        blocks.push(Arc::new(table.last.clone()));
        (blocks, table.end())
    }

    /// Returns where the rows of a trace are, in order of arrival.
    pub fn places(&self, id: TraceId) -> Vec<Place> {
        self.read().places.get(&id).cloned().unwrap_or_default()
    }

    /// Returns what was counted of its spans.
    pub fn fold(&self) -> MutexGuard<'_, Fold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies the spans of a trace to a batch's end, in order of arrival.
    pub fn trace(&self, id: TraceId, out: &mut Batch) {
        let table = self.read();
        for place in table.places.get(&id).into_iter().flatten() {
            let block = table.blocks.get(place.block as usize).map_or(&table.last, |block| block);
            if let Some(row) = block.row_at(place.at as usize) {
                // A trace that fills a whole batch is cut: nobody can look at 256 MB of it.
                let _ = out.push_row(&row);
            }
        }
    }

    /// Returns the oldest and the newest start of a span.
    pub fn times_us(&self) -> Option<(u64, u64)> {
        self.read().times_us
    }

    /// Says whether there is a span of the trace.
    pub fn holds(&self, id: TraceId) -> bool {
        self.read().places.contains_key(&id)
    }

    /// Says whether some span has it.
    pub fn has_mark(&self, mark: Mark) -> bool {
        self.read().marks.have(mark)
    }

    /// Says whether a span of this service, or of any, may have such a name and such a remote service.
    pub fn may_have(&self, service: Option<&str>, name: Option<&str>, remote: Option<&str>) -> bool {
        let table = self.read();
        table.tally.left_out > 0 || table.names.may_have(service, name, remote)
    }

    /// Adds names to those of other parts.
    pub fn collect_names(&self, names: &Names, out: &mut BTreeSet<String>) {
        let table = self.read();
        table.names.collect(names, out);
        table.values.collect(names, out);
    }

    /// Returns the ids of all traces.
    pub fn trace_ids(&self) -> Vec<TraceId> {
        self.read().places.keys().copied().collect()
    }

    /// Returns all names.
    pub fn names(&self) -> NameSets {
        self.read().names.clone()
    }

    /// Returns all values of tags to complete.
    pub fn values(&self) -> TagValues {
        self.read().values.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn end(&self) -> Place {
        Place { block: self.blocks.len() as u32, at: self.last.as_bytes().len() as u32 }
    }

    fn insert(&mut self, batch: &Batch, autocomplete_keys: &[String]) {
        for row in batch.rows() {
            let place = self.end();
            // A block is a fraction of what a batch may hold.
            let _ = self.last.push_row(&row);
            self.places.entry(row.trace_id).or_default().push(place);
            if let Some(us) = row.timestamp_us {
                let (oldest_us, newest_us) = self.times_us.unwrap_or((us, us));
                self.times_us = Some((oldest_us.min(us), newest_us.max(us)));
            }
            self.names.insert(&row, &mut self.tally);
            self.marks.insert(&row);
            self.values.insert(&row, autocomplete_keys, &mut self.tally);
            if self.last.as_bytes().len() >= BLOCK_BYTES {
                self.blocks.push(Arc::new(std::mem::take(&mut self.last)));
            }
        }
        self.spans += batch.len();
        self.bytes += batch.as_bytes().len() + batch.len() * INDEX_BYTES_PER_ROW;
    }
}
