//! Connections that wait for their next call: the one that has waited longest goes when its place is needed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The connections that wait, in the order in which they began to.
#[derive(Default)]
pub(crate) struct Idle {
    waiting: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    next: u64,
    ends: BTreeMap<u64, Arc<Notify>>,
}

/// A connection that waits, until it is dropped.
pub(crate) struct Waiting<'i> {
    idle: &'i Idle,
    number: u64,
    /// Tells the connection to end.
    pub(crate) end: Arc<Notify>,
}

impl Idle {
    fn waiting(&self) -> MutexGuard<'_, Waiters> {
        // Nothing is left half-done by a panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection begins to wait.
    pub(crate) fn enter(&self) -> Waiting<'_> {
        let mut waiting = self.waiting();
        let number = waiting.next;
        waiting.next += 1;
        let end = Arc::new(Notify::new());
        waiting.ends.insert(number, Arc::clone(&end));
        Waiting { idle: self, number, end }
    }

    /// Tells the connection that has waited longest to end, if one waits.
    pub(crate) fn end_oldest(&self) {
        if let Some((_, end)) = self.waiting().ends.pop_first() {
            end.notify_one();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.idle.waiting().ends.remove(&self.number);
    }
}
