//! Orders of a search, and going on page by page.

use storage::query::{Order, Query};

use crate::spans::{Ask, Make, START_US, all, bare, of, span};
use crate::subject::Subject;

const MS: u64 = 1000;

/// The longest span of any service counts, in whatever write it came.
pub async fn the_longest_first(it: Subject) {
    it.write([span(1, 1, "web").lasting(50), span(1, 2, "app").under(1).lasting(90)]).await;
    it.write([span(2, 1, "web").lasting(70), span(3, 1, "web"), span(4, 1, "web").lasting(900)]).await;
    assert_eq!(it.found(&all().by(Order::Duration)).await, [4, 1, 2, 3]);
    assert_eq!(it.found(&of("web").by(Order::Duration).at_most(2)).await, [4, 1]);
    it.write([bare(3, 1).service("web").lasting(80)]).await;
    assert_eq!(it.found(&of("web").by(Order::Duration)).await, [4, 1, 3, 2]);
    assert_eq!(it.found(&of("app").by(Order::Duration)).await, [1]);
}

/// Spans with the tag count, whatever its value; those that were reported twice count once.
pub async fn the_most_errors_first(it: Subject) {
    let failed = |trace, id| span(trace, id, "web").tag_with("error", "");
    it.write([failed(1, 1), failed(1, 2), span(2, 1, "web"), failed(3, 1)]).await;
    for _ in 0..3 {
        it.write([failed(3, 1), span(2, 1, "web").note("error")]).await;
    }
    it.write([failed(4, 1), failed(4, 2), span(4, 3, "app").under(1).tag_with("error", "x")]).await;
    assert_eq!(it.found(&all().by(Order::Errors)).await, [4, 1, 3, 2]);
    assert_eq!(it.found(&of("web").by(Order::Errors).at_most(3)).await, [4, 1, 3]);
}

/// Then those with larger ids, as in Zipkin.
pub async fn among_equals_the_newest_first(it: Subject) {
    for (id, at) in [(1, 5), (2, 9), (3, 5), (4, 1)] {
        it.write([span(id, 1, "web").at(START_US + at * MS).lasting(7).tag_with("error", "")]).await;
    }
    for order in [Order::Newest, Order::Duration, Order::Errors] {
        assert_eq!(it.found(&all().by(order)).await, [2, 3, 1, 4], "{order:?}");
    }
}

/// Time and conditions say what is found, the order only where it stands.
pub async fn every_order_finds_the_same(it: Subject) {
    write_many(&it).await;
    for query in [all(), of("web"), of("app").and_has("error"), all().and_lasting(5, Some(9))] {
        let query = query.between_ms(START_US / MS + 3, START_US / MS + 50);
        let mut newest = it.found(&query).await;
        newest.sort_unstable();
        assert!(newest.len() > 3, "{} traces", newest.len());
        for order in [Order::Duration, Order::Errors] {
            let mut found = it.found(&query.clone().by(order)).await;
            found.sort_unstable();
            assert_eq!(found, newest, "{order:?}");
        }
    }
}

/// Page by page each trace comes once, and all come, in the order of one long answer.
pub async fn pages_show_each_trace_once(it: Subject) {
    write_many(&it).await;
    for order in [Order::Newest, Order::Duration, Order::Errors] {
        for query in [all(), of("app").and_has("error")] {
            let query = query.by(order);
            let whole = it.found(&query.clone().at_most(1000)).await;
            for limit in [1, 3, 7, 60] {
                let pages = it.pages(&query.clone().at_most(limit)).await;
                assert_eq!(pages.concat(), whole, "{order:?} {limit}");
                assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit), "only the last is short");
            }
        }
    }
}

/// A page that is not full says that it is the last; the end of an empty store is its start.
pub async fn the_last_page_has_no_next(it: Subject) {
    assert_eq!(it.page(&all()).await.next, None);
    it.write([span(1, 1, "web"), span(2, 1, "web")]).await;
    assert_eq!(it.page(&all().at_most(3)).await.next, None);
    let next = it.page(&all().at_most(1)).await.next;
    assert!(next.is_some());
    let query = Query { after: next, ..all().at_most(5) };
    let last = it.page(&query).await;
    assert_eq!((last.traces, last.next), (vec![vec![span(1, 1, "web")]], None));
}

/// What came meanwhile and stands before the place does not move what stands behind it.
pub async fn new_traces_do_not_disturb_later_pages(it: Subject) {
    for id in 1..=6 {
        it.write([span(id, 1, "web").at(START_US + id as u64 * MS).lasting(id as u64)]).await;
    }
    for order in [Order::Newest, Order::Duration] {
        let query = all().by(order).at_most(2);
        let first = it.page(&query).await;
        let extra = if order == Order::Newest { 8 } else { 9 };
        it.write([span(extra, 1, "web").at(START_US + 50 * MS).lasting(99)]).await;
        let second = Query { after: first.next, ..query };
        let behind = first.traces[1][0].trace_id.get() - 1;
        assert_eq!(it.found(&second).await, [behind, behind - 1], "{order:?}");
    }
}

/// Sixty traces of two or three spans in which everything repeats.
async fn write_many(it: &Subject) {
    for id in 1..=60u64 {
        let trace = u128::from(id * 7 % 61);
        let web = span(trace, 1, "web").at(START_US + id / 2 * MS).lasting(1 + id % 11);
        let app = span(trace, 2, "app").under(1).at(START_US + id / 3 * MS).lasting(1 + id % 5);
        it.write([if id % 3 == 0 { web.tag_with("error", "") } else { web }]).await;
        it.write([if id % 2 == 0 { app.tag_with("error", "x") } else { app }]).await;
    }
}
