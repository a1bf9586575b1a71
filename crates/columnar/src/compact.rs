//! Which segments are merged: neighbours in order of arrival, of about the same size and about the same time.
//!
//! Neighbours, so that spans of a trace stay in order of arrival. Of the same size (within a factor of eight), so that
//! a span is written anew once for each eightfold of its segment, not each time that another one is sealed. Of the
//! same time, so that retention still drops whole segments: a merged one is no more than an eighth of
//! `retention_age`, or a day where there is none, older at one end than at the other.

use std::ops::Range;

use crate::config::Config;
use crate::segment::meta::Entry;

/// So many segments of one size become one.
pub const FAN_IN: usize = 8;

/// Without an age of retention, segments this far apart are not merged.
const TIME_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// Returns the segments to merge next, if any.
pub fn choose(entries: &[Entry], config: &Config) -> Option<Range<usize>> {
    // A segment is never a large part of what is kept.
    let bytes_max = config.retention_bytes.map_or(u64::MAX, |bytes| bytes / 16).min(config.segment_bytes_max);
    let time_max_ms = config.retention_age_ms.map_or(TIME_MAX_MS, |age_ms| age_ms / FAN_IN as u64);
    let tiers: Vec<u32> = entries.iter().map(|entry| tier(entry.bytes)).collect();
    let mut found: Option<(u32, Range<usize>)> = None;
    for (start, lowest) in tiers.iter().enumerate() {
        let Some(run) = run(entries.get(start..).unwrap_or_default(), *lowest, bytes_max, time_max_ms) else {
            continue;
        };
        if found.as_ref().is_none_or(|(tier, _)| lowest < tier) {
            found = Some((*lowest, start..start + run));
        }
    }
    found.map(|(_, run)| run)
}

/// Returns how many of the first ones are merged: enough of this tier, with smaller ones among them.
fn run(entries: &[Entry], wanted: u32, bytes_max: u64, time_max_ms: u64) -> Option<usize> {
    let (mut bytes, mut of_tier) = (0, 0);
    let mut times: Option<(u64, u64)> = None;
    for (at, entry) in entries.iter().enumerate() {
        if entry.extent.pinned || tier(entry.bytes) > wanted {
            return None;
        }
        bytes += entry.bytes;
        if let Some(ms) = entry.extent.newest_ms() {
            let (oldest, newest) = times.unwrap_or((ms, ms));
            times = Some((oldest.min(ms), newest.max(ms)));
        }
        if times.is_some_and(|(oldest, newest)| newest - oldest > time_max_ms) {
            return None;
        }
        if bytes > bytes_max {
            // No more of them will ever fit.
            return (of_tier >= 2).then_some(at);
        }
        of_tier += usize::from(tier(entry.bytes) == wanted);
        if of_tier == FAN_IN {
            return Some(at + 1);
        }
    }
    None
}

/// Sizes within a factor of eight are of one tier.
fn tier(bytes: u64) -> u32 {
    bytes.max(1).ilog2() / FAN_IN.ilog2()
}

#[cfg(test)]
mod tests;
