//! Which segments go, by age and by bytes.

use super::*;
use crate::segment::meta::Extent;

fn entry(bytes: u64, started_ms: Option<u64>, arrived_ms: u64, pinned: bool) -> Entry {
    let timestamp_max_us = started_ms.map(|ms| ms * 1000);
    let extent = Extent { timestamp_max_us, arrived_ms: Some(arrived_ms), pinned, ..Extent::default() };
    Entry { name: String::new(), bytes, data_bytes: 0, tail_crc32: 0, extent }
}

fn config(age_ms: Option<u64>, bytes: Option<u64>) -> Config {
    Config { retention_age_ms: age_ms, retention_bytes: bytes, ..Config::new("/") }
}

const NOW_MS: u64 = 100_000;

#[test]
fn by_age_the_newest_span_decides_and_never_a_clock_that_runs_ahead() {
    let entries = [
        entry(1, Some(10_000), 20_000, false),
        entry(1, Some(95_000), 96_000, false),
        entry(1, Some(u64::MAX / 1000), 20_000, false),
        entry(1, None, 20_000, false),
        entry(1, Some(10_000), 20_000, true),
    ];
    let chosen = choose(&entries, &config(Some(50_000), None), NOW_MS, 0);
    assert_eq!(chosen, [Some(Reason::Age), None, Some(Reason::Age), Some(Reason::Age), None]);
    assert_eq!(first_run(&entries, &chosen), Some(0..1));
    assert_eq!(choose(&entries, &config(None, None), NOW_MS, 0), [None; 5]);
    assert_eq!(choose(&entries, &config(Some(50_000), None), 0, 0), [None; 5]);
}

#[test]
fn by_bytes_the_oldest_go_and_the_journal_counts() {
    let entries = [10, 10, 10, 10].map(|bytes| entry(bytes, Some(1), 1, false));
    let goes = |bytes_max, journal| {
        let chosen = choose(&entries, &config(None, Some(bytes_max)), NOW_MS, journal);
        chosen.iter().flatten().count()
    };
    assert_eq!(goes(40, 0), 0);
    assert_eq!(goes(39, 0), 1);
    assert_eq!(goes(40, 5), 1);
    assert_eq!(goes(20, 5), 3);
    assert_eq!(goes(1, 0), 4);
}

#[test]
fn what_is_pinned_takes_half_of_the_room_at_most() {
    let entries = [
        entry(10, Some(1), 1, false),
        entry(100, Some(1), 1, true),
        entry(10, Some(1), 1, false),
        entry(10, Some(1), 1, false),
    ];
    let chosen = choose(&entries, &config(None, Some(40)), NOW_MS, 0);
    assert_eq!(chosen, [Some(Reason::Bytes), None, None, None]);
    assert_eq!(first_run(&entries, &chosen), Some(0..2));
}
