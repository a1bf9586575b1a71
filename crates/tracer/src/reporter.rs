//! The reporter thread: takes finished spans, packs them into scribe calls, and sees each through to an end.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use wire::scribe::{encode_message, log_call};
use wire::thrift_write::write_draft;

use crate::config::Config;
use crate::ids;
use crate::link::{Answer, Link};
use crate::queue::{Event, Outcome, Queue, Share};
use crate::signals;
use crate::span::ActiveSpan;

/// The scribe category that Zipkin's collectors listen to.
const CATEGORY: &str = "zipkin";
/// How many spans the list that is swapped in may keep room for: a burst should not hold memory for ever.
const SPARE_SPANS_MAX: usize = 1024;

/// Starts the thread. It ends when the queue is stopped.
pub fn start(config: &Config, queue: &Arc<Queue>) -> io::Result<()> {
    let queue = Arc::clone(queue);
    let reporter = Reporter {
        link: Link::new(config),
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
    backoff_min: Duration,
    backoff_max: Duration,
    backoff: Duration,
    batch_age_max: Duration,
    batch_bytes_max: usize,
    flushes_seen: u64,
}

/// A call ready to be sent.
struct Batch {
    frame: Vec<u8>,
    share: Share,
}

impl Reporter {
    fn run(mut self, queue: &Queue) {
        let mut empty = Vec::new();
        while let Some(mut spans) = queue.take(empty) {
            let mut rest = spans.as_slice();
            while !rest.is_empty() {
                let batch = pack(&mut rest, self.batch_bytes_max);
                let outcome = self.deliver(&batch.frame, queue);
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
    fn deliver(&mut self, frame: &[u8], queue: &Queue) -> Outcome {
        let first = Instant::now();
        loop {
            let was_connected = self.link.is_connected();
            match self.attempt(frame, queue) {
                Ok(Answer::Ok) => {
                    self.backoff = self.backoff_min;
                    return Outcome::Sent;
                }
                Ok(Answer::Exception(text)) => {
                    queue.count(Event::Failure(format!("the collector refused a batch: {text}")));
                    return Outcome::Refused;
                }
                Ok(Answer::TryLater) => queue.count(Event::TryLater),
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
            let length = self.next_pause();
            if !queue.pause(length, &mut self.flushes_seen) {
                return Outcome::Stopped;
            }
        }
    }

    fn attempt(&mut self, frame: &[u8], queue: &Queue) -> io::Result<Answer> {
        if self.link.connect()? {
            queue.count(Event::Reconnect);
        }
        self.link.call(frame)
    }

    /// Returns the length of the next pause: doubled each time, and spread so that senders do not return all at once.
    fn next_pause(&mut self) -> Duration {
        let length = self.backoff;
        self.backoff = (self.backoff * 2).min(self.backoff_max);
        length.mul_f64(0.5 + ids::fraction() / 2.0)
    }
}

/// Packs the first spans into one call of about `bytes_max` bytes.
fn pack(spans: &mut &[ActiveSpan], bytes_max: usize) -> Batch {
    let mut share = Share::default();
    let mut messages = Vec::new();
    let mut messages_bytes = 0;
    let mut thrift = Vec::new();
    while let Some((span, rest)) = spans.split_first() {
        thrift.clear();
        write_draft(&mut thrift, &span.draft());
        let message = encode_message(&thrift);
        if messages_bytes > 0 && messages_bytes + message.len() > bytes_max {
            break;
        }
        messages_bytes += message.len();
        messages.push(message);
        share.spans += 1;
        share.bytes += span.bytes() as u64;
        *spans = rest;
    }
    Batch { frame: log_call(CATEGORY, messages.iter().map(Vec::as_slice), 0), share }
}
