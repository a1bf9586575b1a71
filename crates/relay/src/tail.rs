//! Tail sampling: spans wait on disk until it is known whether their trace is worth keeping.
//!
//! In memory is only which traces are: spans are judged when they are accepted, and kept or left out when they are
//! sent, the hold later. Spans from before a start are kept: who would have judged them is gone.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collector::sampler::Sampler;
use model::batch::{Batch, Row};

use crate::body::Body;
use crate::spool::now_ms;

/// What makes a trace worth keeping.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long spans wait for the others of their trace.
    pub hold: Duration,
    /// A span at least this long.
    pub slow_us: Option<u64>,
    /// A span with an `error` tag.
    pub errors: bool,
    /// A span with this tag, of this value if one is given.
    pub tags: Vec<(String, Option<String>)>,
    /// Of all others this share, the same traces on every relay.
    pub rest: Sampler,
    /// Most traces remembered as worth keeping; beyond, the oldest are judged as all others.
    pub traces_max: usize,
}

/// The rules, and the traces that are worth keeping.
#[derive(Debug)]
pub struct Tail {
    rules: Rules,
    started_ms: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the right-most 64 bits, as the sampler chooses.
    traces: HashSet<u64>,
    oldest: VecDeque<u64>,
    forgotten: u64,
}

impl Tail {
    /// Returns rules that know no trace yet.
    pub fn new(rules: Rules) -> Self {
        Self { rules, started_ms: now_ms(), kept: Mutex::default() }
    }

    /// Returns how long spans wait.
    pub fn hold(&self) -> Duration {
        self.rules.hold
    }

    /// Returns how many traces had to be forgotten because there were too many worth keeping.
    pub fn forgotten(&self) -> u64 {
        self.kept().forgotten
    }

    /// Looks at spans that come in.
    pub fn judge(&self, batch: &Batch) {
        for row in batch.rows().filter(|row| self.rules.hit(row)) {
            let mut kept = self.kept();
            if kept.traces.insert(row.trace_id.low()) {
                kept.oldest.push_back(row.trace_id.low());
            }
            if kept.oldest.len() > self.rules.traces_max
                && let Some(oldest) = kept.oldest.pop_front()
            {
                kept.traces.remove(&oldest);
                kept.forgotten += 1;
            }
        }
    }

    /// Returns the spans to be sent of those that came at a time.
    pub fn keep(&self, body: &Body, arrival_ms: u64) -> Body {
        let Body::Batch(batch) = body else { return body.clone() };
        if arrival_ms < self.started_ms {
            return body.clone();
        }
        let kept = self.kept();
        let mut left = Batch::new();
        for row in batch.rows() {
            if kept.traces.contains(&row.trace_id.low()) || self.rules.rest.keeps(&row) {
                // A part of a batch is never larger than the batch.
                let _ = left.push_row(&row);
            }
        }
        left.into()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn hit(&self, row: &Row<'_>) -> bool {
        row.debug
            || self.slow_us.is_some_and(|slow_us| row.duration_us.is_some_and(|us| us >= slow_us))
            || self.errors && row.tag("error").is_some()
            || self.tags.iter().any(|(key, value)| {
                row.tag(key).is_some_and(|tag| value.as_ref().is_none_or(|value| tag == value))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::id::{SpanId, TraceId};
    use model::span::Span;

    fn rules() -> Rules {
        Rules {
            hold: Duration::ZERO,
            slow_us: Some(1000),
            errors: true,
            tags: vec![("vip".into(), None), ("shop".into(), Some("paris".into()))],
            rest: Sampler::new(0.0).unwrap(),
            traces_max: 2,
        }
    }

    fn batch(trace_id: u64, duration_us: u64, tag: Option<(&str, &str)>) -> Batch {
        let ids = [SpanId::new(1).unwrap(), SpanId::new(2).unwrap()];
        let mut spans = ids.map(|id| Span::new(TraceId::new(trace_id.into()).unwrap(), id));
        spans[1].duration_us = Some(duration_us);
        spans[1].tags = tag.map(|(key, value)| (key.into(), value.into())).into_iter().collect();
        spans.into_iter().collect()
    }

    #[test]
    fn whole_traces_are_kept_for_what_one_span_says() {
        for (duration_us, tag, kept) in [
            (999, None, 0),
            (1000, None, 2),
            (1, Some(("error", "")), 2),
            (1, Some(("vip", "x")), 2),
            (1, Some(("shop", "paris")), 2),
            (1, Some(("shop", "rome")), 0),
        ] {
            let (tail, batch) = (Tail::new(rules()), batch(9, duration_us, tag));
            tail.judge(&batch);
            assert_eq!(tail.keep(&batch.clone().into(), u64::MAX).len(), kept, "{duration_us} {tag:?}");
            // From before the start: nobody has judged them.
            assert_eq!(tail.keep(&batch.into(), 0).len(), 2);
        }
    }

    #[test]
    fn too_many_traces_worth_keeping_are_forgotten_and_counted() {
        let tail = Tail::new(rules());
        let batches: Vec<Batch> = (1..=5).map(|trace_id| batch(trace_id, 5000, None)).collect();
        batches.iter().for_each(|batch| tail.judge(batch));
        let kept: Vec<usize> =
            batches.iter().map(|batch| tail.keep(&batch.clone().into(), u64::MAX).len()).collect();
        assert_eq!((kept, tail.forgotten()), (vec![0, 0, 0, 2, 2], 3));
    }
}
