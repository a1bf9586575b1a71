//! What the tags and annotations of many spans hold, as a filter: a search skips what cannot have what it looks for.
//! Bytes: `docs/formats/segment.md`.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use model::batch::Row;
use twox_hash::XxHash64;

/// Bytes of a block: all bits of a mark are in one of them.
pub const BLOCK_BYTES: usize = 64;

/// Bits of a filter for each mark: of marks that are not in it, 1 in 80 seems to be.
const BITS_PER_MARK: usize = 10;

/// Bits that a mark sets.
const PROBES: u32 = 6;

/// Spreads the bits of a mark anew: the golden ratio, as in Knuth's multiplicative hashing.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Something that a tag or an annotation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark(u64);

/// Marks of some spans, each once.
#[derive(Clone, Debug, Default)]
pub struct Marks(HashSet<Mark, BuildHasherDefault<AsItIs>>);

/// Marks are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsItIs(u64);

impl Mark {
    /// Returns the mark of an annotation with this value, and of any tag with this key.
    pub fn of_text(text: &str) -> Self {
        Self(XxHash64::oneshot(0, text.as_bytes()))
    }

    /// Returns the mark of a tag.
    pub fn of_tag(key: &str, value: &str) -> Self {
        Self::of_text(key).with(value)
    }

    fn with(self, value: &str) -> Self {
        Self(XxHash64::oneshot(self.0, value.as_bytes()))
    }

    /// Returns the number of its block in a filter of so many.
    pub fn block(self, blocks: u64) -> u64 {
        ((self.0 >> 32) * blocks) >> 32
    }

    /// Says whether the mark may be in a filter of which this is its block.
    pub fn may_be_in(self, block: &[u8]) -> bool {
        self.bits().all(|bit| block.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1))
    }

    fn bits(self) -> impl Iterator<Item = usize> {
        let spread = self.0.wrapping_mul(SPREAD);
        (0..PROBES).map(move |probe| (spread >> (9 * probe) & 511) as usize)
    }
}

impl Marks {
    /// Adds what a span has.
    pub fn insert(&mut self, row: &Row<'_>) {
        self.0.extend(row.annotations().map(|(_, value)| Mark::of_text(value)));
        for (key, value) in row.tags() {
            let key = Mark::of_text(key);
            self.0.insert(key);
            self.0.insert(key.with(value));
        }
    }

    /// Says whether some span has it.
    pub fn have(&self, mark: Mark) -> bool {
        self.0.contains(&mark)
    }

    /// Returns the marks as a filter, and forgets them.
    pub fn take_filter(&mut self) -> Vec<u8> {
        let blocks = (self.0.len() * BITS_PER_MARK).div_ceil(8 * BLOCK_BYTES).max(1);
        let mut filter = vec![0_u8; blocks * BLOCK_BYTES];
        for mark in self.0.drain() {
            let block = mark.block(blocks as u64) as usize * BLOCK_BYTES;
            for bit in mark.bits() {
                if let Some(byte) = filter.get_mut(block + bit / 8) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
        filter
    }
}

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = XxHash64::oneshot(self.0, bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(marks: impl IntoIterator<Item = Mark>) -> Vec<u8> {
        Marks(marks.into_iter().collect()).take_filter()
    }

    fn may_be_in(mark: Mark, filter: &[u8]) -> bool {
        let block = mark.block((filter.len() / BLOCK_BYTES) as u64) as usize * BLOCK_BYTES;
        mark.may_be_in(filter.get(block..block + BLOCK_BYTES).unwrap_or_default())
    }

    fn mark(number: u32) -> Mark {
        Mark::of_tag("path", &format!("/items/{number}"))
    }

    #[test]
    fn a_filter_has_what_was_put_in_and_little_else() {
        let filter = filter((0..10_000).map(mark));
        assert_eq!(filter.len(), 12_544);
        assert!((0..10_000).all(|number| may_be_in(mark(number), &filter)));
        let wrong = (10_000..30_000).filter(|number| may_be_in(mark(*number), &filter)).count();
        assert!(wrong < 20_000 / 60, "{wrong} of 20,000");
    }

    #[test]
    fn an_empty_filter_has_nothing() {
        assert!(!may_be_in(mark(1), &filter([])));
    }

    /// Files outlive programs: these bits are for ever.
    #[test]
    fn the_bits_of_a_mark_stay() {
        assert_eq!(Mark::of_text("error"), Mark(XxHash64::oneshot(0, b"error")));
        assert_eq!(Mark(0).bits().collect::<Vec<_>>(), [0; 6]);
        assert_eq!(Mark(1).bits().collect::<Vec<_>>(), [21, 318, 466, 303, 411, 443]);
        assert_eq!((Mark(u64::MAX).block(196), Mark(1 << 63).block(196)), (195, 98));
    }
}
