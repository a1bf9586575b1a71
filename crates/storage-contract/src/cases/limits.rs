//! How large an answer may be.

use model::span::Span;
use storage::error::ReadError;
use storage::query::{Order, Query};

use crate::settings::Settings;
use crate::spans::{Ask, Make, START_US, all, of, span};
use crate::subject::Subject;

const TOO_LARGE: ReadError = ReadError::TooLarge { bytes_max: Settings::SMALL.answer_bytes_max };

/// A trace that takes about this many bytes.
fn trace_of(id: u128, bytes: usize) -> [Span; 1] {
    [span(id, 1, "web").at(START_US + id as u64 * 1000).tag_with("large", &"x".repeat(bytes))]
}

async fn traces(it: &Subject, ids: &[u128]) -> Result<usize, ReadError> {
    let ids = ids.iter().map(|id| model::id::TraceId::new(*id).expect("an id")).collect();
    Ok(it.storage().traces(ids).await?.len())
}

async fn search(it: &Subject, query: Query) -> Result<usize, ReadError> {
    Ok(it.storage().search(query).await?.traces.len())
}

fn refused(it: &Subject) -> f64 {
    let metrics = it.storage().metrics();
    metrics.iter().find(|metric| metric.name == "spanlet_answers_too_large_total").expect("a counter").value
}

/// An error, not a part of the answer; whoever asks for less is answered.
pub async fn too_large_answers_are_refused(it: Subject) {
    for id in 1..=5 {
        it.write(trace_of(id, 30_000)).await;
    }
    assert_eq!(traces(&it, &[1, 2, 3]).await, Ok(3));
    assert_eq!(traces(&it, &[1, 2, 3, 4]).await, Err(TOO_LARGE));
    for order in [Order::Newest, Order::Duration, Order::Errors] {
        assert_eq!(search(&it, all().by(order)).await, Err(TOO_LARGE), "{order:?}");
        assert_eq!(search(&it, all().by(order).at_most(3)).await, Ok(3), "{order:?}");
    }
    assert_eq!(refused(&it), 4.0);
}

/// However many small parts it came in.
pub async fn a_too_large_trace_is_refused_alone(it: Subject) {
    for id in 1..=40 {
        it.write([span(1, id, "web").tag_with("large", &"x".repeat(3000))]).await;
    }
    it.write([span(2, 1, "web").at(START_US + 9000)]).await;
    assert_eq!(traces(&it, &[1]).await, Err(TOO_LARGE));
    assert_eq!(traces(&it, &[2]).await, Ok(1));
    assert_eq!(search(&it, all()).await, Err(TOO_LARGE));
    assert_eq!(search(&it, all().at_most(1)).await, Ok(1));
    assert_eq!(it.counts(&all(), 1).await, [(2, 0)], "numbers are small");
}

/// Only what is returned counts: not what was looked at, nor what is repeated.
pub async fn what_is_not_returned_does_not_count(it: Subject) {
    for id in 1..=20 {
        let rare = span(id, 2, if id % 10 == 0 { "rare" } else { "common" }).under(1);
        it.write(trace_of(id, 30_000).into_iter().chain([rare])).await;
    }
    assert_eq!(it.found(&of("rare")).await, [20, 10]);
    assert_eq!(it.found(&of("rare").by(Order::Errors).at_most(2)).await, [20, 10]);
    assert_eq!(it.pages(&all().at_most(2)).await.len(), 11);
    for _ in 0..10 {
        it.write(trace_of(20, 30_000)).await;
    }
    assert_eq!(it.trace(20).await.len(), 2);
}
