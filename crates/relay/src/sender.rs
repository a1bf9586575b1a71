//! One thread a route: takes what is due, calls the far side until it answers, and lets go what was taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::read::Reader;

use crate::body::Body;
use crate::config::Retry;
use crate::far::{Answer, Far};
use crate::spool::{Load, Loaded, Spool, now_ms};
use crate::tail::Tail;

/// How long a route waits when the buffer can't be read, or a dead letter not be written.
const DISK_RETRY: Duration = Duration::from_secs(1);

/// A route: one far side, or several of which the first that lives is used.
pub struct Sender {
    spool: Arc<Spool>,
    route: usize,
    sides: Vec<Side>,
    retry: Retry,
    random: fastrand::Rng,
    reader: Reader,
    tail: Option<Arc<Tail>>,
}

struct Side {
    far: Box<dyn Far>,
    /// Tries in a row that failed.
    failures: u32,
    /// Not called before.
    rests_until: Option<Instant>,
}

/// What became of spans.
enum Outcome {
    Taken,
    /// The far side never takes them.
    Refused(String),
    /// Too old to be tried again.
    Expired(String),
    /// No longer on disk.
    Dropped,
    Stopped,
}

impl Sender {
    /// Returns the sender of a route.
    pub fn new(spool: Arc<Spool>, route: usize, fars: Vec<Box<dyn Far>>, retry: Retry) -> Self {
        let sides = fars.into_iter().map(|far| Side { far, failures: 0, rests_until: None }).collect();
        let reader = spool.reader();
        Self { spool, route, sides, retry, random: fastrand::Rng::new(), reader, tail: None }
    }

    /// Has spans held, and traces left out that are not worth keeping.
    pub fn with_tail(self, tail: Option<Arc<Tail>>) -> Self {
        Self { tail, ..self }
    }

    /// Sends until the relay stops.
    pub fn run(mut self) {
        while self.spool.wait(self.route) {
            if !self.step() {
                return;
            }
        }
    }

    /// Sends what one call holds. Says whether to go on.
    pub fn step(&mut self) -> bool {
        let hold = self.tail.as_ref().map_or(Duration::ZERO, |tail| tail.hold());
        match self.spool.load_held(self.route, &mut self.reader, hold) {
            Ok(Loaded::Load(load)) => self.deliver(&load),
            Ok(Loaded::Nothing) => true,
            Ok(Loaded::Held(left)) => self.spool.pause(left),
            Err(error) => {
                tracing::error!(%error, "the buffer can't be read now");
                self.spool.pause(self.retry.max_wait.min(DISK_RETRY))
            }
        }
    }

    /// Sends a load; of what is refused, each half by itself, until single spans are refused.
    fn deliver(&mut self, load: &Load) -> bool {
        let mut answered = 0;
        let body = self
            .tail
            .as_ref()
            .map_or_else(|| load.body.clone(), |tail| tail.keep(&load.body, load.arrival_ms));
        answered += self.spool.sampled(self.route, load.body.len() - body.len());
        let mut parts = if body.is_empty() { Vec::new() } else { vec![body] };
        while let Some(part) = parts.pop() {
            match self.ask(&part, load) {
                Outcome::Taken => self.spool.delivered(self.route, part.len()),
                Outcome::Refused(_) if part.len() > 1 => {
                    parts.extend(part.halves().into_iter().rev());
                    continue;
                }
                Outcome::Refused(why) | Outcome::Expired(why) => {
                    if !self.bury(&part, load, &why) {
                        return false;
                    }
                }
                Outcome::Dropped => break,
                Outcome::Stopped => return false,
            }
            answered += part.len();
        }
        self.spool.advance(self.route, load, answered);
        true
    }

    fn bury(&self, part: &Body, load: &Load, why: &str) -> bool {
        tracing::warn!(
            why,
            spans = part.len(),
            "the far side won't take these spans: they are kept as dead letters"
        );
        while let Err(error) = self.spool.bury(self.route, part, load.arrival_ms, why) {
            tracing::error!(%error, "dead letters can't be kept now");
            if !self.spool.pause(self.retry.max_wait.min(DISK_RETRY)) {
                return false;
            }
        }
        true
    }

    /// Calls the first side that does not rest, until there is an outcome.
    fn ask(&mut self, part: &Body, load: &Load) -> Outcome {
        loop {
            if self.spool.is_dropped(self.route, load) {
                return Outcome::Dropped;
            }
            let now = Instant::now();
            let awake = |side: &&mut Side| side.rests_until.is_none_or(|until| until <= now);
            let Some(side) = self.sides.iter_mut().find(awake) else {
                let until = self.sides.iter().filter_map(|side| side.rests_until).min().unwrap_or(now);
                if !self.spool.pause(until.saturating_duration_since(now)) {
                    return Outcome::Stopped;
                }
                continue;
            };
            let answer = side.far.send(part);
            if let Answer::Later { why, after } = answer {
                let wait =
                    self.retry.wait_after(side.failures, &mut self.random).max(after.unwrap_or_default());
                if side.failures == 0 {
                    tracing::warn!(why, "spans stay on disk until the far side takes them");
                }
                side.failures = side.failures.saturating_add(1);
                side.rests_until = Some(Instant::now() + wait.min(self.retry.max_wait));
                self.spool.called(self.route, Some(why.clone()));
                let age_ms = now_ms().saturating_sub(load.arrival_ms);
                if self.retry.max_age.is_some_and(|max| u128::from(age_ms) >= max.as_millis()) {
                    return Outcome::Expired(format!("older than retry_max_age; last try: {why}"));
                }
                continue;
            }
            if side.failures > 0 {
                tracing::info!(far = side.far.name(), tries = side.failures, "the far side answers again");
            }
            (side.failures, side.rests_until) = (0, None);
            self.spool.called(self.route, None);
            return match answer {
                Answer::Refused(why) => Outcome::Refused(why),
                _ => Outcome::Taken,
            };
        }
    }
}

impl Retry {
    /// Returns the wait after so many failures before this one: doubled each time, half of it random, so that relays
    /// that failed together do not come back together.
    fn wait_after(&self, failures: u32, random: &mut fastrand::Rng) -> Duration {
        let doubled = self.wait.saturating_mul(2u32.saturating_pow(failures.min(30)));
        doubled.min(self.max_wait).mul_f64(0.5 + random.f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_half_of_each_is_random() {
        let (retry, mut random) = (Retry::default(), fastrand::Rng::with_seed(1));
        for (failures, longest_ms) in [(0, 100), (1, 200), (5, 3_200), (9, 30_000), (u32::MAX, 30_000)] {
            for _ in 0..50 {
                let wait_ms = retry.wait_after(failures, &mut random).as_millis();
                assert!((longest_ms / 2..=longest_ms).contains(&wait_ms), "{failures}: {wait_ms}");
            }
        }
    }
}
