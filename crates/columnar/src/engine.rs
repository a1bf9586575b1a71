//! The store without threads: commit, seal and read are plain calls, so that tests drive it step by step.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::port::{Disk, Lock};
use journal::error::JournalError;
use journal::log::Journal;
use model::batch::Batch;
use model::id::TraceId;
use storage::counts::{Count, Grid, Hints};
use storage::error::{ReadError, WriteError};
use storage::port::{Found, Names, Trace};
use storage::query::{Query, Window};
use storage::statistics::{self, Asked, Dependency, Statistics, Steps, Table, minutes_of};

use crate::catalog::{Catalog, View};
use crate::config::{Config, OpenError};
use crate::deleted::Hidden;
use crate::manifest::Manifest;
use crate::memtable::Memtable;
use crate::metrics::Counters;
use crate::recover::{Recovered, put_aside, recover};
use crate::rollup::Wanted;
use crate::search::{Reading, SearchError};
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;
use crate::segment::write;

/// Sealed memtables that may wait to become segments; with more, writers are turned away.
pub const SEALED_MAX: usize = 2;

/// Spans that may wait to be counted: a question counts at most so many, when the thread that does it keeps up.
const FOLD_SPANS: usize = 16_384;

/// An embedded store.
#[derive(Debug)]
pub struct Engine {
    pub(crate) disk: Arc<dyn Disk>,
    config: Config,
    pub(crate) catalog: Catalog,
    pub(crate) journal: Mutex<Journal>,
    pub(crate) manifest: Mutex<Manifest>,
    /// A manifest could not be written: nobody knows which one a start would find.
    pub(crate) manifest_unsure: AtomicBool,
    /// One seal at a time.
    sealing: Mutex<()>,
    /// One step in the background at a time.
    pub(crate) tending: Mutex<()>,
    /// Set when that step should give up.
    pub(crate) stopped: AtomicBool,
    /// Generation of the next segment that is written anew.
    pub(crate) generation: AtomicU64,
    /// Segments that no longer count, and are still to be removed.
    pub(crate) garbage: Mutex<Vec<String>>,
    pub(crate) counters: Counters,
    /// What is wrong with the disk, until it works again.
    pub(crate) trouble: Mutex<Trouble>,
    _lock: Box<dyn Lock>,
}

#[derive(Debug, Default)]
pub(crate) struct Trouble {
    journal: Option<String>,
    seal: Option<String>,
    pub tending: Option<String>,
}

impl Engine {
    /// Opens the store in a directory, recovering what the last one left behind.
    pub fn open(disk: Arc<dyn Disk>, config: Config) -> Result<Self, OpenError> {
        let dir = &config.data_dir;
        let lock = disk.lock(dir).map_err(|error| OpenError::of_directory(dir, error))?;
        Self::open_locked(disk, config, lock)
    }

    /// Opens the store in a directory that is locked already.
    pub(crate) fn open_locked(
        disk: Arc<dyn Disk>,
        config: Config,
        lock: Box<dyn Lock>,
    ) -> Result<Self, OpenError> {
        let Recovered { manifest, view, journal, quarantined, generation } = recover(&disk, &config)?;
        let counters = Counters { quarantined: AtomicU64::new(quarantined), ..Counters::default() };
        Ok(Self {
            disk,
            catalog: Catalog::new(view),
            journal: Mutex::new(journal),
            manifest: Mutex::new(manifest),
            manifest_unsure: AtomicBool::new(false),
            sealing: Mutex::default(),
            tending: Mutex::default(),
            stopped: AtomicBool::new(false),
            generation: AtomicU64::new(generation),
            garbage: Mutex::default(),
            counters,
            trouble: Mutex::default(),
            config,
            _lock: lock,
        })
    }

    /// Returns the settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Makes batches durable with one sync, and readable. All or none of them are stored.
    pub fn commit(&self, batches: &[Batch]) -> Result<(), WriteError> {
        let mut journal = lock(&self.journal);
        if let Some(why) = self.full(&journal, batches) {
            self.counters.commits_failed.fetch_add(1, Relaxed);
            return Err(WriteError::Busy(why));
        }
        let payloads: Vec<&[u8]> = batches.iter().map(Batch::as_bytes).collect();
        let numbers = journal.append(&payloads).map_err(|error| {
            tracing::error!(%error, "batches are turned away");
            self.counters.commits_failed.fetch_add(1, Relaxed);
            lock(&self.trouble).journal = Some(error.to_string());
            match error {
                JournalError::Full(_) => WriteError::Busy(error.to_string()),
                JournalError::Failed { .. } | JournalError::Newer { .. } => {
                    WriteError::Failed(error.to_string())
                }
            }
        })?;
        lock(&self.trouble).journal = None;
        let active = self.catalog.view().active;
        self.counters.names_left_out.fetch_add(active.insert(batches, numbers), Relaxed);
        self.counters.batches.fetch_add(batches.len() as u64, Relaxed);
        self.counters.spans.fetch_add(batches.iter().map(Batch::len).sum::<usize>() as u64, Relaxed);
        if active.bytes() >= self.config.memtable_bytes_max
            || journal.bytes() >= self.config.journal_bytes_max / 2
        {
            self.seal_active_into(&mut journal);
        }
        Ok(())
    }

    /// Ends the active memtable: it waits to become a segment.
    pub fn seal_active(&self) {
        self.seal_active_into(&mut lock(&self.journal));
    }

    /// Writes the oldest sealed memtable as a segment, and lets the journal go as far as segments hold it.
    /// Returns whether there was a memtable.
    pub fn seal_next(&self) -> Result<bool, String> {
        let _sealing = lock(&self.sealing);
        let oldest = self.catalog.view().sealed.first().cloned();
        let sealed = oldest.as_ref().map_or(Ok(()), |memtable| self.seal(memtable)).and_then(|()| {
            let end = lock(&self.manifest).journal_end;
            lock(&self.journal).remove_below(end).map_err(|error| error.to_string())
        });
        if let Err(error) = &sealed {
            tracing::error!(error, "sealing is tried again");
            self.counters.seals_failed.fetch_add(1, Relaxed);
        }
        lock(&self.trouble).seal = sealed.as_ref().err().cloned();
        sealed.map(|()| oldest.is_some())
    }

    fn seal(&self, memtable: &Arc<Memtable>) -> Result<(), String> {
        let dir = &self.config.data_dir;
        self.fold().map_err(|error| format!("cannot count the spans of a segment: {error}"))?;
        self.fold().map_err(|error| format!("cannot count the spans of a segment: {error}"))?;
        let entry = write::write(&*self.disk, &self.config, memtable)
            .map_err(|error| format!("cannot write a segment in {}: {error}", dir.display()))?;
        // Read back before the journal is let go.
        let opened = entry.clone().map(|entry| Segment::open(&*self.disk, dir, entry)).transpose();
        let segment = opened.map_err(|error| error.to_string())?.map(Arc::new);
        let mut manifest = lock(&self.manifest);
        let mut next = manifest.clone();
        next.journal_end = next.journal_end.max(memtable.journal().end);
        next.segments.extend(entry);
        self.put(&mut manifest, next, |engine| engine.catalog.replace(memtable, segment))
            .map_err(|error| format!("cannot write the manifest: {error}"))?;
        self.counters.seals.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Replaces the manifest, and then what readers see.
    pub(crate) fn put(
        &self,
        manifest: &mut Manifest,
        next: Manifest,
        publish: impl FnOnce(&Self),
    ) -> io::Result<()> {
        self.manifest_unsure.store(true, Relaxed);
        next.write(&*self.disk, &self.config.data_dir)?;
        self.manifest_unsure.store(false, Relaxed);
        if next.deletions != manifest.deletions {
            self.catalog.hide(Hidden::new(&next.deletions, self.config.strict_trace_id));
        }
        *manifest = next;
        publish(self);
        Ok(())
    }

    /// Returns the number of the next journal record. All that came before it and concerns someone lies in parts that
    /// end before it.
    pub(crate) fn part_at(&self, concerns: impl Fn(&Memtable) -> bool) -> Result<u64, String> {
        loop {
            while self.sealed_full() {
                self.seal_next()?;
            }
            let mut journal = lock(&self.journal);
            if !concerns(&self.catalog.view().active) {
                return Ok(journal.next());
            }
            if !self.sealed_full() {
                self.seal_active_into(&mut journal);
                return Ok(journal.next());
            }
        }
    }

    /// Says whether there is something to seal, or to try again.
    pub fn wants_sealing(&self) -> bool {
        !self.catalog.view().sealed.is_empty() || lock(&self.trouble).seal.is_some()
    }

    /// Says whether another memtable would have to wait for the ones before it.
    pub fn sealed_full(&self) -> bool {
        self.catalog.view().sealed.len() >= SEALED_MAX
    }

    /// Returns the traces with these ids, in the order asked.
    pub fn traces(&self, ids: &[TraceId]) -> Result<Vec<Trace>, ReadError> {
        self.read(|reading| reading.traces(ids))
    }

    /// Returns matching traces, in the order asked for.
    pub fn search(&self, query: &Query) -> Result<Found, ReadError> {
        self.read(|reading| reading.search(query))
    }

    /// Counts matching traces over time.
    pub fn count(&self, query: &Query, grid: &Grid) -> Result<Vec<Count>, ReadError> {
        self.read(|reading| reading.count(query, grid.clone()))
    }

    /// Counts the traces that match all but the time.
    pub fn hints(&self, query: &Query) -> Result<Hints, ReadError> {
        self.read(|reading| reading.hints(query))
    }

    /// Returns names, sorted.
    pub fn names(&self, names: &Names) -> Vec<String> {
        self.reading(&self.catalog.view()).names(names)
    }

    /// Returns who called whom.
    pub fn dependencies(&self, window: Window) -> Result<Vec<Dependency>, ReadError> {
        let wanted = Wanted { minutes: minutes_of(&window), links: true, step: 1, service_name: None };
        Ok(statistics::dependencies(&self.counted(&wanted)?))
    }

    /// Returns how operations ran.
    pub fn statistics(&self, Asked { window, service_name }: &Asked) -> Result<Statistics, ReadError> {
        let (steps, service_name) = (Steps::of(window), service_name.clone());
        let wanted = Wanted { minutes: minutes_of(window), links: false, step: steps.minutes, service_name };
        Ok(statistics::statistics(steps, &self.counted(&wanted)?))
    }

    fn counted(&self, wanted: &Wanted) -> Result<Table, ReadError> {
        let (left_out, counted) = self.read(|reading| Ok((reading.fold()?, reading.counted(wanted)?)))?;
        self.counters.figures_left_out.fetch_add(left_out, Relaxed);
        Ok(counted)
    }

    /// Counts spans that came since the last time, so that figures need not wait for it.
    pub fn fold(&self) -> Result<(), ReadError> {
        let left_out = self.read(|reading| reading.fold())?;
        self.counters.figures_left_out.fetch_add(left_out, Relaxed);
        Ok(())
    }

    /// Says whether enough spans came to be counted.
    pub fn wants_folding(&self) -> bool {
        self.catalog.view().memtables().any(|memtable| memtable.spans() >= memtable.folded() + FOLD_SPANS)
    }

    /// Says what is wrong with the disk.
    pub fn health(&self) -> Result<(), String> {
        let trouble = lock(&self.trouble);
        trouble
            .journal
            .iter()
            .chain(&trouble.seal)
            .chain(&trouble.tending)
            .next()
            .cloned()
            .map_or(Ok(()), Err)
    }

    fn full(&self, journal: &Journal, batches: &[Batch]) -> Option<String> {
        let view = self.catalog.view();
        let bytes: u64 = batches.iter().map(|batch| batch.as_bytes().len() as u64).sum();
        if view.sealed.len() >= SEALED_MAX {
            return Some(format!("{} memtables wait for the disk", view.sealed.len()));
        }
        // With nothing to seal there is nothing to wait for.
        let full = !view.sealed.is_empty() && journal.bytes() + bytes > self.config.journal_bytes_max;
        full.then(|| format!("the journal has reached {} bytes", self.config.journal_bytes_max))
    }

    fn seal_active_into(&self, journal: &mut Journal) {
        if self.catalog.view().active.spans() > 0 {
            journal.roll();
            self.catalog.seal_active(self.config.clock.now_ms());
        }
    }

    pub(crate) fn reading<'a>(&'a self, view: &'a View) -> Reading<'a> {
        Reading { view, config: &self.config, parts_looked_at: &self.counters.parts_looked_at }
    }

    /// Reads from the parts of now. A segment that turns out to be damaged is put aside, and the rest is read.
    fn read<T>(&self, run: impl Fn(Reading<'_>) -> Result<T, SearchError>) -> Result<T, ReadError> {
        loop {
            match run(self.reading(&self.catalog.view())) {
                Ok(answer) => return Ok(answer),
                Err(SearchError::Segment(SegmentError::Abandoned)) => {
                    self.counters.reads_abandoned.fetch_add(1, Relaxed);
                    return Err(ReadError::Abandoned);
                }
                Err(SearchError::Segment(SegmentError::Damaged { name, why })) => {
                    self.quarantine(&name, &why);
                }
                Err(SearchError::Segment(error)) => {
                    return Err(ReadError::Failed(error.to_string()));
                }
                Err(SearchError::Read(error)) => {
                    self.counters.answers_too_large.fetch_add(1, Relaxed);
                    return Err(error);
                }
            }
        }
    }

    pub(crate) fn quarantine(&self, name: &str, why: &str) {
        let mut manifest = lock(&self.manifest);
        if !self.catalog.remove(name) {
            return;
        }
        tracing::error!(segment = name, why, "segment is put aside, the rest is served");
        self.counters.quarantined.fetch_add(1, Relaxed);
        manifest.segments.retain(|entry| entry.name != name);
        let dir = &self.config.data_dir;
        let written = manifest.write(&*self.disk, dir).and_then(|()| put_aside(&*self.disk, dir, name));
        if let Err(error) = written {
            // It is out of the view all the same; the next start finds the damage again.
            tracing::error!(segment = name, %error, "cannot put the segment aside");
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
