//! The histogram against sorted numbers.

use model::histogram::{BUCKETS, Histogram, bucket_of};
use proptest::prelude::*;

fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    values.iter().for_each(|value| histogram.record(*value, 1));
    histogram
}

fn merged(parts: &[&Histogram]) -> Histogram {
    let mut all = Histogram::default();
    parts.iter().for_each(|part| all.merge(part));
    all
}

/// Numbers of all magnitudes.
fn value() -> impl Strategy<Value = u64> {
    (0..64_u32, any::<u64>()).prop_map(|(shift, value)| value >> shift)
}

fn values() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(value(), 0..60)
}

proptest! {
    #[test]
    fn a_quantile_is_true_to_a_thirty_second(values in prop::collection::vec(value(), 1..60), share in 0.0..=1.0_f64) {
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let rank = ((sorted.len() as f64 * share).ceil() as usize).max(1);
        let exact = sorted[rank - 1];
        let found = of(&values).quantile(share).unwrap();
        prop_assert!(found.abs_diff(exact) <= exact / 32, "{found} for {exact}");
    }

    #[test]
    fn merging_is_associative_and_in_any_order(a in values(), b in values(), c in values()) {
        let all = of(&[a.clone(), b.clone(), c.clone()].concat());
        let (a, b, c) = (of(&a), of(&b), of(&c));
        prop_assert_eq!(merged(&[&merged(&[&a, &b]), &c]), all.clone());
        prop_assert_eq!(merged(&[&a, &merged(&[&b, &c])]), all.clone());
        prop_assert_eq!(merged(&[&c, &a, &b]), all);
    }

    #[test]
    fn what_is_taken_away_was_never_there(kept in values(), gone in values()) {
        let mut histogram = of(&[kept.clone(), gone.clone()].concat());
        let mut correction = Histogram::default();
        gone.iter().for_each(|value| correction.record(*value, -1));
        histogram.merge(&correction);
        prop_assert_eq!(&histogram, &of(&kept));
        prop_assert_eq!(histogram.total(), kept.len() as u64);
    }

    #[test]
    fn larger_numbers_fall_into_later_buckets(a in value(), b in value()) {
        prop_assert!(a > b || bucket_of(a) <= bucket_of(b));
    }
}

#[test]
fn the_ends_have_buckets() {
    assert_eq!((bucket_of(0), bucket_of(15), bucket_of(16)), (0, 15, 16));
    assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    assert_eq!(Histogram::default().quantile(0.5), None);
    assert_eq!(of(&[7]).quantile(0.0), Some(7));
    assert!(of(&[u64::MAX]).quantile(1.0).unwrap() > u64::MAX / 32 * 31);
}

#[test]
fn counts_below_nothing_count_as_none() {
    let mut histogram = of(&[5, 9]);
    histogram.record(5, -3);
    assert_eq!((histogram.total(), histogram.quantile(0.0)), (1, Some(9)));
    histogram.add(u16::MAX, 1);
    assert_eq!(histogram.counts().last(), Some(&(BUCKETS - 1, 1)));
}
