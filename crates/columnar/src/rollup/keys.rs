//! Which traces a part may have spans of, by the right-most 64 bits of their ids, in four bytes each.

/// Name of the blob.
pub const NAME: &str = "trace-keys";

/// Sorted fingerprints. That a trace seems to be there, and is not, happens about once in 2^32 for each trace held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<u32>);

impl Keys {
    /// Returns the keys of traces whose ids end so.
    pub fn of(lows: impl IntoIterator<Item = u64>) -> Self {
        let mut all: Vec<u32> = lows.into_iter().map(fingerprint).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Adds those of another part.
    pub fn add(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<4>();
        Self(numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }

    /// Returns them as little-endian numbers.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|key| key.to_le_bytes()).collect()
    }

    /// Says whether spans of a trace whose id ends so may be there.
    pub fn may_hold(&self, low: u64) -> bool {
        self.0.binary_search(&fingerprint(low)).is_ok()
    }
}

/// Spreads ids that were counted up instead of drawn.
fn fingerprint(low: u64) -> u32 {
    (low.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}
