//! What people change in a store: traces are pinned, so that they stay when others of their age go, or deleted.

use model::id::TraceId;

/// Most traces that are pinned at a time.
pub const PINS_MAX: usize = 1000;

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The trace stays, with spans that come later too, whatever its age.
    Pin(TraceId),
    /// It goes with the others of its age again.
    Unpin(TraceId),
    /// All spans of the trace that came so far go, pinned or not. What comes later is new.
    Delete(TraceId),
    /// All spans that came so far and start before this instant (microseconds since the epoch) go, but for those of
    /// pinned traces.
    DeleteBefore(u64),
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Too many traces are pinned.
    #[error("{PINS_MAX} traces are pinned already: unpin one first")]
    TooManyPins,
    /// Too many deletions are not carried out yet.
    #[error("{waiting} deletions wait to be carried out: try again later, or delete by time")]
    TooManyDeletions {
        /// How many.
        waiting: usize,
    },
    /// The disk failed, or is slow.
    #[error("store failed: {0}")]
    Failed(String),
}
