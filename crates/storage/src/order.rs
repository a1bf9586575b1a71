//! In which order traces are found, and how a search goes on behind a place in that order.

use std::fmt;
use std::str::FromStr;

use model::id::TraceId;

use crate::facts::Facts;

/// What traces are ordered by. Equal ones: the newest first, then those with larger ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By their newest span, as in Zipkin: the newest first.
    #[default]
    Newest,
    /// By their longest span: the longest first.
    Duration,
    /// By how many spans have a tag named `error`: the most first.
    Errors,
}

/// Names a trace among the others of a store.
///
/// Ordered by the right-most 64 bits before the others, as openzipkin/zipkin `InMemoryStorage.TIMESTAMP_DESCENDING`
/// does. With lenient ids (`STRICT_TRACE_ID=false`) the right-most 64 bits are all that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceKey(u128);

impl TraceKey {
    /// Returns the key of the trace that an id belongs to.
    pub fn new(id: TraceId, strict_trace_id: bool) -> Self {
        let high = if strict_trace_id { id.high() } else { 0 };
        Self(u128::from(id.low()) << 64 | u128::from(high))
    }

    /// Returns the right-most 64 bits of the id.
    pub fn low(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Returns the key as a number.
    pub fn get(self) -> u128 {
        self.0
    }
}

/// Where a trace stands in an order: the largest rank comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    value: u64,
    newest_ms: u64,
    key: TraceKey,
}

impl Order {
    /// Returns where a trace stands. Facts with later, longer or more spans never make it stand further behind.
    pub fn rank(self, key: TraceKey, facts: &Facts) -> Rank {
        let value = match self {
            Self::Newest => 0,
            Self::Duration => facts.longest_us,
            Self::Errors => facts.errors,
        };
        Rank { value, newest_ms: facts.newest_us.unwrap_or(0) / 1000, key }
    }

    fn letter(self) -> char {
        match self {
            Self::Newest => 'n',
            Self::Duration => 'd',
            Self::Errors => 'e',
        }
    }
}

/// A place in an order of traces. Prints as text that a URL holds as it is, and that means nothing to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    order: Order,
    rank: Rank,
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no cursor that a search has given")]
pub struct BadCursor;

impl Cursor {
    /// Returns the place right behind a trace.
    pub fn behind(order: Order, rank: Rank) -> Self {
        Self { order, rank }
    }

    /// Returns the order that it is a place of: a search that goes on here must have the same.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Says whether a trace comes behind this place.
    pub fn is_before(&self, rank: Rank) -> bool {
        rank < self.rank
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rank { value, newest_ms, key } = self.rank;
        write!(f, "{}{value:x}-{newest_ms:x}-{:x}", self.order.letter(), key.0)
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let orders = [Order::Newest, Order::Duration, Order::Errors];
        let found = orders.into_iter().find_map(|order| Some((order, text.strip_prefix(order.letter())?)));
        let (order, numbers) = found.ok_or(BadCursor)?;
        let mut numbers = numbers.split('-').map(|hex| u128::from_str_radix(hex, 16).ok());
        let mut number = || numbers.next().flatten().ok_or(BadCursor);
        let small = |number: u128| u64::try_from(number).map_err(|_| BadCursor);
        let rank = Rank { value: small(number()?)?, newest_ms: small(number()?)?, key: TraceKey(number()?) };
        let cursor = Self { order, rank };
        // Exactly what was printed: no signs, no leading zeros, nothing behind.
        if cursor.to_string() == text { Ok(cursor) } else { Err(BadCursor) }
    }
}
