//! The reporter thread: takes finished spans, packs them into calls, and sees each through to an end.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::destination::Destination;
use crate::encode::pack;
use crate::ids;
use crate::link::{Answer, Link};
use crate::queue::{Event, Outcome, Queue};
use crate::signals;

/// Longest that a collector may ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// How many spans the list that is swapped in may keep room for: a burst should not hold memory for ever.
const SPARE_SPANS_MAX: usize = 1024;

/// Starts the thread. It ends when the queue is stopped.
pub fn start(config: &Config, queue: &Arc<Queue>) -> io::Result<()> {
    let queue = Arc::clone(queue);
    let reporter = Reporter {
        link: Link::new(config),
        destination: config.destination.clone(),
        backoff_min: config.backoff_min,
        backoff_max: config.backoff_max,
        backoff: config.backoff_min,
        batch_age_max: config.batch_age_max,
        batch_bytes_max: config.batch_bytes_max,
        flushes_seen: 0,
    };
    // The thread inherits the mask: signals are the application's, whose calls they interrupt.
    let thread = thread::Builder::new().name("spanlet-reporter".to_owned());
    let run = move || {
        let ended = Ended(queue);
        reporter.run(&ended.0);
    };
    signals::blocked(|| thread.spawn(run)).map(drop)
}

/// Says that the thread has ended, even when it panicked.
struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended();
    }
}

struct Reporter {
    link: Link,
    destination: Destination,
    backoff_min: Duration,
    backoff_max: Duration,
    backoff: Duration,
    batch_age_max: Duration,
    batch_bytes_max: usize,
    flushes_seen: u64,
}

impl Reporter {
    fn run(mut self, queue: &Queue) {
        let mut empty = Vec::new();
        while let Some(mut spans) = queue.take(empty) {
            let mut rest = spans.as_slice();
            while !rest.is_empty() {
                let batch = pack(&mut rest, &self.destination, self.batch_bytes_max);
                let outcome = self.deliver(&batch.bytes, queue);
                if outcome == Outcome::Stopped {
                    return;
                }
                queue.settle(batch.share, outcome);
            }
            spans.clear();
            spans.shrink_to(SPARE_SPANS_MAX);
            empty = spans;
        }
    }

    /// Sends a call until it comes to an end. A call may arrive twice when its answer is lost: stores know
    /// a report that they have already.
    fn deliver(&mut self, bytes: &[u8], queue: &Queue) -> Outcome {
        let first = Instant::now();
        loop {
            let was_connected = self.link.is_connected();
            let mut pause_min = Duration::ZERO;
            match self.attempt(bytes, queue) {
                Ok(Answer::Ok) => {
                    self.backoff = self.backoff_min;
                    return Outcome::Sent;
                }
                Ok(Answer::Refused(text)) => {
                    queue.count(Event::Failure(format!("the collector refused a batch: {text}")));
                    return Outcome::Refused;
                }
                Ok(Answer::TryLater { after }) => {
                    queue.count(Event::TryLater);
                    pause_min = after.unwrap_or_default().min(RETRY_AFTER_MAX);
                }
                Err(error) => {
                    queue.count(Event::Failure(self.link.describe(&error)));
                    // Collectors close connections that were idle: that says nothing about the next one.
                    if was_connected {
                        continue;
                    }
                }
            }
            if first.elapsed() >= self.batch_age_max {
                return Outcome::Expired;
            }
            let length = self.next_pause(pause_min);
            if !queue.pause(length, &mut self.flushes_seen) {
                return Outcome::Stopped;
            }
        }
    }

    fn attempt(&mut self, bytes: &[u8], queue: &Queue) -> io::Result<Answer> {
        if self.link.connect()? {
            queue.count(Event::Reconnect);
        }
        self.link.call(bytes)
    }

    /// Returns the length of the next pause: doubled each time, no shorter than the collector asked for, and spread so
    /// that senders do not return all at once.
    fn next_pause(&mut self, min: Duration) -> Duration {
        let length = self.backoff;
        self.backoff = (self.backoff * 2).min(self.backoff_max);
        min + length.mul_f64(0.5 + ids::fraction() / 2.0)
    }
}
