//! Searches for something rare look only where it may be, and find what a look at everything finds.

use columnar::engine::Engine;
use futures::executor::block_on;
use model::batch::Batch;
use model::span::Span;
use storage::condition::Condition;
use storage::counts::Grid;
use storage::memory::Memory;
use storage::meter::{Meter, Read};
use storage::port::Storage;
use storage::query::{Order, Query, Window};
use storage_contract::spans::Make;

use crate::world::{batch, disk, memory, open, seal, span};

const SEGMENTS: u64 = 8;
const BATCHES: u64 = 12;

/// Returns a store of several segments and a memtable, and the plain store with the same spans. In the third segment
/// and in the memtable one trace has what no other has.
fn stores() -> (Engine, Memory) {
    let disk = disk(1);
    let engine = open(&disk).expect("a store");
    let mut all = Vec::new();
    for part in 0..=SEGMENTS {
        let mut batches: Vec<Batch> = (part * BATCHES..(part + 1) * BATCHES).map(batch).collect();
        if part == 2 || part == SEGMENTS {
            let rare = |span: Span| span.tag_with("user", "u-17").note("lost").named("rare").service("old");
            batches.push([rare(span(part * 400 + 1))].into_iter().collect());
        }
        engine.commit(&batches).expect("room");
        if part < SEGMENTS {
            seal(&engine);
        }
        all.extend(batches);
    }
    (engine, memory(all))
}

fn tag(key: &str, value: &str) -> Condition {
    Condition::Tag(key.to_owned(), value.to_owned())
}

fn with(condition: Condition) -> Query {
    let all = Window { end_ms: u64::MAX, lookback_ms: u64::MAX };
    Query { conditions: vec![condition], ..Query::new(all, 100) }
}

/// Asks all that a query can be used for, compares, and returns what the search read.
fn check(engine: &Engine, memory: &Memory, query: &Query) -> Read {
    let meter = Meter::default();
    let found = meter.scope(|| engine.search(query)).expect("an answer");
    assert_eq!(found, block_on(memory.search(query.clone())).expect("memory"), "{query:?}");
    let grid = Grid::of_slices(5);
    let counts = block_on(memory.count(query.clone(), grid.clone())).expect("memory");
    assert_eq!(engine.count(query, &grid).expect("an answer"), counts, "{query:?}");
    let hints = block_on(memory.hints(query.clone())).expect("memory");
    assert_eq!(engine.hints(query).expect("an answer"), hints, "{query:?}");
    meter.read()
}

#[test]
fn what_nobody_has_is_not_looked_for() {
    let (engine, memory) = stores();
    for query in [
        with(tag("user", "u-18")),
        with(tag("nokey", "a")),
        with(Condition::Has("nothing".to_owned())),
        with(Condition::Prefix("nokey".to_owned(), "a".to_owned())),
        Query { service_name: Some("nobody".to_owned()), ..with(tag("env", "a")) },
        Query {
            service_name: Some("cart".to_owned()),
            span_name: Some("rare".to_owned()),
            ..with(tag("env", "a"))
        },
    ] {
        let read = check(&engine, &memory, &query);
        assert_eq!(read.row_groups, 0, "{query:?}");
    }
}

#[test]
fn what_is_rare_is_looked_for_where_it_may_be() {
    let (engine, memory) = stores();
    for order in [Order::Newest, Order::Duration, Order::Errors] {
        for query in [
            with(tag("user", "u-17")),
            with(Condition::Has("lost".to_owned())),
            with(Condition::Has("user".to_owned())),
            with(Condition::Regex("user".to_owned(), storage::condition::Pattern::new("17$").expect("one"))),
            Query { service_name: Some("old".to_owned()), ..with(tag("user", "u-17")) },
            Query { service_name: Some("old".to_owned()), conditions: Vec::new(), ..with(tag("a", "b")) },
        ] {
            let query = Query { order, ..query };
            check(&engine, &memory, &query);
            assert!(!engine.search(&query).expect("an answer").traces.is_empty(), "{query:?}");
        }
    }
    let query = Query { limit: 1, ..with(tag("user", "u-17")) };
    let page = engine.search(&query).expect("an answer");
    let next = Query { after: page.next, ..query };
    check(&engine, &memory, &next);
}

/// Each condition may be met by another span, and one of them by a span in another part.
#[test]
fn a_rare_condition_beside_common_ones() {
    let (engine, memory) = stores();
    for common in ["a", "b"] {
        for key in ["env", "path", "error"] {
            let mut query = with(tag("user", "u-17"));
            query.conditions.push(tag(key, common));
            check(&engine, &memory, &query);
            query.conditions.push(Condition::Not(Box::new(tag(key, ""))));
            check(&engine, &memory, &query);
        }
    }
    // Neither a negation nor one of several alternatives has to be met.
    check(&engine, &memory, &with(Condition::Not(Box::new(tag("user", "u-18")))));
    check(&engine, &memory, &with(Condition::Any(vec![tag("user", "u-18"), tag("env", "a")])));
}
