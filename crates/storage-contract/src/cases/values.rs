//! What a span may hold comes back as it was: learned from openzipkin/zipkin `ITSpanStore`.

use model::endpoint::Endpoint;
use model::span::{Annotation, Kind, Span};
use storage::port::Names;

use crate::spans::{Ask, Make, START_US, all, bare, normal, of, span};
use crate::subject::Subject;

/// Writes spans of trace 1, and says how they come back, by id and by search.
async fn come_back(it: &Subject, spans: &[Span]) {
    it.write(spans.iter().cloned()).await;
    assert_eq!(it.trace(spans[0].trace_id.get()).await, normal(spans));
    assert_eq!(it.search(&all()).await, [normal(spans)]);
}

/// Each field, alone and with all others, on each kind of span.
pub async fn all_at_once(it: Subject) {
    let full = Endpoint {
        service_name: Some("web".into()),
        ipv4: Some([10, 1, 2, 3].into()),
        ipv6: Some("2001:db8::c001".parse().expect("an address")),
        port: Some(65535),
    };
    let part = |change: &dyn Fn(&mut Endpoint)| {
        let mut endpoint = Endpoint::default();
        change(&mut endpoint);
        Some(endpoint)
    };
    let base = span(1, 1, "web");
    let mut spans = vec![
        base.clone(),
        base.clone().under(9),
        base.clone().named("get /"),
        base.clone().lasting(1),
        base.clone().note("n"),
        base.clone().tag_with("k", "v"),
        Span { remote_endpoint: part(&|it| it.port = Some(1)), ..base.clone() },
        Span { remote_endpoint: part(&|it| it.ipv4 = Some([0, 0, 0, 0].into())), ..base.clone() },
        Span { local_endpoint: part(&|it| it.ipv6 = Some([0; 16].into())), ..base.clone() },
        Span { local_endpoint: None, ..base.clone() },
    ];
    for (i, kind) in Kind::ALL.into_iter().enumerate() {
        spans.push(Span {
            kind: Some(kind),
            local_endpoint: Some(full.clone()),
            remote_endpoint: Some(Endpoint { service_name: Some("db".into()), ..full.clone() }),
            debug: i % 2 == 0,
            ..span(1, 2 + i as u64, "web")
                .under(1)
                .named("all")
                .lasting(7)
                .tag_with("k", "v")
                .note("x")
                .note("y")
        });
    }
    come_back(&it, &spans).await;
}

/// Far over what any index takes; found by its key and by what is beside it.
pub async fn large(it: Subject) {
    let large: String = "0123456789abcdef".repeat(1 << 16);
    let spans = [
        span(1, 1, "web").tag_with("large", &large).tag_with("small", "1"),
        span(1, 2, "web").under(1).note(&large).tag_with(&large[..3000], ""),
        span(1, 3, "web").under(1).named(&large[..5000]).remote(&large[..4000]),
    ];
    come_back(&it, &spans).await;
    assert_eq!(it.found(&of("web").and_has("large").and_tag("small", "1")).await, [1]);
    assert_eq!(it.found(&of("web").and_has(&large[..3000])).await, [1]);
    assert_eq!(it.found(&of("web").and_name(&large[..5000])).await, [1]);
    assert_eq!(it.names(Names::Spans("web".into())).await, [&large[..5000]]);
    assert_eq!(it.names(Names::RemoteServices("web".into())).await, [&large[..4000]]);
}

/// Thousands on one span, and another that has none.
pub async fn many_tags_and_annotations(it: Subject) {
    let mut many = span(1, 1, "web");
    for i in 0..3000 {
        many = many.tag_with(&format!("key{i:04}"), &i.to_string());
        many.annotations.push(Annotation { timestamp_us: START_US + i, value: format!("note{i}") });
    }
    come_back(&it, &[many, span(1, 2, "app").under(1)]).await;
    assert_eq!(it.found(&of("web").and_tag("key2999", "2999").and_has("note1500")).await, [1]);
    assert_eq!(it.found(&of("web").and_has("key3000")).await, [0; 0]);
}

/// Letters of several bytes, and some that take two UTF-16 units.
pub async fn of_all_languages(it: Subject) {
    let texts = ["žluťoučký kůň", "購物車", "корзина", "عربة", "🛒🔥", "e\u{301}", "\u{10ffff}", "ß"];
    let spans: Vec<Span> = (1..)
        .zip(texts)
        .map(|(id, text)| span(1, id, text).named(text).remote(text).tag_with(text, text).note(text))
        .collect();
    come_back(&it, &spans).await;
    for text in texts {
        let query = of(text).and_name(text).and_remote(text).and_tag(text, text).and_has(text);
        assert_eq!(it.found(&query).await, [1], "{text}");
        assert_eq!(it.names(Names::Spans(text.to_owned())).await, [text]);
    }
    let mut sorted = texts;
    sorted.sort_unstable();
    assert_eq!(it.names(Names::Services).await, sorted);
}

/// What has a meaning elsewhere is just text here.
pub async fn problematic(it: Subject) {
    let json = r#"{"a":[1,"b\n",null]}"#;
    let texts = [
        "http.path",
        "a.b.c",
        ".",
        "a=b",
        " and ",
        "*",
        "%",
        "'",
        "\"",
        "\\",
        "\0",
        "\r\n",
        " ",
        "a\u{0}b",
        json,
    ];
    let spans: Vec<Span> = (1..)
        .zip(texts)
        .map(|(id, text)| span(1, id, text).named(text).tag_with(text, text).tag_with("error", "").note(text))
        .collect();
    let (first, second) = spans.split_at(6);
    it.write(first.iter().cloned()).await;
    it.write(second.iter().cloned()).await;
    assert_eq!(it.trace(1).await, normal(&spans));
    for text in texts {
        let query = of(text).and_name(text).and_tag(text, text).and_has(text).and_has("error");
        assert_eq!(it.found(&query).await, [1], "{text:?}");
        assert_eq!(it.names(Names::Spans(text.to_owned())).await, [text]);
    }
    let minimal = bare(2, 1).service("web").kind(Kind::Client).tag_with("error", "").at(START_US);
    it.write([minimal.clone()]).await;
    assert_eq!(it.search(&of("web").and_has("error")).await, [[minimal]]);
}

/// Java's largest numbers, which are what Zipkin's doors let through, and ids of all bits.
pub async fn smallest_and_largest_numbers(it: Subject) {
    let max = i64::MAX as u64;
    let largest = Span {
        annotations: vec![Annotation { timestamp_us: max, value: "x".into() }],
        ..bare(u128::MAX, u64::MAX).under(u64::MAX - 1).service("web").at(max).lasting(max)
    };
    let smallest = Span {
        annotations: vec![Annotation { timestamp_us: 0, value: "x".into() }],
        ..bare(1, 1).under(2).service("web").at(1).lasting(1)
    };
    it.write([largest.clone(), smallest.clone()]).await;
    assert_eq!(it.trace(u128::MAX).await, normal(std::slice::from_ref(&largest)));
    assert_eq!(it.trace(1).await, normal(std::slice::from_ref(&smallest)));
    let mut query = of("web").and_lasting(1, None);
    query.window.end_ms = u64::MAX;
    query.window.lookback_ms = u64::MAX;
    assert_eq!(it.search(&query).await, [[largest.clone()], [smallest]]);
    assert_eq!(it.search(&query.and_lasting(max, Some(max))).await, [[largest]]);
}
