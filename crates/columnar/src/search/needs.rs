//! What a query asks of single spans, and what of the trace they are in.

use model::batch::Row;
use storage::condition::{Condition, Pattern};
use storage::query::Query;

use crate::segment::marks::Mark;

/// Tests of spans; more are left to the test of the whole trace, so that a set of them fits 64 bits.
const TESTS_MAX: usize = 64;

/// Something that a span can show.
#[derive(Clone, Debug)]
pub enum Test {
    /// That it counts: it is one of the asked service.
    Counts,
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
    /// An annotation with this value, or a tag with this key.
    Has(String),
    /// A tag.
    Tag {
        /// Its key.
        key: String,
        /// What its value must be like.
        value: Value,
    },
}

/// What the value of a tag must be like.
#[derive(Clone, Debug)]
pub enum Value {
    /// This text.
    Is(String),
    /// Starting with it.
    Prefix(String),
    /// Containing it.
    Contains(String),
    /// Containing what a pattern describes.
    Regex(Pattern),
}

/// What the tests that some counted span of a trace meets must be.
#[derive(Clone, Debug)]
enum Formula {
    /// The test with this number.
    Met(usize),
    Not(Box<Formula>),
    Any(Vec<Formula>),
}

/// The tests of a query, and how they decide. Says nothing about time.
#[derive(Clone, Debug)]
pub struct Needs {
    /// Only spans of this service count.
    pub service: Option<String>,
    /// The tests, by the number of their bit.
    pub tests: Vec<Test>,
    /// All of these must hold.
    formulas: Vec<Formula>,
    /// Whether that is all that the query asks, besides the time.
    exact: bool,
}

impl Needs {
    /// Returns the needs of a query.
    pub fn of(query: &Query) -> Self {
        let mut tests = vec![Test::Counts];
        tests.extend(query.span_name.clone().map(Test::Name));
        tests.extend(query.remote_service_name.clone().map(Test::Remote));
        let max_us = query.duration_max_us.unwrap_or(u64::MAX);
        tests.extend(
            (query.duration_min_us > 0).then_some(Test::Duration { min_us: query.duration_min_us, max_us }),
        );
        let formulas = (0..tests.len()).map(Formula::Met).collect();
        let mut needs = Self { service: query.service_name.clone(), tests, formulas, exact: true };
        for condition in &query.conditions {
            let known = needs.tests.len();
            let formula = needs.formula(condition);
            if needs.tests.len() <= TESTS_MAX {
                needs.formulas.push(formula);
            } else {
                needs.tests.truncate(known);
                needs.exact = false;
            }
        }
        needs
    }

    /// Returns the tests each of which some counted span of a matching trace meets.
    pub fn required(&self) -> impl Iterator<Item = &Test> {
        self.formulas.iter().filter_map(|formula| match formula {
            Formula::Met(bit) => self.tests.get(*bit),
            _ => None,
        })
    }

    /// Says whether [`hold`](Self::hold) decides all that the query asks besides the time.
    pub fn are_exact(&self) -> bool {
        self.exact
    }

    /// Says whether a trace whose counted spans meet these tests, and no others, may match.
    pub fn hold(&self, met: u64) -> bool {
        self.formulas.iter().all(|formula| formula.holds(met))
    }

    /// Returns the bits of the tests that a span meets.
    pub fn met_by(&self, row: &Row<'_>) -> u64 {
        if !self.counts(row) {
            return 0;
        }
        self.tests
            .iter()
            .enumerate()
            .fold(0, |bits, (bit, test)| bits | u64::from(test.is_met_by(row)) << bit)
    }

    /// Says whether a span counts.
    pub fn counts(&self, row: &Row<'_>) -> bool {
        self.service.is_none() || self.service.as_deref() == row.local_service()
    }

    fn formula(&mut self, condition: &Condition) -> Formula {
        let tag = |key: &String, value: Value| Test::Tag { key: key.clone(), value };
        let test = match condition {
            Condition::Not(condition) => return Formula::Not(Box::new(self.formula(condition))),
            Condition::Any(all) => return Formula::Any(all.iter().map(|it| self.formula(it)).collect()),
            Condition::Has(text) => Test::Has(text.clone()),
            Condition::Tag(key, value) => tag(key, Value::Is(value.clone())),
            Condition::Prefix(key, text) => tag(key, Value::Prefix(text.clone())),
            Condition::Contains(key, text) => tag(key, Value::Contains(text.clone())),
            Condition::Regex(key, pattern) => tag(key, Value::Regex(pattern.clone())),
        };
        self.tests.push(test);
        Formula::Met(self.tests.len() - 1)
    }
}

impl Formula {
    fn holds(&self, met: u64) -> bool {
        match self {
            Self::Met(bit) => met >> bit & 1 == 1,
            Self::Not(formula) => !formula.holds(met),
            Self::Any(formulas) => formulas.iter().any(|formula| formula.holds(met)),
        }
    }
}

impl Test {
    /// Says whether parts can tell that no span of them meets it.
    pub fn can_be_rare(&self, needs: &Needs) -> bool {
        needs.service.is_some() || self.mark().is_some() || matches!(self, Self::Name(_) | Self::Remote(_))
    }

    /// Returns a mark that spans have which meet it.
    pub fn mark(&self) -> Option<Mark> {
        match self {
            Self::Counts | Self::Name(_) | Self::Remote(_) | Self::Duration { .. } => None,
            Self::Has(text) => Some(Mark::of_text(text)),
            Self::Tag { key, value: Value::Is(text) } => Some(Mark::of_tag(key, text)),
            Self::Tag { key, .. } => Some(Mark::of_text(key)),
        }
    }

    /// Says whether a span meets it.
    pub fn is_met_by(&self, row: &Row<'_>) -> bool {
        match self {
            Self::Counts => true,
            Self::Name(name) => row.name == Some(name),
            Self::Remote(name) => row.remote_service() == Some(name),
            Self::Duration { min_us, max_us } => {
                row.duration_us.is_some_and(|duration_us| (*min_us..=*max_us).contains(&duration_us))
            }
            Self::Has(text) => row.tag(text).is_some() || row.annotations().any(|(_, value)| value == text),
            Self::Tag { key, value } => row.tag(key).is_some_and(|found| value.is_met_by(found)),
        }
    }
}

impl Value {
    /// Says whether a tag's value is like that.
    pub fn is_met_by(&self, found: &str) -> bool {
        match self {
            Self::Is(text) => found == text,
            Self::Prefix(text) => found.starts_with(text.as_str()),
            Self::Contains(text) => found.contains(text.as_str()),
            Self::Regex(pattern) => pattern.is_found_in(found),
        }
    }
}
