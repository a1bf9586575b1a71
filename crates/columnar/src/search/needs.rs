//! What a trace must show somewhere before it is worth reading whole.

use model::batch::Row;
use storage::query::{Condition, Query};

/// Needs beyond these are left to the test of the whole trace, so that a set of them fits 64 bits.
const NEEDS_MAX: usize = 64;

/// One thing that some counted span must show.
#[derive(Clone, Debug)]
pub enum Need {
    /// That it is there at all.
    Any,
    /// Its name.
    Name(String),
    /// Its remote service.
    Remote(String),
    /// A duration between two, inclusive.
    Duration {
        /// Shortest; not zero.
        min_us: u64,
        /// Longest.
        max_us: u64,
    },
    /// A tag or an annotation.
    Condition(Condition),
}

/// All needs of a query. Each is necessary; together they do not suffice, since they say nothing about the
/// trace's own timestamp.
#[derive(Clone, Debug)]
pub struct Needs {
    /// Only spans of this service count.
    pub service: Option<String>,
    /// The needs, by the number of their bit.
    pub all: Vec<Need>,
}

impl Needs {
    /// Returns the needs of a query.
    pub fn of(query: &Query) -> Self {
        let mut all = Vec::new();
        all.extend(query.span_name.clone().map(Need::Name));
        all.extend(query.remote_service_name.clone().map(Need::Remote));
        let max_us = query.duration_max_us.unwrap_or(u64::MAX);
        all.extend(
            (query.duration_min_us > 0).then_some(Need::Duration { min_us: query.duration_min_us, max_us }),
        );
        all.extend(query.conditions.iter().cloned().map(Need::Condition));
        all.truncate(NEEDS_MAX);
        if all.is_empty() {
            all.push(Need::Any);
        }
        Self { service: query.service_name.clone(), all }
    }

    /// Returns no needs at all.
    pub fn none() -> Self {
        Self { service: None, all: Vec::new() }
    }

    /// Returns the bits of all needs.
    pub fn bits(&self) -> u64 {
        (0..self.all.len()).fold(0, |bits, bit| bits | 1 << bit)
    }

    /// Returns the bits of the needs that a span meets.
    pub fn met_by(&self, row: &Row<'_>) -> u64 {
        if self.service.is_some() && self.service.as_deref() != row.local_service() {
            return 0;
        }
        let met = |need: &Need| match need {
            Need::Any => true,
            Need::Name(name) => row.name == Some(name),
            Need::Remote(name) => row.remote_service() == Some(name),
            Need::Duration { min_us, max_us } => {
                row.duration_us.is_some_and(|duration_us| (*min_us..=*max_us).contains(&duration_us))
            }
            Need::Condition(Condition::Tag(key, value)) => row.tag(key) == Some(value),
            Need::Condition(Condition::Has(text)) => {
                row.tag(text).is_some() || row.annotations().any(|(_, value)| value == text)
            }
        };
        self.all.iter().enumerate().fold(0, |bits, (bit, need)| bits | u64::from(met(need)) << bit)
    }
}
