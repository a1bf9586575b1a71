//! Which segments retention drops: those whose newest span is too old, and the oldest ones when all take too much.

use std::ops::Range;

use crate::config::Config;
use crate::segment::meta::Entry;

/// Why a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its newest span is older than `retention_age`.
    Age,
    /// All together take more than `retention_bytes`.
    Bytes,
}

/// Says of each segment whether it goes, and why.
pub fn choose(entries: &[Entry], config: &Config, now_ms: u64, journal_bytes: u64) -> Vec<Option<Reason>> {
    let oldest_ms = config.retention_age_ms.map_or(0, |age_ms| now_ms.saturating_sub(age_ms));
    let is_old = |entry: &Entry| entry.extent.newest_ms().is_some_and(|ms| ms < oldest_ms);
    let mut chosen: Vec<Option<Reason>> =
        entries.iter().map(|entry| (!entry.extent.pinned && is_old(entry)).then_some(Reason::Age)).collect();
    let Some(bytes_max) = config.retention_bytes else { return chosen };
    let pinned: u64 = entries.iter().filter(|entry| entry.extent.pinned).map(|entry| entry.bytes).sum();
    // However much is pinned, half of the room is for the others.
    let mut bytes = journal_bytes + pinned.min(bytes_max / 2);
    // From the newest on: what has room stays.
    for (entry, reason) in entries.iter().zip(&mut chosen).rev() {
        if !entry.extent.pinned && reason.is_none() {
            bytes += entry.bytes;
            *reason = (bytes > bytes_max).then_some(Reason::Bytes);
        }
    }
    chosen
}

/// Returns the first stretch of neighbours that go or are pinned, and of which one goes.
pub fn first_run(entries: &[Entry], chosen: &[Option<Reason>]) -> Option<Range<usize>> {
    let goes = |at: usize| chosen.get(at).copied().flatten().is_some();
    let first = (0..entries.len()).find(|at| goes(*at))?;
    let in_run = |at: &usize| goes(*at) || entries.get(*at).is_some_and(|entry| entry.extent.pinned);
    let start = (0..first).rev().take_while(in_run).last().unwrap_or(first);
    let end = (first..entries.len()).take_while(in_run).last().map_or(first, |last| last + 1);
    Some(start..end.min(start + RUN_MAX))
}

/// Most segments of one step: each is open while it is read.
const RUN_MAX: usize = 64;

#[cfg(test)]
mod tests;
