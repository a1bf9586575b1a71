//! What is done in the background, step by step: retention, what was deleted, merging.
//!
//! Each step writes at most one new segment and then replaces the manifest: until then the old segments count, and
//! readers that hold them read on. A step that fails has changed nothing, and is tried again.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::compact;
use crate::deleted::{DELETIONS_MAX, Deletion, Hidden};
use crate::engine::{Engine, lock};
use crate::manifest::Manifest;
use crate::merge::{MergeError, Sieve, Tally, merge};
use crate::pins::Pins;
use crate::retain::{self, Reason};
use crate::rollup::Blobs;
use crate::segment::error::SegmentError;
use crate::segment::meta::{Entry, file_name};
use crate::segment::read::Segment;
use crate::segment::write::{About, write_file};

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tended {
    /// Something: there may be more to do.
    Step,
    /// Nothing was to be done.
    Nothing,
}

/// What a step writes anew, or drops.
struct Rewrite {
    run: Range<usize>,
    /// Only pinned traces are kept.
    pinned: bool,
    /// None of it is kept, which is known without a look.
    dropped: bool,
}

impl Engine {
    /// Takes one step.
    pub fn tend(&self) -> Result<Tended, String> {
        let _tending = lock(&self.tending);
        self.remove_garbage();
        let taken = self.step();
        match &taken {
            Err(MergeError::Stopped) => return Ok(Tended::Nothing),
            Err(MergeError::Segment(SegmentError::Damaged { name, why })) => {
                self.quarantine(name, why);
                return Ok(Tended::Step);
            }
            Err(error) => {
                tracing::error!(%error, "segments could not be written anew; tried again");
                self.counters.tending_failed.fetch_add(1, Relaxed);
            }
            Ok(_) => {}
        }
        let taken = taken.map_err(|error| {
            format!("cannot write segments anew in {}: {error}", self.config().data_dir.display())
        });
        lock(&self.trouble).tending = taken.as_ref().err().cloned();
        taken
    }

    /// Makes the step that is being taken give up.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    fn step(&self) -> Result<Tended, MergeError> {
        let manifest = lock(&self.manifest).clone();
        let pins = Pins::new(&manifest.pins, self.config().strict_trace_id);
        let step = match self.retained(&manifest, &pins)? {
            Some(step) => Some(step),
            None => match self.unpinned(&manifest, &pins)? {
                Some(step) => Some(step),
                None => self.deleted(&manifest).or_else(|| self.merged(&manifest)),
            },
        };
        match step {
            Some((rewrite, reason)) => self.rewrite(&manifest, &rewrite, &pins, reason),
            None => self.forget_deletions(&manifest),
        }
    }

    /// Finds segments that are past their time, with the pinned ones beside them.
    fn retained(
        &self,
        manifest: &Manifest,
        pins: &Pins,
    ) -> Result<Option<(Rewrite, Option<Reason>)>, MergeError> {
        let journal_bytes = lock(&self.journal).bytes();
        let now_ms = self.config().clock.now_ms();
        let chosen = retain::choose(&manifest.segments, self.config(), now_ms, journal_bytes);
        let Some(mut run) = retain::first_run(&manifest.segments, &chosen) else { return Ok(None) };
        let goes = |at: usize| chosen.get(at).copied().flatten();
        let first = run.clone().find(|at| goes(*at).is_some()).unwrap_or(run.start);
        let mut kept = 0;
        for (at, segment) in self.segments(manifest, run.clone()).iter().enumerate() {
            if goes(run.start + at).is_some() {
                kept += pins.count_in(segment)?;
            }
        }
        let dropped = kept == 0;
        if dropped {
            // The pinned ones beside them stay as they are.
            run = first
                ..(first..run.end).take_while(|at| goes(*at).is_some()).last().map_or(first, |it| it + 1);
        }
        Ok(Some((Rewrite { run, pinned: true, dropped }, goes(first))))
    }

    /// Finds what retention had kept and is no longer pinned.
    fn unpinned(
        &self,
        manifest: &Manifest,
        pins: &Pins,
    ) -> Result<Option<(Rewrite, Option<Reason>)>, MergeError> {
        for (at, entry) in manifest.segments.iter().enumerate().filter(|(_, entry)| entry.extent.pinned) {
            for segment in self.segments(manifest, at..at + 1) {
                if pins.count_in(&segment)? < entry.extent.traces {
                    return Ok(Some((Rewrite { run: at..at + 1, pinned: true, dropped: false }, None)));
                }
            }
        }
        Ok(None)
    }

    /// Finds a segment that holds what was deleted.
    fn deleted(&self, manifest: &Manifest) -> Option<(Rewrite, Option<Reason>)> {
        let segments = &self.catalog.view().segments;
        let at = manifest.segments.iter().position(|entry| {
            let concerned = |deletion: &Deletion| self.concerns(deletion, entry, segments);
            manifest.deletions.iter().any(concerned)
        })?;
        Some((Rewrite { run: at..at + 1, pinned: false, dropped: false }, None))
    }

    fn merged(&self, manifest: &Manifest) -> Option<(Rewrite, Option<Reason>)> {
        let run = compact::choose(&manifest.segments, self.config())?;
        Some((Rewrite { run, pinned: false, dropped: false }, None))
    }

    /// Forgets deletions that are carried out everywhere.
    fn forget_deletions(&self, manifest: &Manifest) -> Result<Tended, MergeError> {
        if manifest.deletions.len() > DELETIONS_MAX / 2 {
            // The journal may be all that they wait for.
            self.seal_active();
        }
        let done: HashSet<u64> = manifest
            .deletions
            .iter()
            .filter(|deletion| deletion.journal_end <= manifest.journal_end)
            .map(|deletion| deletion.number)
            .collect();
        if done.is_empty() {
            return Ok(Tended::Nothing);
        }
        // Segments that were sealed since the manifest was looked at end behind these deletions, or are found next.
        let mut manifest = lock(&self.manifest);
        let segments = &self.catalog.view().segments;
        let mut next = manifest.clone();
        next.deletions.retain(|deletion| {
            let concerned = |entry: &Entry| self.concerns(deletion, entry, segments);
            !done.contains(&deletion.number) || manifest.segments.iter().any(concerned)
        });
        let forgotten = next.deletions.len() < manifest.deletions.len();
        if forgotten {
            self.put(&mut manifest, next, |_| {})?;
        }
        Ok(if forgotten { Tended::Step } else { Tended::Nothing })
    }

    fn concerns(&self, deletion: &Deletion, entry: &Entry, segments: &[Arc<Segment>]) -> bool {
        deletion.concerns(&entry.extent, |id| {
            let segment = segments.iter().find(|segment| segment.entry().name == entry.name);
            !self.config().strict_trace_id || segment.is_none_or(|segment| segment.may_hold(id))
        })
    }

    fn segments(&self, manifest: &Manifest, run: Range<usize>) -> Vec<Arc<Segment>> {
        let named = manifest.segments.get(run).unwrap_or_default();
        let view = self.catalog.view();
        let is_named = |segment: &&Arc<Segment>| named.iter().any(|entry| entry.name == segment.entry().name);
        view.segments.iter().filter(is_named).cloned().collect()
    }

    /// Writes the rows that are kept, and then has them count instead of the old ones.
    fn rewrite(
        &self,
        manifest: &Manifest,
        rewrite: &Rewrite,
        pins: &Pins,
        reason: Option<Reason>,
    ) -> Result<Tended, MergeError> {
        let old = self.segments(manifest, rewrite.run.clone());
        let names: Vec<String> = old.iter().map(|segment| segment.entry().name.clone()).collect();
        let (entry, tally) = if rewrite.dropped {
            (None, Tally::default())
        } else {
            self.write_anew(manifest, rewrite, pins, &old)?
        };
        let dir = &self.config().data_dir;
        // Read back before the old ones are let go.
        let segment = entry.clone().map(|entry| Segment::open(&*self.disk, dir, entry)).transpose();
        let segment = segment.map_err(|error| std::io::Error::other(error.to_string()))?.map(Arc::new);
        let mut manifest = lock(&self.manifest);
        let mut next = manifest.clone();
        let is_old = |entry: &Entry| names.contains(&entry.name);
        let new_name = entry.as_ref().map(|entry| entry.name.clone());
        if next.segments.iter().filter(|entry| is_old(entry)).count() < names.len() {
            // One of them was put aside meanwhile.
            lock(&self.garbage).extend(new_name);
            return Ok(Tended::Step);
        }
        let at = next.segments.iter().position(is_old).unwrap_or(next.segments.len());
        next.segments.retain(|entry| !is_old(entry));
        next.segments.splice(at..at, entry);
        let put = self.put(&mut manifest, next, |engine| engine.catalog.swap(&names, segment.clone()));
        drop(manifest);
        if let Err(error) = put {
            // The manifest on the disk may name it: it goes only after another one is written.
            lock(&self.garbage).extend(new_name);
            return Err(error.into());
        }
        let rows = |segments: &[Arc<Segment>]| segments.iter().map(|it| it.entry().extent.rows).sum::<u64>();
        let gone = rows(&old) - rows(segment.as_slice()) - tally.repeated - tally.deleted;
        self.counters.tended(reason, gone, tally, rewrite.dropped);
        lock(&self.garbage).extend(names);
        self.remove_garbage();
        Ok(Tended::Step)
    }

    fn write_anew(
        &self,
        manifest: &Manifest,
        rewrite: &Rewrite,
        pins: &Pins,
        old: &[Arc<Segment>],
    ) -> Result<(Option<Entry>, Tally), MergeError> {
        let extents = || old.iter().map(|segment| &segment.entry().extent);
        let first = extents().map(|it| it.journal_first).min().unwrap_or(0);
        let end = extents().map(|it| it.journal_end).max().unwrap_or(0);
        // Never used twice, also not after a failure: a manifest that a start finds may name the file.
        let generation = self.generation.fetch_add(1, Relaxed);
        let hidden = Hidden::new(&manifest.deletions, self.config().strict_trace_id);
        let only = rewrite.pinned.then_some(pins);
        let sieve = Sieve { hidden: &hidden, only, stopped: &self.stopped };
        let keys = &self.config().autocomplete_keys;
        let mut tally = Tally::default();
        let entry = write_file(&*self.disk, self.config(), file_name(first, generation), |mut writer| {
            let (about, counted) = merge(old, sieve, keys, &mut writer)?;
            tally = counted;
            // When something was left out, figures are worked out anew at the next question.
            let whole = !rewrite.pinned && tally.deleted == 0;
            let blobs = if whole { self.figures_of(old)? } else { Vec::new() };
            let entry = writer.finish(About {
                journal: first..end,
                generation,
                arrived_ms: extents().map(|it| it.arrived_ms).max().flatten(),
                deletions: manifest.deletions_made,
                pinned: rewrite.pinned,
                blobs,
                ..about
            })?;
            Ok::<_, MergeError>(entry)
        })?;
        Ok((entry, tally))
    }

    fn figures_of(&self, old: &[Arc<Segment>]) -> Result<Blobs, MergeError> {
        let (blobs, left_out) = self.reading(&self.catalog.view()).blobs_of_merged(old)?;
        self.counters.figures_left_out.fetch_add(left_out, Relaxed);
        Ok(blobs)
    }

    /// Removes files that no manifest names. What cannot be removed now is tried again, and at the next start.
    fn remove_garbage(&self) {
        let manifest = lock(&self.manifest);
        let mut garbage = lock(&self.garbage);
        let dir = &self.config().data_dir;
        // The manifest on the disk may be one whose writing failed, and may name them.
        if !garbage.is_empty() && self.manifest_unsure.load(Relaxed) {
            if manifest.write(&*self.disk, dir).is_err() {
                return;
            }
            self.manifest_unsure.store(false, Relaxed);
        }
        garbage.retain(|name| {
            let gone = self.disk.remove(&dir.join(name));
            gone.is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound)
        });
    }
}
