//! What stores read for a question, and whether anybody still waits for its answer.
//!
//! A meter belongs to a question, not to a store, and no method of the port has to carry it: whoever asks runs the
//! question inside of [`Meter::measure`], and the store finds the meter with [`Meter::current`].

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::error::ReadError;

thread_local! {
    static CURRENT: RefCell<Option<Meter>> = const { RefCell::new(None) };
}

/// Counts what is read for one question. Clones are the same meter.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    counts: Arc<Counts>,
    abandoned: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    /// Numbers of segments, and of row groups in them.
    row_groups: Mutex<BTreeSet<(usize, usize)>>,
}

/// What was read for a question. Prints as the header `Spanlet-Read` shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Segments that columns were read from, each once.
    pub segments: usize,
    /// Row groups that columns were read from, each once.
    pub row_groups: usize,
    /// Bytes read from files, as often as they were read.
    pub bytes: u64,
}

/// A future during which a meter is the current one; made by [`Meter::measure`].
#[derive(Debug)]
pub struct Measured<F> {
    meter: Meter,
    future: Pin<Box<F>>,
}

/// Abandons a question when it is dropped.
#[derive(Debug)]
pub struct Waiting(Meter);

/// Puts the meter back that was current before.
struct Restore(Option<Meter>);

impl Meter {
    /// Returns the meter of the question that runs now, or a new one when there is none.
    pub fn current() -> Self {
        CURRENT.with_borrow(Clone::clone).unwrap_or_default()
    }

    /// Runs a future with this as the current meter.
    pub fn measure<F: Future>(&self, future: F) -> Measured<F> {
        Measured { meter: self.clone(), future: Box::pin(future) }
    }

    /// Runs a closure with this as the current meter.
    pub fn scope<T>(&self, run: impl FnOnce() -> T) -> T {
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        run()
    }

    /// Returns a meter of a part of the question, which counts into the same numbers but is abandoned on its own.
    #[must_use]
    pub fn part(&self) -> Self {
        Self { counts: self.counts.clone(), abandoned: Arc::default() }
    }

    /// Counts bytes read from files.
    pub fn add_bytes(&self, bytes: u64) {
        self.counts.bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts a row group. Both numbers mean nothing but which one it is.
    pub fn add_row_group(&self, segment: usize, row_group: usize) {
        let mut row_groups = self.counts.row_groups.lock().unwrap_or_else(PoisonError::into_inner);
        row_groups.insert((segment, row_group));
    }

    /// Returns what was counted so far.
    pub fn read(&self) -> Read {
        let row_groups = self.counts.row_groups.lock().unwrap_or_else(PoisonError::into_inner);
        let segments: BTreeSet<usize> = row_groups.iter().map(|(segment, _)| *segment).collect();
        Read {
            segments: segments.len(),
            row_groups: row_groups.len(),
            bytes: self.counts.bytes.load(Relaxed),
        }
    }

    /// Returns what stands for the one who waits: when it is dropped, the question is abandoned.
    pub fn waiting(&self) -> Waiting {
        Waiting(self.clone())
    }

    /// Says whether nobody waits for the answer any more. To be asked every few thousand rows at least.
    pub fn check(&self) -> Result<(), ReadError> {
        if self.abandoned.load(Relaxed) { Err(ReadError::Abandoned) } else { Ok(()) }
    }
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.meter.scope(|| this.future.as_mut().poll(context))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Relaxed);
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segments={}, row-groups={}, bytes={}", self.segments, self.row_groups, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_question_finds_its_own_meter() {
        let (outer, inner) = (Meter::default(), Meter::default());
        block_on(outer.measure(async {
            Meter::current().add_bytes(1);
            inner.measure(async { Meter::current().part().add_bytes(10) }).await;
            Meter::current().add_bytes(2);
        }));
        Meter::current().add_bytes(100);
        assert_eq!((outer.read().bytes, inner.read().bytes), (3, 10));
    }

    #[test]
    fn what_is_read_again_counts_once() {
        let meter = Meter::default();
        for (segment, group) in [(1, 0), (1, 1), (2, 0), (1, 0)] {
            meter.add_row_group(segment, group);
        }
        assert_eq!(meter.read().to_string(), "segments=2, row-groups=3, bytes=0");
    }

    #[test]
    fn parts_are_abandoned_on_their_own() {
        let meter = Meter::default();
        let (left, right) = (meter.part(), meter.part());
        drop(left.waiting());
        assert_eq!(left.check(), Err(ReadError::Abandoned));
        assert_eq!((right.check(), meter.check()), (Ok(()), Ok(())));
    }
}
