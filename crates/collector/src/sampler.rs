//! Keeps a share of all traces, chosen by trace id, so that every collector keeps the same ones.
//!
//! Rules: openzipkin/zipkin `zipkin2.collector.CollectorSampler`.

use model::batch::{Batch, Row};

/// Decides which spans are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    boundary: i64,
}

/// The rate is not between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("rate should be between 0 and 1: was {0}")]
pub struct BadRate(pub f32);

impl Sampler {
    /// Keeps everything.
    pub const ALL: Self = Self { boundary: i64::MAX };

    /// Returns a sampler that keeps this share of all traces.
    pub fn new(rate: f32) -> Result<Self, BadRate> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(BadRate(rate));
        }
        // In floats of 32 bits, and cut off at the largest number, as Java has it: the same traces as upstream's.
        Ok(Self { boundary: (i64::MAX as f32 * rate) as i64 })
    }

    /// Says whether a span is kept.
    pub fn keeps(self, row: &Row<'_>) -> bool {
        // The smallest number has no positive one of its size.
        let distance = (row.trace_id.low() as i64).checked_abs().unwrap_or(i64::MAX);
        row.debug || distance <= self.boundary
    }

    /// Returns the spans that are kept.
    pub fn sample(self, batch: Batch) -> Batch {
        if self == Self::ALL || batch.rows().all(|row| self.keeps(&row)) {
            return batch;
        }
        let mut kept = Batch::new();
        for row in batch.rows().filter(|row| self.keeps(row)) {
            // A part of a batch is never larger than the batch.
            let _ = kept.push_row(&row);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::id::{SpanId, TraceId};
    use model::span::Span;

    fn keeps(rate: f32, trace_id: u128, debug: bool) -> bool {
        let span = Span { debug, ..Span::new(TraceId::new(trace_id).unwrap(), SpanId::new(1).unwrap()) };
        let batch: Batch = [span].into_iter().collect();
        !Sampler::new(rate).unwrap().sample(batch).is_empty()
    }

    #[test]
    fn the_boundary_is_upstreams() {
        for (trace_id, kept) in [
            (0x4000000000000000, true),
            (0xc000000000000000, true),
            (0x4000000000000001, false),
            (0xbfffffffffffffff, false),
            (0x8000000000000000, false),
            // Only the right-most 64 bits count.
            (0x7fffffffffffffff_0000000000000001, true),
            (0x0000000000000001_7fffffffffffffff, false),
        ] {
            assert_eq!(keeps(0.5, trace_id, false), kept, "{trace_id:x}");
            assert!(keeps(1.0, trace_id, false), "{trace_id:x}");
            assert!(!keeps(0.0, trace_id, false), "{trace_id:x}");
            assert!(keeps(0.0, trace_id, true), "{trace_id:x}");
        }
    }

    #[test]
    fn a_tenth_is_about_a_tenth() {
        // Ids far apart, as real ones are.
        let ids = (1..=10_000u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let kept = ids.filter(|id| keeps(0.1, u128::from(*id), false)).count();
        assert!((900..1100).contains(&kept), "{kept}");
    }

    #[test]
    fn rates_outside_are_refused() {
        for rate in [-0.1, 1.1, f32::NAN] {
            assert!(Sampler::new(rate).is_err(), "{rate}");
        }
    }
}
