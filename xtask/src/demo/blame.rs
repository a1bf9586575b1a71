//! Which service made requests slow: the one whose own time grew, against the usual of the same kind of request.

use std::collections::BTreeMap;

use model::id::TraceId;
use model::own_time::{self, OwnTime};
use model::span::Span;

/// A request is slow when it takes twice the usual and this much more.
const SLOWER_BY_US: u64 = 100_000;

/// The service that made requests slow, and one of them as the example.
#[derive(Debug, PartialEq, Eq)]
pub struct Blame {
    pub service: String,
    /// How many requests were slow.
    pub slow: usize,
    pub trace_id: TraceId,
    /// The service's own time in the example, and usually.
    pub own_us: u64,
    pub own_usual_us: u64,
    /// Of the whole example, and of its kind usually.
    pub duration_us: u64,
    pub duration_usual_us: u64,
}

/// One request and where its time went.
struct Request {
    trace_id: TraceId,
    own_time: OwnTime,
}

impl Request {
    fn own_us(&self, service: &str) -> u64 {
        self.own_time.services.iter().find(|it| it.service == *service).map_or(0, |it| it.own_us)
    }
}

/// Finds the service whose own time grew most over all slow requests. The example is where it grew most.
pub fn who(traces: &[Vec<Span>]) -> Option<Blame> {
    let mut grew_us: BTreeMap<String, i64> = BTreeMap::new();
    let mut candidates = Vec::new();
    for requests in by_kind(traces).values() {
        let duration_usual_us = median(requests.iter().map(|request| request.own_time.duration_us))?;
        let is_slow = |request: &&Request| {
            request.own_time.duration_us > (2 * duration_usual_us).max(duration_usual_us + SLOWER_BY_US)
        };
        for request in requests.iter().filter(is_slow) {
            for share in &request.own_time.services {
                let usual =
                    requests.iter().filter(|other| !is_slow(other)).map(|other| other.own_us(&share.service));
                let own_usual_us = median(usual)?;
                *grew_us.entry(share.service.clone()).or_default() +=
                    share.own_us.cast_signed() - own_usual_us.cast_signed();
                candidates.push(Blame {
                    service: share.service.clone(),
                    slow: 0,
                    trace_id: request.trace_id,
                    own_us: share.own_us,
                    own_usual_us,
                    duration_us: request.own_time.duration_us,
                    duration_usual_us,
                });
            }
        }
    }
    let (service, _) = grew_us.into_iter().max_by_key(|(_, us)| *us)?;
    let mut slow: Vec<_> = candidates.iter().map(|blame| blame.trace_id).collect();
    slow.dedup();
    let example = candidates.into_iter().filter(|blame| blame.service == service);
    let example = example.max_by_key(|blame| blame.own_us.saturating_sub(blame.own_usual_us))?;
    Some(Blame { slow: slow.len(), ..example })
}

/// Requests that touch the same services equally often are of one kind, and can be compared.
fn by_kind(traces: &[Vec<Span>]) -> BTreeMap<Vec<&str>, Vec<Request>> {
    let mut kinds: BTreeMap<Vec<&str>, Vec<Request>> = BTreeMap::new();
    for trace in traces {
        let Some(first) = trace.first() else { continue };
        let mut kind: Vec<&str> = trace.iter().filter_map(Span::local_service).collect();
        kind.sort_unstable();
        kinds
            .entry(kind)
            .or_default()
            .push(Request { trace_id: first.trace_id, own_time: own_time::of(trace) });
    }
    kinds
}

fn median(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests;
