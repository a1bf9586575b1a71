//! The flags of tail sampling.

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use relay::config::sampler;
use relay::tail::Rules;

use super::sizes;

/// Traces remembered as worth keeping: some megabytes.
const TRACES_MAX: usize = 100_000;

/// Which traces are kept once they are whole; without --tail-hold all are.
#[derive(Args)]
pub struct Flags {
    /// Hold spans so long on disk, then keep the traces that the other --tail flags name.
    #[arg(long, env = "SPANLET_RELAY_TAIL_HOLD", value_name = "TIME", value_parser = sizes::time)]
    tail_hold: Option<Duration>,
    /// Keep traces with a span at least this long.
    #[arg(long, env = "SPANLET_RELAY_TAIL_SLOW", value_name = "TIME", value_parser = sizes::time, requires = "tail_hold")]
    tail_slow: Option<Duration>,
    /// Keep traces with an error.
    #[arg(long, env = "SPANLET_RELAY_TAIL_ERRORS", requires = "tail_hold")]
    tail_errors: bool,
    /// Keep traces with this tag, or with this value of it.
    #[arg(long, env = "SPANLET_RELAY_TAIL_TAG", value_name = "KEY[=VALUE]", requires = "tail_hold")]
    tail_tag: Vec<String>,
    /// Keep this share of all other traces.
    #[arg(long, env = "SPANLET_RELAY_TAIL_RATE", default_value_t = 0.0, value_name = "RATE")]
    tail_rate: f32,
}

impl Flags {
    /// Returns the rules, if any.
    pub fn rules(self) -> anyhow::Result<Option<Rules>> {
        let rest = sampler(self.tail_rate)?;
        let Some(hold) = self.tail_hold else { return Ok(None) };
        ensure!(!hold.is_zero(), "--tail-hold must not be 0");
        let tag = |tag: String| match tag.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (tag, None),
        };
        Ok(Some(Rules {
            hold,
            slow_us: self.tail_slow.map(|slow| slow.as_micros() as u64),
            errors: self.tail_errors,
            tags: self.tail_tag.into_iter().map(tag).collect(),
            rest,
            traces_max: TRACES_MAX,
        }))
    }
}
