//! What a search asks of the tags and annotations of a trace.

use std::borrow::Borrow;

use model::span::Span;
use regex::{Regex, RegexBuilder};

/// Most bytes of a pattern's text.
pub const PATTERN_BYTES_MAX: usize = 1000;

/// Most bytes of a pattern's program, and of what matching with it keeps.
const PROGRAM_BYTES_MAX: usize = 1 << 20;

/// Deepest nesting of a pattern.
const PATTERN_DEPTH_MAX: u32 = 50;

/// One part of a query. Whoever makes them limits how many there are and how deep they nest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An annotation with this value, or a tag with this key.
    Has(String),
    /// A tag with this key and this value; never empty.
    Tag(String, String),
    /// A tag with this key whose value starts with this text.
    Prefix(String, String),
    /// A tag with this key whose value contains this text.
    Contains(String, String),
    /// A tag with this key in whose value the pattern is found.
    Regex(String, Pattern),
    /// No counted span of the trace meets this.
    Not(Box<Condition>),
    /// Any of these holds for the trace.
    Any(Vec<Condition>),
}

impl Condition {
    /// Says whether the spans of a trace that count meet the condition.
    pub fn holds<S: Borrow<Span>>(&self, counted: &[S]) -> bool {
        match self {
            Self::Not(condition) => !condition.holds(counted),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(counted)),
            single => counted.iter().any(|span| single.is_met_by(span.borrow())),
        }
    }

    /// Says whether one span meets a condition that is neither `Not` nor `Any`.
    fn is_met_by(&self, span: &Span) -> bool {
        let tagged = |key: &str, test: &dyn Fn(&str) -> bool| span.tag(key).is_some_and(test);
        match self {
            Self::Has(text) => span.annotations.iter().any(|a| a.value == *text) || span.tag(text).is_some(),
            Self::Tag(key, value) => tagged(key, &|found| found == value),
            Self::Prefix(key, text) => tagged(key, &|found| found.starts_with(text.as_str())),
            Self::Contains(key, text) => tagged(key, &|found| found.contains(text.as_str())),
            Self::Regex(key, pattern) => tagged(key, &|found| pattern.is_found_in(found)),
            Self::Not(_) | Self::Any(_) => false,
        }
    }
}

/// A regular expression whose cost is bounded: time grows with the text only, and memory has a limit.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// The text is no pattern, or one that costs too much; says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad regular expression: {0}")]
pub struct BadPattern(String);

impl Pattern {
    /// Reads a pattern in the syntax of the `regex` crate. It may be found anywhere in a text, unless it says `^` or `$`.
    pub fn new(text: &str) -> Result<Self, BadPattern> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(BadPattern(format!("is longer than {PATTERN_BYTES_MAX} bytes")));
        }
        let built = RegexBuilder::new(text)
            .size_limit(PROGRAM_BYTES_MAX)
            .dfa_size_limit(PROGRAM_BYTES_MAX)
            .nest_limit(PATTERN_DEPTH_MAX)
            .build();
        built.map(Self).map_err(|error| BadPattern(error.to_string()))
    }

    /// Returns the text that it was read from.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Says whether it is found in a text.
    pub fn is_found_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}
