//! Conditions that Zipkin does not have: prefix, contains, regex, not, any.

use storage::condition::Pattern;
use storage::query::{Condition, Query};

use crate::spans::{Ask, Make, START_US, all, bare, of, span};
use crate::subject::Subject;

const NONE: [u128; 0] = [];

fn has(text: &str) -> Condition {
    Condition::Has(text.to_owned())
}

fn tag(key: &str, value: &str) -> Condition {
    Condition::Tag(key.to_owned(), value.to_owned())
}

fn prefix(key: &str, text: &str) -> Condition {
    Condition::Prefix(key.to_owned(), text.to_owned())
}

fn contains(key: &str, text: &str) -> Condition {
    Condition::Contains(key.to_owned(), text.to_owned())
}

fn regex(key: &str, pattern: &str) -> Condition {
    Condition::Regex(key.to_owned(), Pattern::new(pattern).expect("a pattern"))
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// Of a tag's value; the empty text is a prefix of every value.
pub async fn prefixes(it: Subject) {
    it.write([span(1, 1, "web").tag_with("path", "/api/cart"), span(2, 1, "web").tag_with("path", "/")])
        .await;
    it.write([span(3, 1, "web").note("/api").tag_with("other", "/api"), span(4, 1, "web")]).await;
    for (text, expected) in
        [("/api", &[1][..]), ("/", &[2, 1]), ("", &[2, 1]), ("api", &[]), ("/api/cart/", &[]), ("/API", &[])]
    {
        assert_eq!(it.found(&all().and(prefix("path", text))).await, expected, "{text}");
    }
    assert_eq!(it.found(&all().and(prefix("pat", "/"))).await, NONE, "keys are whole");
}

/// Anywhere in a tag's value.
pub async fn parts(it: Subject) {
    it.write([
        span(1, 1, "web").tag_with("sql", "select * from cart"),
        span(2, 1, "web").tag_with("sql", ""),
    ])
    .await;
    it.write([span(3, 1, "web").tag_with("sql", "cart größe"), span(4, 1, "web").note("cart")]).await;
    for (text, expected) in
        [("cart", &[3, 1][..]), ("* f", &[1]), ("öß", &[3]), ("", &[3, 2, 1]), ("Cart", &[]), ("carts", &[])]
    {
        assert_eq!(it.found(&all().and(contains("sql", text))).await, expected, "{text}");
    }
}

/// Found anywhere, unless it says where.
pub async fn patterns(it: Subject) {
    it.write([span(1, 1, "web").tag_with("status", "503"), span(2, 1, "web").tag_with("status", "200")])
        .await;
    it.write([span(3, 1, "web").tag_with("status", "x503x"), span(4, 1, "web").note("503")]).await;
    for (pattern, expected) in [
        ("^5..$", &[1][..]),
        ("5", &[3, 1]),
        ("^(2|5)", &[2, 1]),
        ("(?i)X$", &[3]),
        ("", &[3, 2, 1]),
        ("^$", &[]),
        ("[^0-9]", &[3]),
    ] {
        assert_eq!(it.found(&all().and(regex("status", pattern))).await, expected, "{pattern}");
    }
}

/// No counted span of the trace meets it: one that does is enough to leave the trace out.
pub async fn negations(it: Subject) {
    it.write([span(1, 1, "web"), span(1, 2, "app").under(1).tag_with("error", "x")]).await;
    it.write([span(2, 1, "web").note("retry"), span(2, 2, "app").under(1)]).await;
    it.write([span(3, 1, "web").tag_with("error", "y")]).await;
    assert_eq!(it.found(&all().and(not(has("error")))).await, [2]);
    assert_eq!(it.found(&all().and(not(tag("error", "x")))).await, [3, 2]);
    assert_eq!(it.found(&all().and(not(has("retry")))).await, [3, 1]);
    assert_eq!(it.found(&all().and(not(not(has("error"))))).await, [3, 1]);
    assert_eq!(it.found(&all().and(not(has("retry"))).and(not(has("error")))).await, NONE);
    assert_eq!(it.found(&of("web").and(not(has("error")))).await, [2, 1], "of that service's spans");
    assert_eq!(it.found(&of("app").and(not(has("retry")))).await, [2, 1]);
    assert_eq!(it.found(&of("nobody").and(not(has("error")))).await, NONE, "some span must count");
    it.write([bare(2, 3).under(1).service("db").tag_with("error", "late")]).await;
    assert_eq!(it.found(&all().and(not(has("error")))).await, NONE, "in a later write");
}

/// One of them is enough, whichever span meets it.
pub async fn alternatives(it: Subject) {
    it.write([span(1, 1, "web").tag_with("a", "1"), span(2, 1, "web").note("b"), span(3, 1, "web")]).await;
    it.write([span(4, 1, "app").tag_with("a", "2"), span(4, 2, "web").under(1)]).await;
    let any = |conditions: &[Condition]| Condition::Any(conditions.to_vec());
    assert_eq!(it.found(&all().and(any(&[tag("a", "1"), has("b")]))).await, [2, 1]);
    assert_eq!(it.found(&all().and(any(&[has("a"), has("b")]))).await, [4, 2, 1]);
    assert_eq!(it.found(&of("web").and(any(&[has("a"), has("b")]))).await, [2, 1]);
    assert_eq!(it.found(&all().and(any(&[has("b")]))).await, [2]);
    assert_eq!(it.found(&all().and(any(&[]))).await, NONE);
    assert_eq!(it.found(&all().and(not(any(&[has("a"), has("b")])))).await, [3]);
    assert_eq!(it.found(&all().and(any(&[not(has("a")), tag("a", "1")]))).await, [3, 2, 1]);
    assert_eq!(it.found(&all().and(any(&[has("a"), has("b")])).and(not(tag("a", "2")))).await, [2, 1]);
}

/// What one part of a trace lacks another may have.
pub async fn hold_for_a_trace_in_several_writes(it: Subject) {
    it.write([span(1, 1, "web").tag_with("a", "xyz")]).await;
    it.write([span(1, 2, "web").under(1).tag_with("b", "xyz").at(START_US + 5)]).await;
    it.write([span(2, 1, "web").tag_with("a", "xyz")]).await;
    let query = all().and(prefix("a", "x")).and(contains("b", "y"));
    assert_eq!(it.found(&query).await, [1]);
    assert_eq!(it.found(&all().and(regex("a", "z")).and(not(contains("b", "y")))).await, [2]);
}

/// More than Zipkin's hundred parts, and more than any set of bits.
pub async fn many_at_once(it: Subject) {
    let mut full = span(1, 1, "web");
    for i in 0..150 {
        full = full.tag_with(&format!("k{i:03}"), &format!("v{i}"));
    }
    it.write([full.clone(), span(2, 1, "web").tag_with("k000", "v0")]).await;
    let every = (0..150).fold(all(), |query, i| query.and(tag(&format!("k{i:03}"), &format!("v{i}"))));
    assert_eq!(it.found(&every).await, [1]);
    assert_eq!(it.found(&every.clone().and(not(has("k149")))).await, NONE);
    assert_eq!(it.counts(&every, 1).await, [(1, 0)]);
    let any = |from: usize| Condition::Any((from..150).map(|i| has(&format!("k{i:03}"))).collect());
    assert_eq!(it.found(&all().and(any(0))).await, [2, 1]);
    assert_eq!(it.found(&all().and(any(1))).await, [1]);
    assert_eq!(it.found(&all().and(not(any(1)))).await, [2]);
    assert_eq!(it.counts(&Query { conditions: vec![not(any(1))], ..all() }, 1).await, [(1, 0)]);
}
