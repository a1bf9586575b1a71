//! Reading by id: learned from openzipkin/zipkin `ITTraces` and `ITSpanStoreHeavy`.

use std::sync::Arc;

use model::span::{Kind, Span};
use storage::port::Trace;

use crate::spans::{Make, START_US, all, bare, normal, of, span};
use crate::subject::Subject;

/// Unknown ones are left out.
pub async fn are_in_the_order_asked(it: Subject) {
    let spans: Vec<Span> = (1..=4).map(|id| span(id, 1, "web").at(START_US + id as u64)).collect();
    it.write(spans.clone()).await;
    let trace = |id: usize| vec![spans[id - 1].clone()];
    assert_eq!(it.traces(&[3, 1, 4]).await, [trace(3), trace(1), trace(4)]);
    assert_eq!(it.traces(&[9, 2, 8]).await, [trace(2)]);
    assert_eq!(it.traces(&[8, 9]).await, [] as [Trace; 0]);
    assert_eq!(it.traces(&[]).await, [] as [Trace; 0]);
}

/// Neither is one form found by the other.
pub async fn are_strict_about_ids(it: Subject) {
    let (short, long, longer) = (5, 5 | 1 << 64, 5 | 2 << 64);
    it.write([span(short, 1, "web"), span(long, 2, "web")]).await;
    assert_eq!(it.trace(short).await, [span(short, 1, "web")]);
    assert_eq!(it.trace(long).await, [span(long, 2, "web")]);
    assert_eq!(it.trace(longer).await, []);
    it.write([span(6 | 1 << 64, 1, "web")]).await;
    assert_eq!(it.trace(6).await, []);
}

/// Each service sends its own spans, mixed with those of other traces; the order is that of arrival, not of time.
pub async fn come_from_several_writes_in_order_of_arrival(it: Subject) {
    let make = |id: u64| span(1, id, "web").at(START_US + 10_000 * (id * 7 % 5));
    for id in 1..=6 {
        it.write([span(2, id, "app"), make(id), span(3, id, "db")]).await;
    }
    let expected: Vec<Span> = (1..=6).map(make).collect();
    assert_eq!(it.trace(1).await, expected);
    let found = it.search(&of("web")).await;
    assert_eq!(found, [expected]);
}

/// They share an id, and both stay.
pub async fn contain_both_halves_of_a_call(it: Subject) {
    let client = span(1, 2, "web").under(1).kind(Kind::Client).named("get").lasting(9);
    let server = span(1, 2, "app").under(1).shared().named("get").lasting(7);
    it.write([client.clone()]).await;
    it.write([server.clone()]).await;
    assert_eq!(it.trace(1).await, [client, server]);
}

/// In one write or in several.
pub async fn show_repeated_reports_once(it: Subject) {
    let (first, second) = (span(1, 1, "web").tag_with("a", "b").note("x"), span(1, 2, "app").under(1));
    it.write([first.clone(), first.clone(), second.clone()]).await;
    it.write([second.clone(), first.clone()]).await;
    assert_eq!(it.trace(1).await, [first.clone(), second.clone()]);
    assert_eq!(it.search(&all()).await, [[first, second]]);
}

/// Whoever reads joins them; a store gives what came.
pub async fn keep_partial_reports_apart(it: Subject) {
    let parts = [
        span(1, 1, "web"),
        bare(1, 1).service("web").lasting(5),
        span(1, 1, "web").tag_with("k", "v"),
        span(1, 1, "web").at(START_US + 1),
    ];
    it.write(parts.clone()).await;
    it.write([parts[1].clone()]).await;
    assert_eq!(it.trace(1).await, parts);
}

/// They are two flags.
pub async fn tell_debug_from_shared(it: Subject) {
    let spans = [
        Span { debug: true, ..span(1, 1, "a") },
        span(1, 2, "b").shared(),
        Span { debug: true, ..span(1, 3, "c").shared() },
        span(1, 4, "d"),
    ];
    it.write(spans.clone()).await;
    assert_eq!(it.trace(1).await, spans);
    assert_eq!(it.search(&all()).await, [spans]);
}

/// A trace of ten thousand spans in many writes.
pub async fn of_many_spans(it: Subject) {
    let spans: Vec<Span> = (1..=10_000)
        .map(|id| span(1, id, "web").under(id / 2).named(&format!("step{}", id % 50)).lasting(id))
        .collect();
    for chunk in spans.chunks(1000) {
        it.write(chunk.iter().cloned()).await;
    }
    let found = it.trace(1).await;
    assert_eq!(found.len(), spans.len());
    assert_eq!(found, normal(&spans));
}

/// What was acknowledged is there, whoever else was writing.
pub async fn came_from_many_writers_at_once(it: Subject) {
    let it = Arc::new(it);
    let writers: Vec<_> = (0..8u64)
        .map(|writer| {
            let it = it.clone();
            tokio::spawn(async move {
                for id in 1..=25 {
                    let own = 100 + u128::from(writer);
                    it.write([span(1, writer * 100 + id, "web"), span(own, id, "app")]).await;
                    assert_eq!(it.trace(own).await.len() as u64, id, "what this writer wrote so far");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer");
    }
    let mut ids: Vec<u64> = it.trace(1).await.iter().map(|span| span.id.get()).collect();
    ids.sort_unstable();
    let expected: Vec<u64> = (0..8).flat_map(|writer| (1..=25).map(move |id| writer * 100 + id)).collect();
    assert_eq!(ids, expected);
    assert_eq!(it.found(&of("app")).await.len(), 8);
}
