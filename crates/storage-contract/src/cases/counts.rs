//! Counts over time, and hints why nothing is found.

use storage::counts::{BANDS_MAX, BUCKETS_MAX, Grid, Hints};
use storage::query::{Condition, Order, Query, Window};

use crate::spans::{Ask, Make, START_MS, START_US, all, bare, of, span};
use crate::subject::Subject;

const MS: u64 = 1000;

/// By the trace's own timestamp; both ends of the window count.
pub async fn slices_of_a_window(it: Subject) {
    let window = || all().between_ms(START_MS, START_MS + 100);
    assert_eq!(it.counts(&window(), 2).await, [(0, 0), (0, 0)]);
    for (id, ms) in [(1, 0), (2, 49), (3, 50), (4, 99), (5, 100), (6, 50)] {
        it.write([
            span(id, 1, "web").at(START_US + ms * MS),
            span(id, 2, "app").under(1).at(START_US + 500 * MS),
        ])
        .await;
    }
    it.write([span(7, 1, "web").at(START_US - 1), span(8, 1, "web").at(START_US + 100 * MS + 1)]).await;
    assert_eq!(it.counts(&window(), 1).await, [(6, 0)]);
    assert_eq!(it.counts(&window(), 2).await, [(2, 0), (4, 0)]);
    assert_eq!(it.counts(&window(), 4).await, [(1, 0), (1, 0), (2, 0), (2, 0)]);
    let slices = it.storage().count(window(), Grid::of_slices(4)).await.expect("an answer");
    let starts_ms: Vec<u64> = slices.iter().map(|slice| slice.start_ms - START_MS).collect();
    assert_eq!(starts_ms, [0, 25, 50, 75]);
}

/// A trace with any failed span is one error; the service asked for does not matter for that.
pub async fn errors(it: Subject) {
    it.write([span(1, 1, "web").tag_with("error", ""), span(1, 2, "web").tag_with("error", "")]).await;
    it.write([span(2, 1, "web"), span(3, 1, "web").note("error")]).await;
    it.write([bare(2, 2).under(1).service("app").tag_with("error", "x")]).await;
    assert_eq!(it.counts(&of("web"), 1).await, [(3, 2)]);
    assert_eq!(it.counts(&of("app"), 1).await, [(1, 1)]);
}

/// All matching traces count: not those of one page.
pub async fn of_what_matches(it: Subject) {
    for id in 1..=30 {
        let web = span(id, 1, "web").lasting(id as u64).tag_with("n", &(id % 3).to_string());
        it.write([web, span(id, 2, "app").under(1)]).await;
    }
    let total = async |query: Query| it.counts(&query, 1).await[0].0;
    assert_eq!(total(all().at_most(1)).await, 30);
    assert_eq!(total(of("web").and_tag("n", "1").by(Order::Duration).at_most(2)).await, 10);
    assert_eq!(total(of("app").and_tag("n", "1")).await, 0);
    assert_eq!(total(all().and_lasting(21, None)).await, 10);
    let after = it.page(&all().at_most(7)).await.next;
    assert_eq!(total(Query { after, ..all() }).await, 30);
    let not = Condition::Not(Box::new(Condition::Has("n".to_owned())));
    assert_eq!(total(of("app").and(not.clone())).await, 30);
    assert_eq!(total(of("web").and(not)).await, 0);
}

/// By the longest span, wherever in the trace that is; a trace without any duration is in the shortest band.
pub async fn bands_of_durations(it: Subject) {
    for (id, us) in [(1, 1), (2, 99), (3, 100), (4, 5_000_000)] {
        let at_us = START_US + if id > 2 { 60 * MS } else { 0 };
        let child = span(id, 2, "app").under(1).at(at_us).lasting(us);
        it.write([span(id, 1, "web").at(at_us).lasting(1), child]).await;
    }
    it.write([span(2, 3, "app").under(1).tag_with("error", "x")]).await;
    it.write([bare(5, 1).service("web").at(START_US)]).await;
    let window = all().between_ms(START_MS, START_MS + 100);
    let count = async |grid| it.storage().count(window.clone(), grid).await.expect("an answer");
    let counts = count(Grid::new(2, [100, 1000])).await;
    let found: Vec<_> =
        counts.iter().map(|it| (it.start_ms - START_MS, it.from_us, it.traces, it.errors)).collect();
    let expected =
        [(0, 0, 3, 1), (0, 100, 0, 0), (0, 1000, 0, 0), (50, 0, 0, 0), (50, 100, 1, 0), (50, 1000, 1, 0)];
    assert_eq!(found, expected);
    assert_eq!(count(Grid::new(3, 1..)).await.len(), 3 * BANDS_MAX);
    assert_eq!(count(Grid::new(1, [7, 7, 0])).await.len(), 2);
}

/// However odd the question is.
pub async fn of_odd_windows(it: Subject) {
    it.write([span(1, 1, "web"), span(2, 1, "web").at(1), span(3, 1, "web").at(i64::MAX as u64)]).await;
    let sum = |counts: Vec<(u64, u64)>| counts.iter().map(|(traces, _)| traces).sum::<u64>();
    let instant = all().between_ms(START_MS, START_MS);
    assert_eq!(sum(it.counts(&instant, 5).await), 1);
    assert_eq!(it.counts(&instant, 0).await, [(1, 0)]);
    assert_eq!(it.counts(&all(), usize::MAX).await.len(), BUCKETS_MAX);
    for window in [
        Window { end_ms: u64::MAX, lookback_ms: u64::MAX },
        Window { end_ms: i64::MAX as u64, lookback_ms: u64::MAX },
    ] {
        let counts = it.counts(&Query { window, ..all() }, 7).await;
        assert_eq!((sum(counts.clone()), counts[0].0), (3, 3));
    }
    assert_eq!(
        sum(it
            .counts(&Query { window: Window { end_ms: START_MS, lookback_ms: u64::MAX }, ..all() }, 3)
            .await),
        2
    );
}

/// Without a timestamp a trace is never found; a later report may bring one.
pub async fn hints_at_traces_without_time(it: Subject) {
    assert_eq!(it.hints(&all()).await, Hints::default());
    it.write([bare(1, 1).service("web"), bare(2, 1).service("app"), span(3, 1, "web")]).await;
    let without = |without_timestamp| Hints { without_timestamp, ..Hints::default() };
    assert_eq!(it.hints(&all()).await, without(2));
    assert_eq!(it.hints(&of("web")).await, without(1));
    assert_eq!(it.hints(&of("web").and_name("get")).await, without(0));
    it.write([span(1, 2, "app").under(1)]).await;
    assert_eq!(it.hints(&of("web")).await, without(0));
}

/// Those that are hardly from our days are told apart.
pub async fn hints_at_traces_at_other_times(it: Subject) {
    for (id, us) in [
        (1, START_US),
        (2, START_US + 3_600_000_000),
        (3, START_US / 1000),
        (4, START_US / 1_000_000),
        (5, START_US * 1000),
        (6, START_US - 3_600_000_000),
    ] {
        it.write([span(id, 1, "web").at(us)]).await;
    }
    let query = of("web").between_ms(START_MS - 5, START_MS + 5).at_most(1);
    let expected = Hints { without_timestamp: 0, outside_window: 5, far_past: 2, far_future: 1 };
    assert_eq!(it.hints(&query).await, expected);
    assert_eq!(it.hints(&query.by(Order::Errors).and_lasting(1, None)).await, Hints::default());
    let ever = Window { end_ms: u64::MAX, lookback_ms: u64::MAX };
    assert_eq!(it.hints(&Query { window: ever, ..all() }).await, Hints::default());
}
