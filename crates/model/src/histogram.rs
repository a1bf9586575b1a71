//! Durations counted in buckets that grow with them: small, mergeable, and true to about 3 %.
//!
//! Each power of two is cut into [`STEPS`] buckets of equal width, so a bucket is at most a sixteenth of its values wide
//! and its middle at most a thirty-second off. Numbers below [`STEPS`] have buckets of their own. Counts are signed:
//! what a correction takes away is merged like what it adds.

/// Buckets of a power of two.
pub const STEPS: u64 = 16;

/// Bits of a number that say which of the steps it is in.
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// One more than the largest bucket that a number falls into.
pub const BUCKETS: u16 = ((64 - STEP_BITS) as u64 * STEPS + STEPS) as u16;

/// How often which durations were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Bucket and count, by bucket; no count is zero.
    counts: Vec<(u16, i64)>,
}

impl Histogram {
    /// Adds a number so many times; takes it away when that is negative.
    pub fn record(&mut self, value: u64, times: i64) {
        self.add(bucket_of(value), times);
    }

    /// Adds to the count of a bucket. What is no bucket, since it was read from elsewhere, is the largest one.
    pub fn add(&mut self, bucket: u16, times: i64) {
        let bucket = bucket.min(BUCKETS - 1);
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                self.counts[at].1 = self.counts[at].1.saturating_add(times);
                if self.counts[at].1 == 0 {
                    self.counts.remove(at);
                }
            }
            Err(at) if times != 0 => self.counts.insert(at, (bucket, times)),
            Err(_) => {}
        }
    }

    /// Adds all that another one counts.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
            return;
        }
        // Mostly the larger one has those buckets already.
        let mut at = 0;
        for (bucket, times) in &other.counts {
            at += self.counts[at..].partition_point(|(mine, _)| mine < bucket);
            match self.counts.get_mut(at) {
                Some((mine, count)) if mine == bucket => *count = count.saturating_add(*times),
                _ => self.counts.insert(at, (*bucket, *times)),
            }
        }
        self.counts.retain(|(_, count)| *count != 0);
    }

    /// Returns bucket and count of all that were seen, by bucket.
    pub fn counts(&self) -> &[(u16, i64)] {
        &self.counts
    }

    /// Says whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Returns how many numbers are counted; what was only taken away counts as none.
    pub fn total(&self) -> u64 {
        self.positive().map(|(_, count)| count).fold(0, u64::saturating_add)
    }

    /// Returns about the smallest number that is at least as large as this share (0.0 to 1.0) of all; nothing when none
    /// is counted.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let wanted = (self.total() as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0_u64;
        let found = self.positive().find(|(_, count)| {
            seen = seen.saturating_add(*count);
            seen >= wanted
        });
        found.map(|(bucket, _)| middle_of(bucket))
    }

    fn positive(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let count = |(bucket, count): &(u16, i64)| Some((*bucket, u64::try_from(*count).ok()?));
        self.counts.iter().filter_map(count)
    }
}

/// Returns the bucket that a number falls into.
pub fn bucket_of(value: u64) -> u16 {
    let Some(exponent) = value.checked_ilog2().filter(|exponent| *exponent >= STEP_BITS) else {
        return value as u16;
    };
    let shift = exponent - STEP_BITS;
    let step = (value >> shift) & (STEPS - 1);
    (u64::from(shift + 1) * STEPS + step) as u16
}

/// Returns the number in the middle of a bucket.
fn middle_of(bucket: u16) -> u64 {
    let (row, step) = (u64::from(bucket) / STEPS, u64::from(bucket) % STEPS);
    let Some(shift) = row.checked_sub(1) else { return step };
    let width = 1_u64 << shift;
    ((STEPS + step) << shift) + (width - 1) / 2
}
