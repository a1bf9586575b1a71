//! `STRICT_TRACE_ID=false`: learned from openzipkin/zipkin `ITStrictTraceIdFalse`.

use model::span::{Kind, Span};
use storage::query::{Order, Query};

use crate::spans::{Ask, Make, START_US, all, day, of, span};
use crate::subject::Subject;

const SHORT: u128 = 0xfeed;
const LONG: u128 = SHORT | 7 << 64;
const LONGER: u128 = SHORT | 9 << 64;

/// A client that knows all of the id, and a server that cut it.
fn mixed() -> [Span; 3] {
    [
        span(LONG, 1, "web").kind(Kind::Client).note("foo"),
        span(SHORT, 1, "app").under(9).shared().at(START_US + 5).tag_with("error", "").lasting(80),
        span(SHORT, 2, "app").under(1).at(START_US + 9).named("query"),
    ]
}

/// As they are to be returned: spans of smaller ids first.
fn mixed_in_order() -> Vec<Span> {
    let [long, server, query] = mixed();
    vec![server, query, long]
}

/// Also when no other form of it is there.
pub async fn a_long_id_is_found_by_both_forms(it: Subject) {
    let trace = vec![span(LONG, 1, "web"), span(LONG, 2, "app").under(1)];
    it.write(trace.clone()).await;
    for id in [LONG, SHORT, LONGER] {
        assert_eq!(it.trace(id).await, trace, "{id:x}");
    }
    assert_eq!(it.search(&of("web")).await, std::slice::from_ref(&trace));
    assert_eq!(it.search(&all()).await, [trace]);
    assert_eq!(it.trace(SHORT + 1).await, []);
}

/// With the ids under which they came.
pub async fn a_mixed_trace_is_found_by_any_form(it: Subject) {
    it.write(mixed()).await;
    for id in [LONG, SHORT, LONGER] {
        assert_eq!(it.trace(id).await, mixed_in_order(), "{id:x}");
    }
}

/// In whatever order its halves are written.
pub async fn halves_in_several_writes_are_one_trace(it: Subject) {
    for span in mixed().into_iter().rev() {
        it.write([span]).await;
    }
    let [long, server, query] = mixed();
    assert_eq!(it.trace(LONG).await, [query, server, long]);
    assert_eq!(it.found(&all()).await.len(), 1);
}

/// In the order asked.
pub async fn many_are_found_by_any_form_and_each_once(it: Subject) {
    it.write(mixed()).await;
    it.write([span(2 | 5 << 64, 1, "web"), span(3, 1, "web")]).await;
    let two = vec![span(2 | 5 << 64, 1, "web")];
    let three = vec![span(3, 1, "web")];
    assert_eq!(it.traces(&[2, LONG, SHORT]).await, [two.clone(), mixed_in_order()]);
    assert_eq!(it.traces(&[3 | 1 << 64, LONGER, 2 | 5 << 64, 77]).await, [three, mixed_in_order(), two]);
}

/// What is asked may be met by one half or the other.
pub async fn a_search_joins_the_halves(it: Subject) {
    it.write(mixed()).await;
    let queries = [
        of("web").and_has("foo"),
        of("app").and_has("error"),
        of("app").and_name("query").and_lasting(80, None),
        all().and_has("foo").and_has("error"),
        all().and_has("foo").and_name("query").by(Order::Duration),
        all().and_has("foo").by(Order::Errors),
    ];
    for query in queries {
        assert_eq!(it.search(&query).await, [mixed_in_order()], "{query:?}");
    }
    assert_eq!(it.search(&of("web").and_has("error")).await.len(), 0);
}

/// It takes one place of the limit, is on one page, and counts once.
pub async fn a_mixed_trace_is_one(it: Subject) {
    it.write(mixed()).await;
    it.write([span(1, 1, "web").at(START_US - 5000), span(2, 1, "web").at(START_US + 5000)]).await;
    let low = |ids: Vec<u128>| ids.into_iter().map(|id| id as u64).collect::<Vec<_>>();
    assert_eq!(low(it.found(&all()).await), [2, SHORT as u64, 1]);
    assert_eq!(low(it.found(&all().at_most(2)).await), [2, SHORT as u64]);
    for order in [Order::Newest, Order::Duration, Order::Errors] {
        let query = Query { order, ..all().at_most(1) };
        let mut ids = low(it.pages(&query).await.concat());
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, SHORT as u64], "{order:?}");
    }
    assert_eq!(it.counts(&all(), 1).await, [(3, 1)]);
    assert_eq!(it.hints(&all().between_ms(1, 2)).await.outside_window, 3);
}

/// The root's time is the trace's, whichever half has the root.
pub async fn the_root_of_either_half_decides(it: Subject) {
    let later_us = START_US + 60_000_000;
    it.write([span(SHORT, 2, "app").under(1), span(LONG, 1, "web").at(later_us)]).await;
    let at = |us: u64| all().between_ms(us / 1000, us / 1000);
    assert_eq!(it.search(&at(later_us)).await.len(), 1);
    assert_eq!(it.search(&at(START_US)).await.len(), 0);
}

/// What makes them one is that the right-most 64 bits are equal; they may even be zero.
pub async fn other_ids_stay_apart(it: Subject) {
    it.write([span(5 << 64, 1, "web"), span(6 << 64 | 1, 1, "web"), span(5 << 64 | 2, 1, "web")]).await;
    assert_eq!(it.found(&all()).await.len(), 3);
    assert_eq!(it.trace(5 << 64).await, [span(5 << 64, 1, "web")]);
    assert_eq!(it.trace(9 << 64).await, [span(5 << 64, 1, "web")]);
}

/// Links never depended on the left-most bits.
pub async fn links_are_the_same(it: Subject) {
    it.write(mixed()).await;
    assert_eq!(it.links(day()).await, ["web>app 1/1"]);
}
