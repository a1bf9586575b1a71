//! Which traces meet which conditions: learned from openzipkin/zipkin `ITSpanStore` and `QueryRequestTest`.

use model::span::Kind;
use storage::port::Names;
use storage::query::{Condition, Query};

use crate::spans::{Ask, Make, START_US, all, bare, day, normal, of, span};
use crate::subject::Subject;

const NONE: [u128; 0] = [];

/// Every question has an answer in a store that was never written to.
pub async fn nothing_in_an_empty_store(it: Subject) {
    assert_eq!(it.found(&all()).await, NONE);
    assert_eq!(it.found(&of("web").and_has("error").and_lasting(1, None)).await, NONE);
    assert_eq!(it.traces(&[1, 2]).await.len(), 0);
    for names in [Names::Services, Names::Spans("web".into()), Names::RemoteServices("web".into())] {
        assert_eq!(it.names(names).await, [""; 0]);
    }
    assert_eq!(it.links(day()).await, [""; 0]);
    assert_eq!(it.storage().health(), Ok(()));
    assert_ne!(it.storage().describe(), "");
    it.write([]).await;
    assert_eq!(it.found(&all()).await, NONE);
}

/// A span may have nothing but its ids; it is kept, and found by them.
pub async fn spans_with_ids_only(it: Subject) {
    it.write([bare(1, 1)]).await;
    assert_eq!(it.trace(1).await, [bare(1, 1)]);
    assert_eq!(it.found(&all()).await, NONE);
    assert_eq!(it.found(&of("web")).await, NONE);
    assert_eq!(it.names(Names::Services).await, [""; 0]);
    assert_eq!(it.links(day()).await, [""; 0]);
}

/// The local service counts, not the remote one.
pub async fn service(it: Subject) {
    it.write([span(1, 1, "web").remote("db"), span(2, 1, "db")]).await;
    it.write([span(3, 1, "web"), span(3, 2, "app").under(1)]).await;
    assert_eq!(it.found(&of("web")).await, [3, 1]);
    assert_eq!(it.found(&of("app")).await, [3]);
    assert_eq!(it.found(&of("db")).await, [2]);
    assert_eq!(it.found(&of("nobody")).await, NONE);
    assert_eq!(it.found(&all()).await, [3, 2, 1]);
}

/// The remote service counts, not the local one.
pub async fn remote_service(it: Subject) {
    it.write([span(1, 1, "web").remote("db"), span(2, 1, "db").remote("disk"), span(3, 1, "web")]).await;
    assert_eq!(it.found(&all().and_remote("db")).await, [1]);
    assert_eq!(it.found(&of("web").and_remote("db")).await, [1]);
    assert_eq!(it.found(&of("web").and_remote("disk")).await, NONE);
    assert_eq!(it.found(&all().and_remote("web")).await, NONE);
}

/// With and without a service.
pub async fn span_name(it: Subject) {
    it.write([span(1, 1, "web").named("get /"), span(1, 2, "app").under(1).named("get /cart")]).await;
    it.write([span(2, 1, "app").named("get /"), span(3, 1, "web")]).await;
    assert_eq!(it.found(&all().and_name("get /")).await, [2, 1]);
    assert_eq!(it.found(&of("web").and_name("get /")).await, [1]);
    assert_eq!(it.found(&of("web").and_name("get /cart")).await, NONE);
    assert_eq!(it.found(&of("app").and_name("get /cart")).await, [1]);
    assert_eq!(it.found(&all().and_name("put /")).await, NONE);
}

/// No prefix, no suffix, no wildcard.
pub async fn names_are_whole(it: Subject) {
    it.write([span(1, 1, "web").remote("cache").named("get /")]).await;
    for part in ["we", "eb", "web2", "w%", "*", "WEB"] {
        assert_eq!(it.found(&of(part)).await, NONE, "{part}");
    }
    for part in ["get", "get /*", "/", "GET /"] {
        assert_eq!(it.found(&of("web").and_name(part)).await, NONE, "{part}");
    }
    for part in ["cach", "cache2", "_ache"] {
        assert_eq!(it.found(&of("web").and_remote(part)).await, NONE, "{part}");
    }
}

/// By key, and by key and value.
pub async fn a_condition_on_a_tag(it: Subject) {
    let path = "/api?a=b";
    it.write([span(1, 1, "web").tag_with("http.path", path).tag_with("empty", "")]).await;
    it.write([span(2, 1, "web").tag_with("http.path", "/"), span(3, 1, "web")]).await;
    assert_eq!(it.found(&all().and_has("http.path")).await, [2, 1]);
    assert_eq!(it.found(&of("web").and_has("http.path")).await, [2, 1]);
    assert_eq!(it.found(&of("web").and_tag("http.path", path)).await, [1]);
    assert_eq!(it.found(&all().and_tag("http.path", "/")).await, [2]);
    assert_eq!(it.found(&of("web").and_has("empty")).await, [1]);
    assert_eq!(it.found(&of("web").and_tag("empty", "full")).await, NONE);
    assert_eq!(it.found(&of("web").and_has(path)).await, NONE, "a value is no key");
    assert_eq!(it.found(&of("app").and_has("http.path")).await, NONE);
}

/// By its value; the value of an annotation is no tag.
pub async fn a_condition_on_an_annotation(it: Subject) {
    it.write([span(1, 1, "web").note("retry").note("a=b"), span(2, 1, "web").tag_with("retry", "1")]).await;
    it.write([span(3, 1, "web")]).await;
    assert_eq!(it.found(&of("web").and_has("retry")).await, [2, 1]);
    assert_eq!(it.found(&all().and_tag("retry", "1")).await, [2]);
    assert_eq!(it.found(&of("web").and_tag("a", "b")).await, NONE);
    assert_eq!(it.found(&of("web").and_has("a=b")).await, [1]);
}

/// Keys, values and annotations are compared as they are.
pub async fn conditions_are_case_sensitive_and_whole(it: Subject) {
    it.write([span(1, 1, "web").tag_with("Error", "Time out").note("Cache Miss")]).await;
    assert_eq!(it.found(&of("web").and_tag("Error", "Time out").and_has("Cache Miss")).await, [1]);
    for text in ["error", "Erro", "Cache", "cache miss", "Cache Miss ", "Time out"] {
        assert_eq!(it.found(&of("web").and_has(text)).await, NONE, "{text}");
    }
    for value in ["time out", "Time", "Time out "] {
        assert_eq!(it.found(&of("web").and_tag("Error", value)).await, NONE, "{value}");
    }
}

/// Conditions are joined by "and".
pub async fn conditions_must_all_hold(it: Subject) {
    let both = span(3, 1, "web").named("get").note("x").tag_with("k", "v").lasting(10);
    it.write([span(1, 1, "web").note("x"), span(2, 1, "web").tag_with("k", "v"), both]).await;
    assert_eq!(it.found(&of("web").and_has("x")).await, [3, 1]);
    assert_eq!(it.found(&of("web").and_tag("k", "v")).await, [3, 2]);
    assert_eq!(it.found(&of("web").and_tag("k", "v").and_has("x")).await, [3]);
    assert_eq!(it.found(&of("web").and_tag("k", "v").and_has("x").and_has("y")).await, NONE);
    assert_eq!(it.found(&of("web").and_name("get").and_has("x").and_lasting(10, None)).await, [3]);
    assert_eq!(it.found(&of("web").and_name("put").and_has("x")).await, NONE);
    assert_eq!(it.found(&of("web").and_has("x").and_lasting(11, None)).await, NONE);
}

/// A trace matches when each condition is met by some span of it, in whatever write it came.
pub async fn different_spans_may_meet_different_conditions(it: Subject) {
    it.write([span(1, 1, "web").named("get"), span(1, 2, "web").under(1).remote("db")]).await;
    it.write([
        span(1, 3, "web").under(1).tag_with("k", "v").lasting(7),
        span(1, 4, "app").under(1).note("x"),
    ])
    .await;
    let query = of("web").and_name("get").and_remote("db").and_tag("k", "v").and_lasting(7, Some(7));
    assert_eq!(it.found(&query).await, [1]);
    assert_eq!(it.found(&Query { service_name: None, ..query }.and_has("x")).await, [1]);
}

/// With a service, what other services recorded does not count for any condition.
pub async fn only_spans_of_the_asked_service_count(it: Subject) {
    let app = span(1, 2, "app").under(1).named("get").remote("db").note("x").tag_with("k", "v").lasting(500);
    it.write([span(1, 1, "web"), app]).await;
    let any = all();
    let queries = [
        any.clone().and_name("get"),
        any.clone().and_remote("db"),
        any.clone().and_has("x"),
        any.clone().and_has("k"),
        any.clone().and_tag("k", "v"),
        any.clone().and_lasting(500, Some(500)),
    ];
    for query in queries {
        let asked = |service: &str| Query { service_name: Some(service.to_owned()), ..query.clone() };
        assert_eq!(it.found(&query).await, [1], "{query:?}");
        assert_eq!(it.found(&asked("app")).await, [1], "{query:?}");
        assert_eq!(it.found(&asked("web")).await, NONE, "{query:?}");
    }
}

/// Both bounds hold for one and the same span, which need not be the root.
pub async fn durations_are_inclusive_and_of_one_span(it: Subject) {
    it.write([span(1, 1, "web").lasting(100), span(1, 2, "web").under(1).lasting(10)]).await;
    it.write([span(2, 1, "web").lasting(11), span(3, 1, "web")]).await;
    for (min_us, max_us, expected) in [
        (100, None, &[1][..]),
        (101, None, &[]),
        (10, None, &[2, 1]),
        (10, Some(10), &[1]),
        (11, Some(99), &[2]),
        (12, Some(99), &[]),
        (100, Some(100), &[1]),
        (1, Some(9), &[]),
        (1, None, &[2, 1]),
    ] {
        let query = of("web").and_lasting(min_us, max_us);
        assert_eq!(it.found(&query).await, expected, "{min_us} to {max_us:?}");
        assert_eq!(
            it.found(&Query { service_name: None, ..query }).await,
            expected,
            "{min_us} to {max_us:?}"
        );
    }
}

/// A span may be reported when it starts, and again when it ends.
pub async fn a_duration_that_comes_later(it: Subject) {
    it.write([span(1, 1, "web").named("get")]).await;
    assert_eq!(it.found(&of("web").and_lasting(200, None)).await, NONE);
    it.write([bare(1, 1).service("web").lasting(200)]).await;
    assert_eq!(it.found(&of("web").and_lasting(200, None)).await, [1]);
    assert_eq!(it.found(&of("web").and_lasting(200, None).and_name("get")).await, [1]);
}

/// What is found is the whole trace: also the spans that no condition is about, and those without a time.
pub async fn traces_come_whole(it: Subject) {
    let spans = [
        span(1, 1, "web").kind(Kind::Server).lasting(9),
        span(1, 2, "app").under(1).tag_with("k", "v").at(START_US + 3_600_000_000),
        bare(1, 3).under(2).service("db"),
    ];
    let other = span(2, 1, "app");
    it.write([spans[0].clone(), other]).await;
    it.write(spans[1..].iter().cloned()).await;
    let query = Query { conditions: vec![Condition::Has("k".into())], ..of("app") };
    assert_eq!(it.search(&query).await, [normal(&spans)]);
}

/// Ids of 64 and of 128 bits are different traces even when the right-most 64 bits are the same.
pub async fn trace_ids_are_strict(it: Subject) {
    let (short, long, longer) = (7, 7 | 1 << 64, 7 | 2 << 64);
    it.write([span(short, 1, "web").named("get"), span(long, 1, "web").named("put")]).await;
    it.write([span(longer, 1, "app").named("get")]).await;
    assert_eq!(it.found(&of("web").and_name("get")).await, [short]);
    assert_eq!(it.found(&of("web").and_name("put")).await, [long]);
    assert_eq!(it.found(&of("app").and_name("put")).await, NONE);
    assert_eq!(it.found(&all().and_name("get")).await, [longer, short], "ids with equal ends do not mix");
    assert_eq!(it.found(&of("app").and_name("get")).await, [longer]);
    assert_eq!(it.found(&of("app")).await, [longer]);
    assert_eq!(it.found(&of("web")).await.len(), 2);
    assert_eq!(it.found(&all()).await.len(), 3);
    assert_eq!(it.found(&all().at_most(2)).await.len(), 2);
}

/// Senders repeat what was not acknowledged: it is there once.
pub async fn repeated_reports_change_nothing(it: Subject) {
    let spans = [span(1, 1, "web").named("get"), span(2, 1, "web").named("get")];
    for _ in 0..3 {
        it.write(spans.iter().cloned().chain(spans.iter().cloned())).await;
    }
    assert_eq!(it.search(&of("web").and_name("get")).await, [vec![spans[1].clone()], vec![spans[0].clone()]]);
    assert_eq!(it.found(&all().at_most(1)).await, [2]);
}
