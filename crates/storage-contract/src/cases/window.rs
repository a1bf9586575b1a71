//! Time, order and limits of a search: learned from openzipkin/zipkin `ITSpanStore` and `InMemoryStorageTest`.

use storage::query::{Query, Window};

use crate::spans::{Ask, Make, START_MS, START_US, all, bare, of, span};
use crate::subject::Subject;

const NONE: [u128; 0] = [];
const MS: u64 = 1000;

/// Milliseconds of the window against microseconds of the spans: neither end is rounded.
pub async fn both_ends_are_inclusive(it: Subject) {
    it.write([span(1, 1, "web")]).await;
    let query = |start_ms, end_ms| all().between_ms(start_ms, end_ms);
    assert_eq!(it.found(&query(START_MS, START_MS + 5)).await, [1]);
    assert_eq!(it.found(&query(START_MS - 5, START_MS)).await, [1]);
    assert_eq!(it.found(&query(START_MS, START_MS)).await, [1]);
    assert_eq!(it.found(&query(START_MS + 1, START_MS + 5)).await, NONE);
    assert_eq!(it.found(&query(START_MS - 5, START_MS - 1)).await, NONE);
    it.write([span(2, 1, "web").at(START_US + 1)]).await;
    assert_eq!(it.found(&query(START_MS - 5, START_MS)).await, [1], "a microsecond past the end");
    it.write([span(3, 1, "app").at(START_US - 1)]).await;
    assert_eq!(it.found(&query(START_MS, START_MS)).await, [1], "a microsecond before the start");
    assert_eq!(it.found(&query(START_MS - 1, START_MS + 1)).await, [2, 1, 3]);
}

/// The span without a parent says when the trace was, wherever it stands among the others.
pub async fn the_root_decides(it: Subject) {
    let later_us = START_US + 60_000 * MS;
    it.write([span(1, 2, "app").under(1).at(later_us), span(1, 1, "web")]).await;
    it.write([span(2, 2, "app").under(1)]).await;
    it.write([span(2, 1, "web").at(later_us)]).await;
    let early = all().between_ms(START_MS - 5, START_MS + 5);
    let late = all().between_ms(START_MS + 59_000, START_MS + 61_000);
    assert_eq!(it.found(&early).await, [1]);
    assert_eq!(it.found(&late).await, [2]);
    // Of several spans without a parent, the first one that has a timestamp.
    it.write([bare(3, 1).service("web"), span(3, 2, "web").at(later_us), span(3, 3, "web")]).await;
    assert_eq!(it.found(&early).await, [1]);
    assert_eq!(it.found(&late).await, [3, 2]);
}

/// A trace that goes on after the window comes whole.
pub async fn a_trace_that_ends_later_is_whole(it: Subject) {
    let spans = [span(1, 1, "web").lasting(9_000_000), span(1, 2, "app").under(1).at(START_US + 8_000_000)];
    it.write(spans.clone()).await;
    assert_eq!(it.search(&all().between_ms(START_MS, START_MS + 10)).await, [spans]);
}

/// Without a root, or when it has no timestamp.
pub async fn the_earliest_span_decides_without_a_root(it: Subject) {
    let later_us = START_US + 60_000 * MS;
    it.write([span(1, 3, "web").under(2).at(later_us), span(1, 2, "web").under(9)]).await;
    it.write([
        bare(2, 1).service("web"),
        span(2, 2, "web").under(1),
        span(2, 3, "web").under(1).at(later_us),
    ])
    .await;
    assert_eq!(it.found(&all().between_ms(START_MS, START_MS + 5)).await, [2, 1]);
    assert_eq!(it.found(&all().between_ms(START_MS + 59_000, START_MS + 61_000)).await, NONE);
}

/// They can be read by id.
pub async fn traces_without_timestamps_are_not_found(it: Subject) {
    let timeless = bare(1, 1).service("web").named("get").lasting(5);
    it.write([timeless.clone()]).await;
    assert_eq!(it.found(&all()).await, NONE);
    assert_eq!(it.found(&of("web")).await, NONE);
    let everything = Window { end_ms: START_MS, lookback_ms: START_MS };
    assert_eq!(it.found(&Query::new(everything, 10)).await, NONE);
    assert_eq!(it.trace(1).await, [timeless]);
}

/// From then on the trace is found.
pub async fn a_timestamp_that_comes_later(it: Subject) {
    it.write([bare(1, 1).service("web").named("get")]).await;
    assert_eq!(it.found(&of("web").and_name("get")).await, NONE);
    it.write([span(1, 1, "web").lasting(4)]).await;
    assert_eq!(it.found(&of("web").and_name("get")).await, [1]);
}

/// Nobody's trace is that old, but users ask so.
pub async fn lookback_may_reach_before_the_epoch(it: Subject) {
    it.write([span(1, 1, "web"), span(2, 1, "web").at(1)]).await;
    let mut query = all();
    query.window = Window { end_ms: START_MS, lookback_ms: u64::MAX };
    assert_eq!(it.found(&query).await, [1, 2]);
    query.window = Window { end_ms: u64::MAX, lookback_ms: 10 };
    assert_eq!(it.found(&query).await, NONE);
    query.window = Window { end_ms: u64::MAX, lookback_ms: u64::MAX };
    assert_eq!(it.found(&query).await, [1, 2]);
}

/// The newest timestamp of any span, not that of the root.
pub async fn newest_first_by_the_newest_span(it: Subject) {
    it.write([span(1, 1, "web"), span(2, 1, "web").at(START_US + 5 * MS)]).await;
    it.write([span(3, 1, "web").at(START_US + 2 * MS)]).await;
    assert_eq!(it.found(&all()).await, [2, 3, 1]);
    it.write([span(1, 2, "app").under(1).at(START_US + 9 * MS)]).await;
    assert_eq!(it.found(&all()).await, [1, 2, 3]);
    assert_eq!(it.found(&of("web")).await, [1, 2, 3]);
}

/// Within a millisecond: the right-most 64 bits of the id decide, then the others.
pub async fn equal_times_are_ordered_by_id(it: Subject) {
    let (low, long) = (5, 5 | 9 << 64);
    let ids = [2, low, long, 7, u128::from(u64::MAX), 6 | 1 << 64];
    for (i, id) in ids.iter().enumerate() {
        it.write([span(*id, 1, "web").at(START_US + 10 - i as u64)]).await;
    }
    let expected = [u128::from(u64::MAX), 7, 6 | 1 << 64, long, low, 2];
    assert_eq!(it.found(&all().between_ms(START_MS, START_MS + 1)).await, expected);
    assert_eq!(it.found(&all().at_most(4)).await, expected[..4]);
}

/// The traces nearest to the end of the window are kept.
pub async fn a_limit_keeps_the_newest(it: Subject) {
    for id in [3, 1, 5, 2, 4] {
        it.write([span(id, 1, "web").at(START_US + id as u64 * MS)]).await;
    }
    assert_eq!(it.found(&all().at_most(1)).await, [5]);
    assert_eq!(it.found(&of("web").at_most(3)).await, [5, 4, 3]);
    assert_eq!(it.found(&all().between_ms(START_MS, START_MS + 3).at_most(2)).await, [3, 2]);
    assert_eq!(it.found(&all().at_most(usize::MAX)).await, [5, 4, 3, 2, 1]);
}

/// Newer traces that do not match take no place.
pub async fn a_limit_counts_only_matching_traces(it: Subject) {
    for id in 1..=40 {
        let service = if id % 10 == 0 { "rare" } else { "common" };
        let spans = [
            span(id, 1, service).at(START_US + id as u64 * MS),
            span(id, 2, "db").under(1).at(START_US + id as u64 * MS),
        ];
        it.write(spans).await;
    }
    assert_eq!(it.found(&of("rare").at_most(3)).await, [40, 30, 20]);
    assert_eq!(it.found(&of("common").at_most(2)).await, [39, 38]);
    assert_eq!(it.found(&all().at_most(2)).await, [40, 39]);
    assert_eq!(it.found(&of("rare").between_ms(START_MS, START_MS + 29).at_most(9)).await, [20, 10]);
}

/// More than any page of answers.
pub async fn thousands_of_traces(it: Subject) {
    for batch in 0..10u64 {
        let spans = (1..=300u64).flat_map(|i| {
            let (id, at) = (u128::from(batch * 300 + i), START_US + (batch * 300 + i) * MS);
            [span(id, 1, "web").at(at), span(id, 2, "app").under(1).at(at).tag_with("n", &id.to_string())]
        });
        it.write(spans).await;
    }
    let newest_first: Vec<u128> = (1..=3000).rev().collect();
    assert_eq!(it.found(&of("app").at_most(5000)).await, newest_first);
    assert_eq!(it.found(&all().at_most(1500)).await, newest_first[..1500]);
    assert_eq!(it.found(&of("app").and_tag("n", "1234")).await, [1234]);
    let (start_ms, end_ms) = (START_MS + 1001, START_MS + 1010);
    let expected: Vec<u128> = (1001..=1010).rev().collect();
    assert_eq!(it.found(&of("web").between_ms(start_ms, end_ms)).await, expected);
}
