//! The store without threads: commit, seal and read are plain calls, so that tests drive it step by step.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::port::{Disk, Lock};
use journal::error::JournalError;
use journal::log::Journal;
use model::batch::Batch;
use model::id::TraceId;
use storage::counts::{Count, Grid, Hints};
use storage::error::{ReadError, WriteError};
use storage::port::{Found, Metric, Names, Trace};
use storage::query::{Query, Window};
use storage::statistics::{self, Asked, Dependency, KeyRef, Statistics, Steps, minutes_of};

use crate::catalog::{Catalog, View};
use crate::config::{Config, OpenError};
use crate::manifest::Manifest;
use crate::memtable::Memtable;
use crate::recover::{Recovered, put_aside, recover};
use crate::search::{Reading, SearchError};
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;
use crate::segment::write;

/// Sealed memtables that may wait to become segments; with more, writers are turned away.
pub const SEALED_MAX: usize = 2;

/// An embedded store.
#[derive(Debug)]
pub struct Engine {
    disk: Arc<dyn Disk>,
    config: Config,
    catalog: Catalog,
    journal: Mutex<Journal>,
    manifest: Mutex<Manifest>,
    /// One seal at a time.
    sealing: Mutex<()>,
    counters: Counters,
    /// What is wrong with the disk, until it works again.
    trouble: Mutex<Trouble>,
    _lock: Box<dyn Lock>,
}

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    spans: AtomicU64,
    commits_failed: AtomicU64,
    seals: AtomicU64,
    seals_failed: AtomicU64,
    quarantined: AtomicU64,
    names_left_out: AtomicU64,
    answers_too_large: AtomicU64,
    parts_looked_at: AtomicU64,
}

#[derive(Debug, Default)]
struct Trouble {
    journal: Option<String>,
    seal: Option<String>,
}

impl Engine {
    /// Opens the store in a directory, recovering what the last one left behind.
    pub fn open(disk: Arc<dyn Disk>, config: Config) -> Result<Self, OpenError> {
        let dir = &config.data_dir;
        let lock = disk.lock(dir).map_err(|error| OpenError::of_directory(dir, error))?;
        let Recovered { manifest, view, journal, quarantined } = recover(&disk, &config)?;
        let counters = Counters { quarantined: AtomicU64::new(quarantined), ..Counters::default() };
        Ok(Self {
            disk,
            catalog: Catalog::new(view),
            journal: Mutex::new(journal),
            manifest: Mutex::new(manifest),
            sealing: Mutex::default(),
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
                JournalError::Failed { .. } => WriteError::Failed(error.to_string()),
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
        let entry = write::write(&*self.disk, &self.config, memtable)
            .map_err(|error| format!("cannot write a segment in {}: {error}", dir.display()))?;
        // Read back before the journal is let go.
        let segment = Segment::open(&*self.disk, dir, entry.clone()).map_err(|error| error.to_string())?;
        let mut manifest = lock(&self.manifest);
        let mut next = manifest.clone();
        next.journal_end = next.journal_end.max(entry.extent.journal_end);
        next.segments.push(entry);
        next.write(&*self.disk, dir).map_err(|error| format!("cannot write the manifest: {error}"))?;
        *manifest = next;
        self.catalog.replace(memtable, Arc::new(segment));
        self.counters.seals.fetch_add(1, Relaxed);
        Ok(())
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
        let minutes = minutes_of(&window);
        let counted = self.read(|reading| {
            reading.counted(|minute, key| {
                (matches!(key, KeyRef::Link { .. }) && minutes.contains(&minute)).then_some(0)
            })
        })?;
        Ok(statistics::dependencies(&counted))
    }

    /// Returns how operations ran.
    pub fn statistics(&self, asked: &Asked) -> Result<Statistics, ReadError> {
        let (minutes, steps) = (minutes_of(&asked.window), Steps::of(&asked.window));
        let counted = self.read(|reading| {
            reading.counted(|minute, key| match key {
                KeyRef::Operation { service_name, .. } if asked.wants(service_name) => {
                    minutes.contains(&minute).then_some(minute / steps.minutes)
                }
                _ => None,
            })
        })?;
        Ok(statistics::statistics(steps, &counted))
    }

    /// Says what is wrong with the disk.
    pub fn health(&self) -> Result<(), String> {
        let trouble = lock(&self.trouble);
        trouble.journal.iter().chain(&trouble.seal).next().cloned().map_or(Ok(()), Err)
    }

    /// Returns what is counted.
    pub fn metrics(&self) -> Vec<Metric> {
        let view = self.catalog.view();
        let (journal_bytes, syncs) = {
            let journal = lock(&self.journal);
            (journal.bytes(), journal.syncs())
        };
        let load = |counter: &AtomicU64| counter.load(Relaxed) as f64;
        let sum = |of: fn(&Memtable) -> usize| view.memtables().map(of).sum::<usize>() as f64;
        let entries = || view.segments.iter().map(|segment| segment.entry());
        let metric = |name, help, value| Metric { name, help, value };
        let counters = &self.counters;
        vec![
            metric("spanlet_journal_bytes", "Bytes of the journal's files.", journal_bytes as f64),
            metric("spanlet_journal_syncs_total", "Groups of batches written and synced.", syncs as f64),
            metric(
                "spanlet_journal_batches_total",
                "Batches made durable; over syncs: the group's size.",
                load(&counters.batches),
            ),
            metric("spanlet_journal_spans_total", "Spans made durable.", load(&counters.spans)),
            metric(
                "spanlet_journal_commits_failed_total",
                "Groups of batches that were turned away whole.",
                load(&counters.commits_failed),
            ),
            metric("spanlet_memtable_bytes", "Bytes of spans not yet in segments.", sum(Memtable::bytes)),
            metric("spanlet_memtable_spans", "Spans not yet in segments.", sum(Memtable::spans)),
            metric(
                "spanlet_memtables_sealed",
                "Memtables that wait to become segments.",
                view.sealed.len() as f64,
            ),
            metric("spanlet_segments", "Segments that are served.", view.segments.len() as f64),
            metric(
                "spanlet_segment_bytes",
                "Bytes of the segments that are served.",
                entries().map(|it| it.bytes).sum::<u64>() as f64,
            ),
            metric(
                "spanlet_segment_spans",
                "Spans in segments.",
                entries().map(|it| it.extent.rows).sum::<u64>() as f64,
            ),
            metric("spanlet_seals_total", "Memtables that became segments.", load(&counters.seals)),
            metric(
                "spanlet_seals_failed_total",
                "Attempts to seal that failed and were tried again.",
                load(&counters.seals_failed),
            ),
            metric(
                "spanlet_quarantined_total",
                "Damaged files and batches that were put aside.",
                load(&counters.quarantined),
            ),
            metric(
                "spanlet_names_left_out_total",
                "Names of spans that are in no list, since a part already lists as many as it may.",
                load(&counters.names_left_out),
            ),
            metric(
                "spanlet_parts_looked_at_total",
                "Segments and memtables that were looked through to answer questions.",
                load(&counters.parts_looked_at),
            ),
            metric(
                "spanlet_answers_too_large_total",
                "Questions about traces that were not answered, since the answer had too many bytes.",
                load(&counters.answers_too_large),
            ),
        ]
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
            self.catalog.seal_active();
        }
    }

    fn reading<'a>(&'a self, view: &'a View) -> Reading<'a> {
        Reading { view, config: &self.config, parts_looked_at: &self.counters.parts_looked_at }
    }

    /// Reads from the parts of now. A segment that turns out to be damaged is put aside, and the rest is read.
    fn read<T>(&self, run: impl Fn(Reading<'_>) -> Result<T, SearchError>) -> Result<T, ReadError> {
        loop {
            match run(self.reading(&self.catalog.view())) {
                Ok(answer) => return Ok(answer),
                Err(SearchError::Segment(SegmentError::Damaged { name, why })) => {
                    self.quarantine(&name, &why)?;
                }
                Err(SearchError::Segment(error @ SegmentError::Io { .. })) => {
                    return Err(ReadError::Failed(error.to_string()));
                }
                Err(SearchError::Read(error)) => {
                    self.counters.answers_too_large.fetch_add(1, Relaxed);
                    return Err(error);
                }
            }
        }
    }

    fn quarantine(&self, name: &str, why: &str) -> Result<(), ReadError> {
        let mut manifest = lock(&self.manifest);
        if !self.catalog.remove(name) {
            return Ok(());
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
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
