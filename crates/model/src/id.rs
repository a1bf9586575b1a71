//! Trace and span ids: never zero, printed as lower-case hexadecimal, padded to 16 or 32 digits.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

/// Names a trace with 64 or 128 bits.
///
/// An id whose upper 64 bits are zero is a 64-bit id: Zipkin cuts `0000000000000000` + 16 digits down to
/// the right-most 16 digits (openzipkin/zipkin: `zipkin2.Span.normalizeTraceId`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(NonZeroU128);

/// Names a span within its trace with 64 bits. The two halves of a B3 call share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(NonZeroU64);

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// No digit at all.
    Empty,
    /// More digits than the id has; carries the limit.
    TooLong(usize),
    /// Nothing but zeros.
    AllZeros,
    /// A character that is not one of `0-9a-f`.
    NotLowerHex,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(max) => write!(f, "length > {max}"),
            Self::AllZeros => f.write_str("is all zeros"),
            Self::NotLowerHex => f.write_str("should be lower-hex encoded with no prefix"),
        }
    }
}

impl std::error::Error for IdError {}

impl TraceId {
    /// The smallest id: what a decoder holds until it has read the real one.
    pub const MIN: Self = Self(NonZeroU128::MIN);

    /// Returns the id with this value, or nothing for zero.
    pub fn new(value: u128) -> Option<Self> {
        NonZeroU128::new(value).map(Self)
    }

    /// Returns the id made of two halves, the upper one zero for a 64-bit id.
    pub fn from_halves(high: u64, low: u64) -> Option<Self> {
        Self::new(u128::from(high) << 64 | u128::from(low))
    }

    /// Reads 1 to 32 lower-case hexadecimal digits; shorter texts count as padded with zeros.
    pub fn from_lower_hex(text: &str) -> Result<Self, IdError> {
        Self::new(lower_hex(text.as_bytes(), 32)?).ok_or(IdError::AllZeros)
    }

    /// Returns all 128 bits.
    pub fn get(self) -> u128 {
        self.0.get()
    }

    /// Returns the right-most 64 bits, by which lenient grouping and sampling work.
    pub fn low(self) -> u64 {
        self.get() as u64
    }

    /// Returns the left-most 64 bits, zero for a 64-bit id.
    pub fn high(self) -> u64 {
        (self.get() >> 64) as u64
    }
}

impl SpanId {
    /// The smallest id: what a decoder holds until it has read the real one.
    pub const MIN: Self = Self(NonZeroU64::MIN);

    /// Returns the id with this value, or nothing for zero.
    pub fn new(value: u64) -> Option<Self> {
        NonZeroU64::new(value).map(Self)
    }

    /// Reads 1 to 16 lower-case hexadecimal digits; shorter texts count as padded with zeros.
    pub fn from_lower_hex(text: &str) -> Result<Self, IdError> {
        Self::new(lower_hex(text.as_bytes(), 16)? as u64).ok_or(IdError::AllZeros)
    }

    /// Returns the 64 bits.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// Reads up to `digits_max` lower-case hexadecimal digits. All zeros give 0, so that callers decide what that means.
pub fn lower_hex(text: &[u8], digits_max: usize) -> Result<u128, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > digits_max {
        return Err(IdError::TooLong(digits_max));
    }
    // Two halves of 64 bits, because shifting a number of 128 bits for each digit shows in the decoders.
    let (high, low) = text.split_at(text.len().saturating_sub(16));
    Ok(u128::from(lower_hex_half(high)?) << 64 | u128::from(lower_hex_half(low)?))
}

fn lower_hex_half(digits: &[u8]) -> Result<u64, IdError> {
    digits.iter().try_fold(0, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return Err(IdError::NotLowerHex),
        };
        Ok(value << 4 | u64::from(digit))
    })
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.high() == 0 { write!(f, "{:016x}", self.low()) } else { write!(f, "{:032x}", self.get()) }
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.get())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_print_with_16_or_32_digits() {
        for (text, printed) in [
            ("1", "0000000000000001"),
            ("00000000000000000000000000000001", "0000000000000001"),
            ("10000000000000001", "00000000000000010000000000000001"),
            ("463ac35c9f6413ad48485a3953bb6124", "463ac35c9f6413ad48485a3953bb6124"),
        ] {
            assert_eq!(TraceId::from_lower_hex(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn bad_ids_say_why() {
        assert_eq!(TraceId::from_lower_hex(""), Err(IdError::Empty));
        assert_eq!(TraceId::from_lower_hex(&"1".repeat(33)), Err(IdError::TooLong(32)));
        assert_eq!(TraceId::from_lower_hex("000"), Err(IdError::AllZeros));
        assert_eq!(TraceId::from_lower_hex("48485A39"), Err(IdError::NotLowerHex));
        assert_eq!(SpanId::from_lower_hex("0x12"), Err(IdError::NotLowerHex));
        assert_eq!(SpanId::from_lower_hex(&"1".repeat(17)), Err(IdError::TooLong(16)));
    }
}
