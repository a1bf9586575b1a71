//! Finished spans on their way to the reporter thread: bounded, counted, and never a reason to wait.
//!
//! One mutex guards spans and counters, so that the counters always add up. It is held for as long as it
//! takes to move a span in or to swap the whole list out, never over I/O.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::span::ActiveSpan;
use crate::stats::Stats;

/// The meeting point of callers, flushers and the reporter thread of one process.
pub struct Queue {
    state: Mutex<State>,
    /// For the reporter: there is something to do.
    wake: Condvar,
    /// For flushers: something was settled, or the reporter has ended.
    settled: Condvar,
    spans_max: u64,
    bytes_max: u64,
    batch_bytes_max: usize,
    tick: Duration,
}

#[derive(Default)]
struct State {
    spans: Vec<ActiveSpan>,
    spans_bytes: usize,
    /// The reporter sleeps until the list has this many bytes.
    wake_at_bytes: usize,
    stats: Stats,
    thread: Thread,
    /// Spans that have left the queue, by whatever way.
    settled: u64,
    /// Flushes asked for, and those who wait for one now.
    flushes: u64,
    flushers: usize,
    stop: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Thread {
    #[default]
    NotStarted,
    Running,
    Ended,
}

/// What became of spans that were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The collector acknowledged them.
    Sent,
    /// The collector cannot read them.
    Refused,
    /// They could not be delivered for too long.
    Expired,
    /// The tracer was told to stop.
    Stopped,
}

/// What the reporter counts besides spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The collector asked to try later.
    TryLater,
    /// A connection was made after the first one.
    Reconnect,
    /// Something failed; carries what.
    Failure(String),
}

/// Spans and about how many bytes they take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// How many.
    pub spans: u64,
    /// Their bytes, as they were counted when they came in.
    pub bytes: u64,
}

impl Queue {
    /// Returns an empty queue with these limits.
    pub fn new(config: &Config) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            settled: Condvar::new(),
            spans_max: config.queue_spans_max as u64,
            bytes_max: config.queue_bytes_max as u64,
            batch_bytes_max: config.batch_bytes_max,
            tick: config.tick,
        }
    }

    /// Takes a finished span, or drops and counts it. Says whether the reporter has to be started, which must follow.
    pub fn push(&self, span: ActiveSpan) -> bool {
        let bytes = span.bytes();
        let mut state = self.lock();
        let stats = &mut state.stats;
        stats.finished += 1;
        stats.discarded += u64::from(span.discarded());
        let full = if stats.queued >= self.spans_max {
            Some(&mut stats.dropped_full_spans)
        } else if stats.queued_bytes + bytes as u64 > self.bytes_max {
            Some(&mut stats.dropped_full_bytes)
        } else {
            None
        };
        if let Some(dropped) = full {
            *dropped += 1;
            // Frees the span after the lock.
            drop(state);
            return false;
        }
        if state.stop || state.thread == Thread::Ended {
            state.stats.dropped_stopped += 1;
            drop(state);
            return false;
        }
        state.stats.queued += 1;
        state.stats.queued_bytes += bytes as u64;
        state.spans_bytes += bytes;
        state.spans.push(span);
        let wake = state.spans_bytes >= state.wake_at_bytes;
        if wake {
            state.wake_at_bytes = usize::MAX;
        }
        let start = state.thread == Thread::NotStarted;
        if start {
            state.thread = Thread::Running;
        }
        drop(state);
        if wake {
            self.wake.notify_one();
        }
        start
    }

    /// Notes that the reporter could not be started; the next span tries again.
    pub fn not_started(&self, why: String) {
        let mut state = self.lock();
        state.thread = Thread::NotStarted;
        state.stats.failures += 1;
        state.stats.last_error = Some(why);
    }

    /// Waits for spans and swaps them for an empty list; nothing when the tracer stops and none are left.
    pub fn take(&self, empty: Vec<ActiveSpan>) -> Option<Vec<ActiveSpan>> {
        let mut state = self.lock();
        state.wake_at_bytes = 1;
        state = self
            .wake
            .wait_while(state, |state| state.spans.is_empty() && !state.stop)
            .unwrap_or_else(PoisonError::into_inner);
        // Others may follow: a call per span would cost the collector more than the spans.
        let linger = |state: &mut State| {
            state.spans_bytes < self.batch_bytes_max && state.flushers == 0 && !state.stop
        };
        state.wake_at_bytes = self.batch_bytes_max;
        state =
            self.wake.wait_timeout_while(state, self.tick, linger).unwrap_or_else(PoisonError::into_inner).0;
        state.wake_at_bytes = usize::MAX;
        state.spans_bytes = 0;
        let spans = mem::replace(&mut state.spans, empty);
        if spans.is_empty() { None } else { Some(spans) }
    }

    /// Counts spans that were taken as settled.
    pub fn settle(&self, share: Share, outcome: Outcome) {
        let mut state = self.lock();
        state.settle(share, outcome);
        self.settled.notify_all();
    }

    /// Counts what happened.
    pub fn count(&self, event: Event) {
        let stats = &mut self.lock().stats;
        match event {
            Event::TryLater => stats.try_later += 1,
            Event::Reconnect => stats.reconnects += 1,
            Event::Failure(what) => {
                stats.failures += 1;
                stats.last_error = Some(what);
            }
        }
    }

    /// Lets the reporter sleep, until someone flushes for the first time since `flushes_seen`, or stops.
    /// Says whether it may go on.
    pub fn pause(&self, length: Duration, flushes_seen: &mut u64) -> bool {
        let seen = *flushes_seen;
        let sleep = |state: &mut State| state.flushes == seen && !state.stop;
        let (state, _) =
            self.wake.wait_timeout_while(self.lock(), length, sleep).unwrap_or_else(PoisonError::into_inner);
        *flushes_seen = state.flushes;
        !state.stop
    }

    /// Waits until all that was pushed before is settled. Says whether that is so and all of it was sent.
    pub fn flush(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        let target = state.settled + state.stats.queued;
        let lost = state.lost();
        state.flushes += 1;
        state.flushers += 1;
        self.wake.notify_one();
        let waiting = |state: &mut State| state.settled < target && state.thread == Thread::Running;
        state = self
            .settled
            .wait_timeout_while(state, timeout, waiting)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        state.flushers -= 1;
        state.settled >= target && state.lost() == lost
    }

    /// Tells the reporter to stop and waits for its end. Spans that are left, or come later, are dropped and counted.
    pub fn stop(&self, timeout: Duration) {
        let mut state = self.lock();
        state.stop = true;
        if state.thread == Thread::NotStarted {
            drop(state);
            return self.ended();
        }
        self.wake.notify_one();
        let running = |state: &mut State| state.thread == Thread::Running;
        drop(self.settled.wait_timeout_while(state, timeout, running));
    }

    /// Notes the end of the reporter, and gives up what it leaves behind.
    pub fn ended(&self) {
        let mut state = self.lock();
        state.thread = Thread::Ended;
        let left = Share { spans: state.stats.queued, bytes: state.stats.queued_bytes };
        state.settle(left, Outcome::Stopped);
        let spans = mem::take(&mut state.spans);
        self.settled.notify_all();
        drop(state);
        drop(spans);
    }

    /// Returns the counters, all of the same instant.
    pub fn stats(&self) -> Stats {
        let state = self.lock();
        Stats { thread_alive: state.thread == Thread::Running, ..state.stats.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self, share: Share, outcome: Outcome) {
        self.settled += share.spans;
        self.stats.queued -= share.spans;
        self.stats.queued_bytes -= share.bytes;
        let counter = match outcome {
            Outcome::Sent => {
                self.stats.calls += 1;
                &mut self.stats.sent
            }
            Outcome::Refused => &mut self.stats.dropped_refused,
            Outcome::Expired => &mut self.stats.dropped_expired,
            Outcome::Stopped => &mut self.stats.dropped_stopped,
        };
        *counter += share.spans;
    }

    /// Returns the spans that were taken into the queue and not delivered.
    fn lost(&self) -> u64 {
        self.stats.dropped_refused + self.stats.dropped_expired + self.stats.dropped_stopped
    }
}
