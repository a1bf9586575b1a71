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
    let mut sizes = vec![(100, 0); 9];
    sizes[3] = (2, 0);
    check(&sizes, Some(0..9));
    sizes[3] = (5_000, 0);
    check(&sizes, None);
}

#[test]
fn as_many_as_fit() {
    check(&[(7_000, 0); 2], None);
    check(&[(7_000, 0); 3], Some(0..2));
    check(&[(19_000, 0); 9], None);
}

#[test]
fn old_and_new_ones_stay_apart() {
    let mut sizes = vec![(100, 1_000); 8];
    sizes[0] = (100, 0);
    check(&sizes, Some(0..8));
    sizes[0] = (100, 2_001);
    check(&sizes, None);
}

#[test]
fn pinned_ones_are_left_alone() {
    let mut all = entries(&[(100, 0); 12]);
    let config = Config::new("/");
    all[2].extent.pinned = true;
    assert_eq!(choose(&all, &config), Some(3..11));
    all[5].extent.pinned = true;
    assert_eq!(choose(&all, &config), None);
}
