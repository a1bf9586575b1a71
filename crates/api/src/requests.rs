//! How long answers took: Zipkin's histogram `http_server_requests_seconds`, by method, status and path.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};

/// Upper ends of the buckets in seconds; one more has no end.
const ENDS_S: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
];

/// The largest time is that of this minute and the one before, as Micrometer's fades too.
const MAX_SLICE: Duration = Duration::from_secs(60);

/// Times of answers under `/api`. Labels come from a closed list, so nobody can make it grow.
#[derive(Clone, Debug)]
pub struct Requests {
    /// Paths as they are shown: templates, without `/zipkin` in front.
    paths: Arc<[&'static str]>,
    times: Arc<Mutex<BTreeMap<Labels, Times>>>,
    started: Instant,
}

/// What a request was, before its answer is known; nothing when it is not counted.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    method: &'static str,
    uri: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    method: &'static str,
    status: u16,
    uri: &'static str,
}

#[derive(Clone, Debug, Default)]
struct Times {
    buckets: [u64; ENDS_S.len() + 1],
    sum: Duration,
    /// Number of the slice that `max` is of, and the largest times of it and of the one before.
    slice: u64,
    max: [Duration; 2],
}

impl Requests {
    /// Returns a histogram that knows these paths.
    pub fn new(paths: impl IntoIterator<Item = &'static str>) -> Self {
        Self { paths: paths.into_iter().collect(), times: Arc::default(), started: Instant::now() }
    }

    /// Names a request, or nothing for a path that is not counted (openzipkin/zipkin
    /// `ZipkinPrometheusMetricsConfiguration`).
    pub fn call(&self, method: &Method, path: &str) -> Option<Call> {
        let path = path.strip_prefix("/zipkin").unwrap_or(path);
        if !path.starts_with("/api/") {
            return None;
        }
        let known = self.paths.iter().find(|known| is_of(path, known));
        let methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"];
        let method = methods.into_iter().find(|known| *known == method.as_str());
        Some(Call { method: method.unwrap_or("UNKNOWN"), uri: known.unwrap_or(&"UNKNOWN") })
    }

    /// Counts an answer.
    pub fn record(&self, call: Option<Call>, status: StatusCode, time: Duration) {
        let Some(Call { method, uri }) = call else { return };
        let uri = match status.as_u16() {
            404 => "NOT_FOUND",
            300..400 => "REDIRECTION",
            _ => uri,
        };
        let labels = Labels { method, status: status.as_u16(), uri };
        let slice = self.slice();
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.entry(labels).or_default().record(time, slice);
    }

    /// Appends everything in Prometheus's text format.
    pub fn write(&self, text: &mut String) {
        const NAME: &str = "http_server_requests_seconds";
        let slice = self.slice();
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Writing to a String can't fail.
        let _ = writeln!(text, "# HELP {NAME} Response time histogram\n# TYPE {NAME} histogram");
        for (labels, times) in &times {
            let Labels { method, status, uri } = labels;
            let labels = format!("method=\"{method}\",status=\"{status}\",uri=\"{uri}\"");
            let mut count = 0;
            for (end, bucket) in ENDS_S.iter().map(f64::to_string).chain(["+Inf".into()]).zip(times.buckets) {
                count += bucket;
                let _ = writeln!(text, "{NAME}_bucket{{{labels},le=\"{end}\"}} {count}");
            }
            let _ = writeln!(text, "{NAME}_count{{{labels}}} {count}");
            let _ = writeln!(text, "{NAME}_sum{{{labels}}} {}", times.sum.as_secs_f64());
        }
        let _ = writeln!(text, "# HELP {NAME}_max Response time histogram\n# TYPE {NAME}_max gauge");
        for (Labels { method, status, uri }, times) in times {
            let max = times.max(slice).as_secs_f64();
            let _ =
                writeln!(text, "{NAME}_max{{method=\"{method}\",status=\"{status}\",uri=\"{uri}\"}} {max}");
        }
    }

    fn slice(&self) -> u64 {
        self.started.elapsed().as_secs() / MAX_SLICE.as_secs()
    }
}

impl Times {
    fn record(&mut self, time: Duration, slice: u64) {
        let seconds = time.as_secs_f64();
        let bucket = ENDS_S.iter().position(|end| seconds <= *end).unwrap_or(ENDS_S.len());
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += 1;
        }
        self.sum += time;
        self.max = [time.max(self.max_of(slice)), self.max_of(slice.wrapping_sub(1))];
        self.slice = slice;
    }

    fn max_of(&self, slice: u64) -> Duration {
        match self.slice.wrapping_sub(slice) {
            0 => self.max[0],
            1 => self.max[1],
            _ => Duration::ZERO,
        }
    }

    fn max(&self, slice: u64) -> Duration {
        self.max_of(slice).max(self.max_of(slice.wrapping_sub(1)))
    }
}

/// Says whether a path has a template's form, such as `/api/v2/trace/{traceId}`.
fn is_of(path: &str, template: &str) -> bool {
    let mut parts = path.split('/');
    template.split('/').all(|part| parts.next().is_some_and(|it| it == part || part.starts_with('{')))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_time_fades() {
        let mut times = Times::default();
        times.record(Duration::from_secs(3), 7);
        times.record(Duration::from_secs(1), 7);
        assert_eq!(times.max(7), Duration::from_secs(3));
        times.record(Duration::from_secs(2), 8);
        assert_eq!(times.max(8), Duration::from_secs(3));
        assert_eq!(times.max(9), Duration::from_secs(2));
        assert_eq!(times.max(10), Duration::ZERO);
    }
}
