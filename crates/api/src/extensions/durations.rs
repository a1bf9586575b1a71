//! Bands of durations: they span decades, so each band is longer than the one before by the same factor.

use storage::counts::Count;

/// Longest duration that is told apart from longer ones: 10^9 microseconds, which are a quarter of an hour.
const DECADES: u32 = 9;

/// Returns where bands begin, so many to a decade, from 1 microsecond on.
pub fn bands_us(per_decade: u32) -> impl Iterator<Item = u64> {
    (0..=DECADES * per_decade)
        .map(move |band| 10_f64.powf(f64::from(band) / f64::from(per_decade)).round() as u64)
}

/// Returns the duration that this share of traces does not exceed, within its band in proportion; nothing without
/// traces. The bands are those of one slice.
pub fn percentile_us(bands: &[Count], share: f64) -> Option<u64> {
    let all: u64 = bands.iter().map(|band| band.traces).sum();
    let mut left = (all as f64 * share).max(1.0);
    for (at, band) in bands.iter().enumerate().filter(|(_, band)| band.traces > 0) {
        let traces = band.traces as f64;
        if left <= traces {
            // What is longer than all bands is said to be as long as the last one's start.
            let to_us = bands.get(at + 1).map_or(band.from_us, |next| next.from_us) as f64;
            return Some((band.from_us as f64 + (to_us - band.from_us as f64) * left / traces).round() as u64);
        }
        left -= traces;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_grow_by_a_factor() {
        let bands: Vec<u64> = bands_us(10).collect();
        assert_eq!((bands.first(), bands.get(10), bands.get(31)), (Some(&1), Some(&10), Some(&1259)));
        assert_eq!(bands.last(), Some(&1_000_000_000));
    }

    #[test]
    fn percentiles_lie_within_their_band() {
        let band = |from_us, traces| Count { start_ms: 0, from_us, traces, errors: 0 };
        let bands = [band(0, 0), band(10, 90), band(100, 10), band(1000, 0)];
        for (share, us) in [(0.0, 11), (0.5, 60), (0.9, 100), (0.95, 550), (1.0, 1000)] {
            assert_eq!(percentile_us(&bands, share), Some(us), "{share}");
        }
        assert_eq!(percentile_us(&[band(0, 0), band(1000, 3)], 0.5), Some(1000), "longer than all bands");
        assert_eq!(percentile_us(&[band(0, 0)], 0.5), None);
    }
}
