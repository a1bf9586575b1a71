//! Which segments are merged, by their sizes and times.

use super::*;
use crate::segment::meta::Extent;

fn entries(sizes: &[(u64, u64)]) -> Vec<Entry> {
    let entry = |(number, (bytes, newest_ms)): (usize, &(u64, u64))| Entry {
        name: number.to_string(),
        bytes: *bytes,
        data_bytes: 0,
        tail_crc32: 0,
        extent: Extent { arrived_ms: Some(*newest_ms), ..Extent::default() },
    };
    sizes.iter().enumerate().map(entry).collect()
}

#[track_caller]
fn check(sizes: &[(u64, u64)], expected: Option<Range<usize>>) {
    let config = Config { segment_bytes_max: 64 * 300, retention_age_ms: Some(8_000), ..Config::new("/") };
    assert_eq!(choose(&entries(sizes), &config), expected, "{sizes:?}");
}

#[test]
fn eight_of_one_size() {
    check(&[(100, 0); 7], None);
    check(&[(100, 0); 8], Some(0..8));
    check(&[(100, 0); 20], Some(0..8));
    let mut sizes = vec![(5_000, 0)];
    sizes.extend([(100, 0); 8]);
    check(&sizes, Some(1..9));
}

#[test]
fn smaller_ones_among_them_go_along() {
    let with = |bytes: u64| [&[(100, 0); 3][..], &[(bytes, 0)], &[(100, 0); 5]].concat();
    check(&with(2), Some(0..9));
    check(&with(5_000), None);
}

#[test]
fn as_many_as_fit() {
    check(&[(7_000, 0); 2], None);
    check(&[(7_000, 0); 3], Some(0..2));
    check(&[(19_000, 0); 9], None);
}

#[test]
fn old_and_new_ones_stay_apart() {
    let with = |newest_ms: u64| [&[(100, newest_ms)][..], &[(100, 1_000); 7]].concat();
    check(&with(0), Some(0..8));
    check(&with(2_001), None);
}

#[test]
fn pinned_ones_are_left_alone() {
    let chosen = |pinned: &[usize]| {
        let mut all = entries(&[(100, 0); 12]);
        all.iter_mut().enumerate().for_each(|(at, entry)| entry.extent.pinned = pinned.contains(&at));
        choose(&all, &Config::new("/"))
    };
    assert_eq!(chosen(&[2]), Some(3..11));
    assert_eq!(chosen(&[2, 5]), None);
}
