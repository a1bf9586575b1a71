//! Opens what a store left behind: the manifest, its segments, and the journal records that no segment holds.
//!
//! Can be cut off and repeated at any point: it removes only what does not count.

use std::io;
use std::path::Path;
use std::sync::Arc;

use disk::port::Disk;
use journal::log::Journal;
use journal::replay::{Replayed, check_versions};
use model::batch::{Batch, Row};

use crate::catalog::View;
use crate::config::{Config, OpenError};
use crate::deleted::Hidden;
use crate::manifest::{self, Manifest, ManifestError};
use crate::memtable::Memtable;
use crate::segment::error::SegmentError;
use crate::segment::meta::{Entry, generation_of, is_segment};
use crate::segment::read::Segment;
use crate::segment::write as segment;

/// What was found.
#[derive(Debug)]
pub struct Recovered {
    /// The manifest, without segments that had to be put aside.
    pub manifest: Manifest,
    /// All parts.
    pub view: View,
    /// The journal, ready for more.
    pub journal: Journal,
    /// Files put aside, or to be put aside, since they are damaged.
    pub quarantined: u64,
    /// Generation of the next segment that is written anew: higher than any that was there.
    pub generation: u64,
}

/// Returns the name of a file that is put aside.
pub fn aside(name: &str) -> String {
    format!("{name}.quarantined")
}

/// Recovers the store in a directory that is locked.
pub fn recover(disk: &Arc<dyn Disk>, config: &Config) -> Result<Recovered, OpenError> {
    let dir = &config.data_dir;
    let mut quarantined = 0;
    check_versions(&**disk, dir)?;
    let mut manifest = read_manifest(&**disk, dir, &mut quarantined)?;
    let generation = names(&**disk, dir)?.iter().map(|name| generation_of(name)).max().unwrap_or(0) + 1;
    refuse_newer_segments(&**disk, dir, &manifest)?;
    remove_unknown(&**disk, dir, &manifest)?;
    let mut segments = Vec::new();
    let mut sound = Vec::new();
    for entry in std::mem::take(&mut manifest.segments) {
        match Segment::open(&**disk, dir, entry.clone()) {
            Ok(segment) => {
                segments.push(Arc::new(segment));
                sound.push(entry);
            }
            Err(SegmentError::Io { name, error }) => {
                return Err(OpenError::Io { path: dir.join(name), error });
            }
            Err(damage) => {
                tracing::error!(%damage, "segment is put aside, the rest is served");
                quarantined += 1;
                put_aside(&**disk, dir, &entry.name).map_err(|error| io_error(dir, error))?;
            }
        }
    }
    manifest.segments = sound;
    manifest.write(&**disk, dir).map_err(|error| not_writable(dir, error))?;
    let hidden = Hidden::new(&manifest.deletions, config.strict_trace_id);
    let mut replay = Replay::new(config, hidden);
    let (mut journal, files) =
        Journal::open(disk.clone(), dir.clone(), manifest.journal_end, &mut |sequence, payload| {
            replay.add(sequence, payload);
        })?;
    quarantined += report(&files) + replay.bad_batches;
    journal.remove_below(manifest.journal_end)?;
    let (sealed, active, hidden) = replay.finish();
    let view = View { segments, sealed, active, hidden: Arc::new(hidden) };
    Ok(Recovered { manifest, view, journal, quarantined, generation })
}

fn read_manifest(disk: &dyn Disk, dir: &Path, quarantined: &mut u64) -> Result<Manifest, OpenError> {
    let path = dir.join(manifest::FILE);
    let (damage, rest) = match Manifest::read(disk, dir) {
        Ok(Some(manifest)) => return Ok(manifest),
        Ok(None) if !names(disk, dir)?.iter().any(|name| is_segment(name)) => return Ok(Manifest::default()),
        Ok(None) => ("manifest is missing".to_owned(), Manifest::default()),
        Err(ManifestError::Io(error)) => return Err(OpenError::Io { path, error }),
        Err(ManifestError::Newer(version)) => {
            return Err(OpenError::Newer { path, version, known: manifest::VERSION });
        }
        Err(ManifestError::Damaged { why, rest }) => (format!("manifest is damaged: {why}"), *rest),
    };
    tracing::error!(%damage, "the manifest is made anew from the segments");
    *quarantined += 1;
    match put_aside(disk, dir, manifest::FILE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(dir, error)),
        _ => {}
    }
    adopt_all(disk, dir, rest, quarantined)
}

/// A segment of a newer program is refused before anything is changed.
fn refuse_newer_segments(disk: &dyn Disk, dir: &Path, manifest: &Manifest) -> Result<(), OpenError> {
    for entry in &manifest.segments {
        if let Err(SegmentError::Newer { name, version }) = Segment::open(disk, dir, entry.clone()) {
            return Err(OpenError::Newer { path: dir.join(name), version, known: segment::VERSION });
        }
    }
    Ok(())
}

/// Makes a manifest of all segments in the directory. One that did not count yet holds what the journal still
/// has: since byte-identical spans read once, no harm is done.
///
/// What of the manifest's pins and deletions could be read stays.
fn adopt_all(
    disk: &dyn Disk,
    dir: &Path,
    rest: Manifest,
    quarantined: &mut u64,
) -> Result<Manifest, OpenError> {
    let mut segments: Vec<Entry> = Vec::new();
    for name in names(disk, dir)?.into_iter().filter(|name| is_segment(name)) {
        match Segment::adopt(disk, dir, &name) {
            Ok(entry) => segments.push(entry),
            Err(SegmentError::Io { name, error }) => {
                return Err(OpenError::Io { path: dir.join(name), error });
            }
            Err(SegmentError::Newer { name, version }) => {
                return Err(OpenError::Newer { path: dir.join(name), version, known: segment::VERSION });
            }
            Err(damage) => {
                tracing::error!(%damage, "segment is put aside, the rest is served");
                *quarantined += 1;
                put_aside(disk, dir, &name).map_err(|error| io_error(dir, error))?;
            }
        }
    }
    // A segment that was written anew, and those that it was made of, hold the same records: it counts alone.
    segments.sort_by_key(|entry| std::cmp::Reverse(entry.extent.generation));
    let mut counted: Vec<Entry> = Vec::new();
    for entry in segments {
        let range = |entry: &Entry| entry.extent.journal_first..entry.extent.journal_end;
        if !counted.iter().map(range).any(|newer| newer.contains(&entry.extent.journal_first)) {
            counted.push(entry);
        }
    }
    counted.sort_by_key(|entry| entry.extent.journal_first);
    let journal_end = counted.iter().map(|entry| entry.extent.journal_end).max().unwrap_or(0);
    let carried_out = counted.iter().map(|entry| entry.extent.deletions).max().unwrap_or(0);
    let deletions_made = rest.deletions_made.max(carried_out);
    Ok(Manifest { journal_end, segments: counted, deletions_made, ..rest })
}

/// Removes segments that the manifest does not name and files that were not finished; leaves all other files.
fn remove_unknown(disk: &dyn Disk, dir: &Path, manifest: &Manifest) -> Result<(), OpenError> {
    let known = |name: &str| manifest.segments.iter().any(|entry| entry.name == name);
    for name in names(disk, dir)? {
        let unfinished = name == manifest::TEMPORARY || name.strip_suffix(".tmp").is_some_and(is_segment);
        if unfinished || (is_segment(&name) && !known(&name)) {
            disk.remove(&dir.join(&name)).map_err(|error| not_writable(dir, error))?;
        }
    }
    Ok(())
}

/// Gives a damaged file a name under which nothing looks for it.
pub fn put_aside(disk: &dyn Disk, dir: &Path, name: &str) -> io::Result<()> {
    match disk.rename(&dir.join(name), &dir.join(aside(name))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }?;
    disk.sync_dir(dir)
}

fn report(files: &[Replayed]) -> u64 {
    for file in files.iter().filter(|file| file.torn_bytes > 0 && file.damage.is_none()) {
        tracing::info!(file = file.name, bytes = file.torn_bytes, "journal ends in a write that was cut off");
    }
    let damaged = files.iter().filter_map(|file| Some((file, file.damage.as_deref()?)));
    damaged
        .inspect(|(file, damage)| {
            tracing::error!(file = file.name, damage, "journal is damaged, its other records are served");
        })
        .count() as u64
}

fn names(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, OpenError> {
    disk.list(dir).map_err(|error| io_error(dir, error))
}

fn io_error(dir: &Path, error: io::Error) -> OpenError {
    OpenError::Io { path: dir.to_owned(), error }
}

fn not_writable(dir: &Path, error: io::Error) -> OpenError {
    OpenError::NotWritable { path: dir.to_owned(), error }
}

/// Fills memtables with what the journal holds.
struct Replay {
    memtable_bytes_max: usize,
    sealed: Vec<Arc<Memtable>>,
    active: Memtable,
    bad_batches: u64,
    hidden: Hidden,
    now_ms: u64,
}

impl Replay {
    fn new(config: &Config, hidden: Hidden) -> Self {
        Self {
            memtable_bytes_max: config.memtable_bytes_max,
            sealed: Vec::new(),
            active: Memtable::new(config.autocomplete_keys.as_slice().into()),
            bad_batches: 0,
            hidden,
            now_ms: config.clock.now_ms(),
        }
    }

    fn add(&mut self, sequence: u64, payload: &[u8]) {
        match Batch::from_bytes(payload.to_vec()) {
            // Names that were left out were counted when they came.
            Ok(batch) => {
                _ = self.active.insert([&self.without_deleted(sequence, batch)], sequence..sequence + 1)
            }
            Err(damage) => {
                tracing::error!(sequence, %damage, "journal record is no batch, the others are served");
                self.bad_batches += 1;
            }
        }
        if self.active.bytes() >= self.memtable_bytes_max {
            let empty = self.active.next();
            self.active.seal(self.now_ms);
            self.sealed.push(Arc::new(std::mem::replace(&mut self.active, empty)));
        }
    }

    /// A memtable of now may hold records from before and after a deletion, so what it deleted is left out here.
    fn without_deleted(&self, sequence: u64, batch: Batch) -> Batch {
        let hides = |row: &Row<'_>| self.hidden.hides(sequence + 1, row.trace_id, row.timestamp_us);
        if self.hidden.is_empty() || !batch.rows().any(|row| hides(&row)) {
            return batch;
        }
        let mut kept = Batch::new();
        for row in batch.rows().filter(|row| !hides(row)) {
            // It fits, as it is a part of one.
            let _ = kept.push_row(&row);
        }
        kept
    }

    fn finish(self) -> (Vec<Arc<Memtable>>, Arc<Memtable>, Hidden) {
        (self.sealed, Arc::new(self.active), self.hidden)
    }
}
