//! Names without number: the lists end, and what has other names is stored and found all the same.

use std::sync::Arc;

use columnar::NAMES_MAX;
use columnar::engine::Engine;
use model::batch::Batch;
use model::span::Span;
use storage::port::Names;
use storage::query::{Query, Window};
use storage_contract::spans::{Make, bare};

use crate::world::{config, disk};

const TOO_MANY: usize = NAMES_MAX + 10;

fn span(number: usize) -> Span {
    bare(number as u128 + 1, 1).service(&format!("service-{number:06}")).at(1_000_000)
}

fn left_out(engine: &Engine) -> f64 {
    let metrics = engine.metrics();
    metrics.iter().find(|metric| metric.name == "spanlet_names_left_out_total").expect("a metric").value
}

#[test]
fn a_part_lists_so_many() {
    let disk = disk(1);
    let engine = Engine::open(Arc::new(disk.clone()), config()).expect("a store");
    let spans: Batch = (0..TOO_MANY).map(span).collect();
    engine.commit(&[spans]).expect("a commit");
    assert_eq!(left_out(&engine), 10.0);
    assert_eq!(engine.names(&Names::Services).len(), NAMES_MAX);
    engine.seal_active();
    while engine.seal_next().expect("a segment") {}
    drop(engine);
    let engine = Engine::open(Arc::new(disk), config()).expect("a store");
    assert_eq!(engine.names(&Names::Services).len(), NAMES_MAX);
    let last = span(TOO_MANY - 1);
    let window = Window { end_ms: 2_000, lookback_ms: 2_000 };
    let query = Query { service_name: last.local_service().map(str::to_owned), ..Query::new(window, 10) };
    assert_eq!(engine.search(&query).expect("an answer").traces, [[last]]);
}
