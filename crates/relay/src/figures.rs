//! What a relay tells of itself.

use crate::dead::Tally;

/// A reading of all figures.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Each destination, or all of them when the first that lives is enough.
    pub routes: Vec<RouteFigures>,
    /// Spans accepted since the journal began.
    pub spans: u64,
    /// Spans turned away because the disk was full or failed.
    pub refused: u64,
    /// Bytes of the journal's files.
    pub bytes: u64,
    /// Most they may be.
    pub bytes_max: u64,
    /// Groups written and synced.
    pub syncs: u64,
    /// The dead letters.
    pub dead_letters: Tally,
    /// What is wrong with the disk.
    pub trouble: Option<String>,
}

/// Figures of one route, since the start. Accepted = delivered + dead + dropped + damaged + sampled + backlog.
#[derive(Clone, Debug)]
pub struct RouteFigures {
    /// Its address as it was given.
    pub name: String,
    /// Spans it has not yet got.
    pub backlog_spans: u64,
    /// Bytes of the files they are in.
    pub backlog_bytes: u64,
    /// Age of the oldest of them.
    pub oldest_age_ms: u64,
    /// Spans it said OK to.
    pub delivered: u64,
    /// Spans that became dead letters.
    pub dead: u64,
    /// Spans dropped because the disk was full.
    pub dropped: u64,
    /// Spans that could not be read back.
    pub damaged: u64,
    /// Spans of traces that the tail sampler left out.
    pub sampled: u64,
    /// Calls made.
    pub calls: u64,
    /// Calls that have to be made again.
    pub retries: u64,
    /// What it said last, unless it takes spans.
    pub failing: Option<String>,
}
