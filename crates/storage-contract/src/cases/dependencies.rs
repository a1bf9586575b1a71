//! Links between services: learned from openzipkin/zipkin `ITDependencies` and `ITDependenciesHeavy`.

use model::span::{Kind, Span};
use storage::query::Window;

use crate::spans::{DAY_MS, MINUTE_MS, Make, START_MS, START_US, bare, day, span};
use crate::subject::Subject;

const NONE: [&str; 0] = [];

/// web calls app, app calls the database, which reports nothing itself, and fails.
fn sample(trace: u128) -> [Span; 4] {
    [
        span(trace, 1, "web").kind(Kind::Server).lasting(100_000),
        span(trace, 2, "web").under(1).kind(Kind::Client).at(START_US + 1000).lasting(80_000),
        span(trace, 2, "app").under(1).shared().at(START_US + 2000).lasting(70_000),
        span(trace, 3, "app")
            .under(2)
            .kind(Kind::Client)
            .remote("db")
            .at(START_US + 3000)
            .lasting(60_000)
            .tag_with("error", "timeout"),
    ]
}

/// Three services, two links, one error.
pub async fn the_sample_trace(it: Subject) {
    it.write(sample(1)).await;
    assert_eq!(it.links(day()).await, ["app>db 1/1", "web>app 1"]);
}

/// Each trace counts, also those whose spans have the same ids.
pub async fn calls_of_many_traces_add_up(it: Subject) {
    for id in 1..=30 {
        it.write(sample(id)).await;
    }
    it.write([span(99, 1, "web").kind(Kind::Client).remote("app")]).await;
    assert_eq!(it.links(day()).await, ["app>db 30/30", "web>app 31"]);
}

/// Repeated by a sender that was not answered.
pub async fn written_twice_counts_once(it: Subject) {
    it.write(sample(1)).await;
    it.write(sample(1)).await;
    it.write(sample(1).map(|span| span.tag_with("a", "b"))).await;
    assert_eq!(it.links(day()).await, ["app>db 1/1", "web>app 1"]);
}

/// Each service reports for itself, in any order.
pub async fn reports_in_several_writes_are_one_trace(it: Subject) {
    for span in sample(1).into_iter().rev() {
        it.write([span]).await;
    }
    assert_eq!(it.links(day()).await, ["app>db 1/1", "web>app 1"]);
}

/// Some tracers cut trace ids to 64 bits: here both forms are one trace.
pub async fn trace_ids_of_both_lengths_are_one_trace(it: Subject) {
    let [root, client, server, query] = sample(1 | 7 << 64);
    let short = |span: Span| Span { trace_id: bare(1, 1).trace_id, ..span };
    it.write([root, client]).await;
    it.write([short(server), short(query)]).await;
    assert_eq!(it.links(day()).await, ["app>db 1/1", "web>app 1"]);
}

/// The minute of its own start decides, and then also the calls in other minutes count.
pub async fn a_trace_counts_whole_in_the_minute_of_its_start(it: Subject) {
    let [root, client, server, query] = sample(1);
    it.write([root, client, server, query.at(START_US + 5 * MINUTE_MS * 1000)]).await;
    let at = |end_ms| Window { end_ms, lookback_ms: 1 };
    let minute_ms = START_MS / MINUTE_MS * MINUTE_MS;
    for end_ms in [minute_ms, START_MS, START_MS + 4, minute_ms + MINUTE_MS] {
        assert_eq!(it.links(at(end_ms)).await, ["app>db 1/1", "web>app 1"], "{}", end_ms - minute_ms);
    }
    for end_ms in [minute_ms - 1, minute_ms + MINUTE_MS + 1, START_MS + 5 * MINUTE_MS] {
        assert_eq!(it.links(at(end_ms)).await, NONE, "{}", end_ms.abs_diff(minute_ms));
    }
    // Another day has its own links.
    let later = sample(2).map(|span| span.at(START_US + 3 * DAY_MS * 1000));
    it.write(later).await;
    assert_eq!(it.links(day()).await, ["app>db 1/1", "web>app 1"]);
    let end_ms = START_MS + 4 * DAY_MS;
    assert_eq!(it.links(Window { end_ms, lookback_ms: 5 * DAY_MS }).await, ["app>db 2/2", "web>app 2"]);
    assert_eq!(it.links(Window { end_ms, lookback_ms: DAY_MS / 2 }).await, NONE);
}

/// Both its minutes count whole.
pub async fn both_ends_of_the_window_count(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Client).remote("app")]).await;
    let minute_ms = START_MS / MINUTE_MS * MINUTE_MS;
    let between = |start_ms, end_ms| Window { end_ms, lookback_ms: end_ms - start_ms };
    assert_eq!(it.links(between(START_MS + 1, START_MS + DAY_MS)).await, ["web>app 1"]);
    assert_eq!(it.links(between(minute_ms + MINUTE_MS - 1, START_MS + DAY_MS)).await, ["web>app 1"]);
    assert_eq!(it.links(between(START_MS - DAY_MS, START_MS - 1)).await, ["web>app 1"]);
    assert_eq!(it.links(between(START_MS - DAY_MS, minute_ms)).await, ["web>app 1"]);
    assert_eq!(it.links(between(minute_ms + MINUTE_MS, START_MS + DAY_MS)).await, NONE);
    assert_eq!(it.links(between(START_MS - DAY_MS, minute_ms - 1)).await, NONE);
    assert_eq!(it.links(Window { end_ms: START_MS, lookback_ms: u64::MAX }).await, ["web>app 1"]);
}

/// They count when another span of the trace does.
pub async fn spans_without_a_timestamp_do_not_select(it: Subject) {
    it.write([bare(1, 1).service("web").kind(Kind::Client).remote("app").lasting(5)]).await;
    assert_eq!(it.links(day()).await, NONE);
    assert_eq!(it.links(Window { end_ms: START_MS, lookback_ms: START_MS }).await, NONE);
    let timeless = bare(2, 2).under(1).service("web").kind(Kind::Client).remote("db");
    it.write([span(2, 1, "web").kind(Kind::Server), timeless]).await;
    assert_eq!(it.links(day()).await, ["web>db 1"]);
}

/// With one span id, or with one each.
pub async fn a_call_in_two_halves_is_one_link(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Client), span(1, 1, "app").shared()]).await;
    it.write([span(2, 1, "web").kind(Kind::Client), span(2, 2, "app").under(1).kind(Kind::Server)]).await;
    it.write([
        span(3, 1, "web").kind(Kind::Client).remote("proxy"),
        span(3, 1, "app").shared().remote("mobile"),
    ])
    .await;
    it.write([span(4, 1, "web").kind(Kind::Client), span(4, 1, "app").kind(Kind::Server)]).await;
    assert_eq!(it.links(day()).await, ["web>app 4"]);
}

/// Who does not report is known by what the others say.
pub async fn a_client_without_its_server_half(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Client).remote("db")]).await;
    it.write([span(2, 1, "web").kind(Kind::Server).remote("mobile")]).await;
    it.write([span(3, 1, "web").remote("cache")]).await;
    assert_eq!(it.links(day()).await, ["mobile>web 1", "web>cache 1", "web>db 1"]);
}

/// A request without an answer, with and without its client half.
pub async fn one_way_calls(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Client), span(1, 1, "app").shared()]).await;
    it.write([span(2, 1, "app").kind(Kind::Server).remote("web")]).await;
    assert_eq!(it.links(day()).await, ["web>app 2"]);
}

/// Producers and consumers meet at the broker only.
pub async fn a_broker_is_linked_with_both_ends(it: Subject) {
    let kafka = span(1, 1, "shop").kind(Kind::Producer).remote("kafka");
    it.write([kafka, span(1, 2, "mail").under(1).kind(Kind::Consumer).remote("kafka")]).await;
    it.write([span(2, 1, "shop").kind(Kind::Producer), span(2, 2, "mail").under(1).kind(Kind::Consumer)])
        .await;
    assert_eq!(it.links(day()).await, ["kafka>mail 1", "shop>kafka 1"]);
}

/// Between the server and the next call.
pub async fn local_spans_are_looked_through(it: Subject) {
    it.write([
        span(1, 1, "web").kind(Kind::Server),
        span(1, 2, "web").under(1).named("render"),
        span(1, 3, "web").under(2).named("load"),
        span(1, 4, "web").under(3).kind(Kind::Client),
        span(1, 5, "app").under(4).kind(Kind::Server),
        span(1, 6, "app").under(5).named("compute"),
        span(1, 7, "app").under(6).kind(Kind::Client).remote("db"),
    ])
    .await;
    assert_eq!(it.links(day()).await, ["app>db 1", "web>app 1"]);
}

/// Servers only: their services are linked.
pub async fn servers_that_all_report(it: Subject) {
    let server = |id, service: &str| span(1, id, service).under(id - 1).kind(Kind::Server).at(START_US + id);
    it.write([server(1, "web"), server(2, "app"), server(3, "db")]).await;
    assert_eq!(it.links(day()).await, ["app>db 1", "web>app 1"]);
}

/// The first client and the last server are known by what the two in between say.
pub async fn ends_that_do_not_report(it: Subject) {
    it.write([
        span(1, 1, "web").kind(Kind::Server).remote("browser"),
        span(1, 2, "web").under(1).kind(Kind::Client).remote("app"),
        span(1, 2, "app").under(1).shared().remote("web"),
        span(1, 3, "app").under(2).kind(Kind::Client).remote("db"),
    ])
    .await;
    assert_eq!(it.links(day()).await, ["app>db 1", "browser>web 1", "web>app 1"]);
}

/// Both ends say who both ends are.
pub async fn addresses_on_both_sides_count_once(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Client).remote("app"), span(1, 1, "app").shared().remote("web")])
        .await;
    assert_eq!(it.links(day()).await, ["web>app 1"]);
}

/// No span has the id of the trace, or no parent at all.
pub async fn a_trace_without_its_head(it: Subject) {
    let [_, client, server, query] = sample(77);
    it.write([client, server, query]).await;
    assert_eq!(it.links(day()).await, ["app>db 1/1", "web>app 1"]);
}

/// What hangs in the air hangs under the root.
pub async fn a_missing_span_in_between(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Server), span(1, 3, "app").under(2).kind(Kind::Server)]).await;
    it.write([
        span(2, 3, "app").under(2).kind(Kind::Server),
        span(2, 4, "app").under(3).kind(Kind::Client).remote("db"),
    ])
    .await;
    assert_eq!(it.links(day()).await, ["app>db 1", "web>app 1"]);
}

/// Loops are links.
pub async fn a_service_that_calls_itself(it: Subject) {
    it.write([span(1, 1, "web").kind(Kind::Client), span(1, 1, "web").shared()]).await;
    it.write([span(2, 1, "web").kind(Kind::Client), span(2, 2, "web").under(1).kind(Kind::Server)]).await;
    assert_eq!(it.links(day()).await, ["web>web 2"]);
}

/// Addresses alone are nobody.
pub async fn nobody_without_a_name_is_linked(it: Subject) {
    it.write([bare(1, 1).at(START_US).kind(Kind::Client).remote("app")]).await;
    it.write([span(2, 1, "web").kind(Kind::Client), bare(2, 2).under(1).at(START_US).kind(Kind::Server)])
        .await;
    it.write([span(3, 1, "web").kind(Kind::Server), span(4, 1, "web")]).await;
    assert_eq!(it.links(day()).await, NONE);
}

/// Whatever the value of the tag.
pub async fn an_error_is_a_tag_and_not_an_annotation(it: Subject) {
    let call = |trace| span(trace, 1, "web").kind(Kind::Client).remote("app");
    it.write([call(1).note("error"), call(2).tag_with("Error", "x"), call(3).tag_with("error", "")]).await;
    it.write([call(4).tag_with("error", "false")]).await;
    assert_eq!(it.links(day()).await, ["web>app 4/2"]);
}

/// It has no place in a tree; the other traces are answered.
pub async fn a_circle_of_parents_is_survived(it: Subject) {
    let server = |id: u64, parent: u64| span(1, id, "web").under(parent).kind(Kind::Server).remote("x");
    it.write([server(1, 3), server(2, 1), server(3, 2)]).await;
    it.write(sample(2)).await;
    assert_eq!(it.links(day()).await, ["app>db 1/1", "web>app 1"]);
}

/// A thousand services in a chain, called from a thousand traces.
pub async fn many_links(it: Subject) {
    let name = |i: u64| format!("s{i:04}");
    let calls = (1..=1000).map(|i| {
        let call = span(1, i, &name(i)).under(i - 1).kind(Kind::Server).at(START_US + i);
        if i == 1 { call.remote(&name(0)) } else { call }
    });
    it.write(calls).await;
    for batch in 0..4 {
        let calls = (1..=250).map(|i| {
            let i = batch * 250 + i;
            span(1000 + u128::from(i), 1, &name(i - 1)).kind(Kind::Client).remote(&name(i))
        });
        it.write(calls).await;
    }
    let expected: Vec<String> = (1..=1000).map(|i| format!("{}>{} 2", name(i - 1), name(i))).collect();
    assert_eq!(it.links(day()).await, expected);
}

/// As its server says; else as its client does. One of a broker, too.
pub async fn calls_have_durations(it: Subject) {
    it.write(sample(1)).await;
    it.write([span(2, 1, "shop").kind(Kind::Producer).remote("kafka").lasting(50)]).await;
    it.write([span(3, 1, "web").kind(Kind::Client), span(3, 1, "app").shared()]).await;
    let found = it.dependencies(day()).await;
    let durations = found.iter().map(|it| {
        let (parent, child) = (it.link.parent.as_str(), it.link.child.as_str());
        (parent, child, it.durations.total(), it.durations.quantile(1.0).unwrap_or(0))
    });
    let about = |us: u64, found: u64| found.abs_diff(us) <= us / 32;
    for ((parent, child, known, longest_us), expected) in
        durations.zip([("app", "db", 1, 60_000), ("shop", "kafka", 1, 50), ("web", "app", 1, 70_000)])
    {
        assert_eq!((parent, child, known), (expected.0, expected.1, expected.2));
        assert!(about(expected.3, longest_us), "{parent}>{child}: {longest_us}");
    }
}
