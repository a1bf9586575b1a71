//! The memory store stays within its limit: openzipkin/zipkin `InMemoryStorage.evictToRecoverSpans`.

use std::sync::Arc;

use storage::memory::{Config, Memory};
use storage::port::Names;
use storage_contract::spans::{Make, START_US, all, bare, day, span};
use storage_contract::{Settings, Subject, run};

fn of_at_most(spans_max: usize) -> impl Future<Output = Subject> {
    std::future::ready(Subject::new(Arc::new(Memory::new(Config { spans_max, ..Config::default() }))))
}

fn metric(it: &Subject, name: &str) -> f64 {
    it.storage().metrics().iter().find(|metric| metric.name == name).expect(name).value
}

#[test]
fn whole_oldest_traces_go_first() {
    run(
        |_| of_at_most(5),
        Settings::STRICT,
        async |it: Subject| {
            let make =
                |trace: u128, id| span(trace, id, &format!("s{trace}")).at(START_US + trace as u64 * 1000);
            it.write([make(2, 1), make(2, 2), make(1, 1), make(1, 2), make(3, 1)]).await;
            assert_eq!(it.found(&all()).await, [3, 2, 1]);
            it.write([make(4, 1)]).await;
            assert_eq!(it.found(&all()).await, [4, 3, 2]);
            assert_eq!(it.trace(1).await, []);
            assert_eq!(it.names(Names::Services).await, ["s2", "s3", "s4"]);
            assert_eq!(metric(&it, "spanlet_memory_spans"), 4.0);
            assert_eq!(metric(&it, "spanlet_memory_traces"), 3.0);
            assert_eq!(metric(&it, "spanlet_memory_spans_evicted_total"), 2.0);
        },
    );
}

/// However new its other spans are.
#[test]
fn the_oldest_span_of_a_trace_counts() {
    run(
        |_| of_at_most(3),
        Settings::STRICT,
        async |it: Subject| {
            it.write([span(1, 1, "web").at(START_US + 9000), span(2, 1, "web").at(START_US + 5000)]).await;
            it.write([span(1, 2, "web").at(START_US)]).await;
            it.write([span(3, 1, "web").at(START_US + 7000)]).await;
            assert_eq!(it.found(&all()).await, [3, 2]);
        },
    );
}

#[test]
fn spans_without_a_time_are_the_oldest() {
    run(
        |_| of_at_most(2),
        Settings::STRICT,
        async |it: Subject| {
            it.write([span(1, 1, "web"), bare(2, 1).service("web"), span(3, 1, "web").at(START_US + 1000)])
                .await;
            assert_eq!(it.found(&all()).await, [3, 1]);
            assert_eq!(it.trace(2).await, []);
        },
    );
}

/// Room is made before a batch comes in, so that its own traces stay, however old they are.
#[test]
fn what_just_came_stays_until_the_next_batch() {
    run(
        |_| of_at_most(2),
        Settings::STRICT,
        async |it: Subject| {
            it.write([span(1, 1, "web").at(START_US + 5000), span(2, 1, "web").at(START_US + 6000)]).await;
            it.write([span(3, 1, "old")]).await;
            assert_eq!(it.found(&all()).await, [2, 3]);
            it.write([span(4, 1, "web").at(START_US + 7000)]).await;
            assert_eq!(it.found(&all()).await, [4, 2]);
            assert_eq!(it.names(Names::Services).await, ["web"]);
        },
    );
}

/// Of a batch, room is made for all spans, since which of them are repeated shows only later.
#[test]
fn repeated_reports_take_no_place() {
    run(
        |_| of_at_most(2),
        Settings::STRICT,
        async |it: Subject| {
            it.write([span(1, 1, "web"), span(1, 1, "web")]).await;
            assert_eq!(metric(&it, "spanlet_memory_spans"), 1.0);
            it.write([span(2, 1, "web")]).await;
            assert_eq!(it.found(&all()).await, [2, 1]);
            assert_eq!(metric(&it, "spanlet_memory_spans_evicted_total"), 0.0);
            it.write([span(1, 1, "web"), span(2, 1, "web")]).await;
            assert_eq!(it.found(&all()).await, [2, 1]);
            assert_eq!(metric(&it, "spanlet_memory_spans_evicted_total"), 2.0);
        },
    );
}

#[test]
fn a_batch_over_the_limit_leaves_its_newest_traces() {
    run(
        |_| of_at_most(10),
        Settings::STRICT,
        async |it: Subject| {
            let spans = (1..=1000u64).map(|i| span(u128::from(i), 1, "web").at(START_US + i * 1000));
            it.write(spans).await;
            assert_eq!(it.found(&all()).await, (991..=1000).rev().collect::<Vec<_>>());
            assert_eq!(metric(&it, "spanlet_memory_spans"), 10.0);
            it.write((1..=11).map(|id| span(7, id, "huge"))).await;
            assert_eq!(metric(&it, "spanlet_memory_spans"), 10.0);
            assert_eq!(it.trace(7).await, [], "a trace over the limit cannot be kept");
            assert_eq!(it.links(day()).await, [""; 0]);
        },
    );
}
