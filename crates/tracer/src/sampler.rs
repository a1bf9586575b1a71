//! Whether a trace that starts here is recorded. Traces that started elsewhere were decided there.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::config::Config;
use crate::ids;

/// What rules look at: the request that starts a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// As it was sent: `GET`.
    pub method: Cow<'static, str>,
    /// Without the query.
    pub path: String,
}

/// A share of its own for some requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    method: Option<String>,
    path: String,
    rate: f64,
}

impl Rule {
    /// Makes a rule for a path like `/health` or `/v1/*`, of one method when it stands before: `POST /v1/*`.
    pub fn new(pattern: &str, rate: f64) -> Self {
        let (method, path) = match pattern.trim().split_once(' ') {
            Some((method, path)) => (Some(method.to_owned()), path.trim_start()),
            None => (None, pattern.trim()),
        };
        Self { method, path: path.to_owned(), rate }
    }

    /// Returns the share of the requests it is for that are recorded.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    fn is_for(&self, request: &Request) -> bool {
        self.method.as_ref().is_none_or(|method| request.method.eq_ignore_ascii_case(method))
            && matches(self.path.as_bytes(), request.path.as_bytes())
    }
}

/// A decision of the application's own: yes, no, or nothing to say.
#[derive(Clone)]
pub struct Hook(Arc<Decide>);

type Decide = dyn Fn(&Request) -> Option<bool> + Send + Sync;

impl Hook {
    /// Makes a hook of a function. It is called in the thread of the request, so it should be quick.
    pub fn new(decide: impl Fn(&Request) -> Option<bool> + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// Decides by the hook, then the first rule, then the rate; and within the limit of traces per second.
pub struct Sampler {
    rate: f64,
    rules: Vec<Rule>,
    hook: Option<Hook>,
    limiter: Option<Limiter>,
}

impl Sampler {
    /// Makes the sampler of a configuration.
    pub fn new(config: &Config) -> Self {
        Self {
            rate: config.sampling_rate,
            rules: config.sampling_rules.clone(),
            hook: config.sampling_hook.clone(),
            limiter: config.traces_per_second.map(Limiter::new),
        }
    }

    /// Decides. The request is made only when somebody looks at it.
    pub fn decide(&self, request: impl FnOnce() -> Option<Request>) -> bool {
        let asked = self.hook.is_some() || !self.rules.is_empty();
        let request = if asked { request() } else { None };
        let mut rate = self.rate;
        if let Some(request) = request {
            if let Some(decided) = self.hook.as_ref().and_then(|hook| hook.0(&request)) {
                return decided;
            }
            if let Some(rule) = self.rules.iter().find(|rule| rule.is_for(&request)) {
                rate = rule.rate;
            }
        }
        ids::chance(rate) && self.limiter.as_ref().is_none_or(|limiter| limiter.admits(Instant::now()))
    }
}

/// Admits so many a second, spread over it: after a burst of a tenth of a second's share, one at a time.
///
/// The one number is when the next would be due if all had come evenly, in nanoseconds since the limiter was made:
/// the generic cell rate algorithm of ITU-T I.371.
struct Limiter {
    made: Instant,
    interval_ns: u64,
    burst_ns: u64,
    due_ns: AtomicU64,
}

impl Limiter {
    fn new(per_second: f64) -> Self {
        let interval_ns = (1e9 / per_second) as u64;
        let burst_ns = 100_000_000_u64.saturating_sub(interval_ns);
        Self { made: Instant::now(), interval_ns, burst_ns, due_ns: AtomicU64::new(0) }
    }

    fn admits(&self, now: Instant) -> bool {
        let now_ns = now.saturating_duration_since(self.made).as_nanos() as u64;
        let next = |due_ns: u64| {
            (due_ns <= now_ns.saturating_add(self.burst_ns))
                .then(|| due_ns.max(now_ns).saturating_add(self.interval_ns))
        };
        self.due_ns.try_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// Says whether a text is as the pattern says, in which `*` stands for any text.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut star) = ((0, 0), None);
    while at.1 < text.len() {
        match pattern.get(at.0) {
            Some(b'*') => {
                star = Some(at);
                at.0 += 1;
            }
            Some(byte) if *byte == text[at.1] => at = (at.0 + 1, at.1 + 1),
            // Let the last star stand for one byte more, and try again after it.
            _ => match &mut star {
                Some(last) => {
                    last.1 += 1;
                    at = (last.0 + 1, last.1);
                }
                None => return false,
            },
        }
    }
    pattern[at.0..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("/health", "/health", true),
            ("/health", "/healthy", false),
            ("/health*", "/healthy", true),
            ("/v1/*/c", "/v1/a/b/c", true),
            ("/v1/*/c", "/v1/a/b/c/d", false),
            ("*", "", true),
            ("", "", true),
            ("", "/", false),
            ("*.js", "/a.js.js", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        // Linear in pattern times text, whatever an attacker asks for.
        assert!(!matches("*a*a*a*a*b".as_bytes(), "a".repeat(10_000).as_bytes()));
    }

    #[test]
    fn so_many_a_second_and_no_more() {
        for (per_second, seconds, expected) in
            [(100.0, 10, 1000..=1010), (1.0, 10, 10..=10), (0.5, 10, 5..=5)]
        {
            let limiter = Limiter::new(per_second);
            let asked =
                (0..seconds * 10_000).map(|tenth_ms| limiter.made + Duration::from_micros(tenth_ms * 100));
            let admitted = asked.filter(|now| limiter.admits(*now)).count();
            assert!(expected.contains(&admitted), "{admitted} in {seconds} s at {per_second}/s");
        }
        let limiter = Limiter::new(100.0);
        let at_once = (0..1000).filter(|_| limiter.admits(limiter.made)).count();
        assert_eq!(at_once, 10, "a tenth of a second's share");
    }

    #[test]
    fn hook_then_rules_then_rate() {
        let config = Config {
            sampling_rate: 1.0,
            sampling_rules: vec![Rule::new("GET /a*", 0.0), Rule::new("/a*", 1.0), Rule::new("*", 0.0)],
            sampling_hook: Some(Hook::new(|request| (request.path == "/mine").then_some(true))),
            ..Config::default()
        };
        let sampler = Sampler::new(&config);
        let decide = |method: &'static str, path: &str| {
            sampler.decide(|| Some(Request { method: method.into(), path: path.to_owned() }))
        };
        assert!(!decide("GET", "/a1"));
        assert!(!decide("get", "/a1"));
        assert!(decide("PUT", "/a1"));
        assert!(!decide("PUT", "/b"));
        assert!(decide("PUT", "/mine"));
        assert!(sampler.decide(|| None), "what is no request goes by the rate");
    }
}
