//! A small world for the other tests: spans made from a number, a disk, and the plain store to compare with.

use std::path::Path;
use std::sync::Arc;

use columnar::engine::Engine;
use columnar::tend::Tended;
use columnar::{Config, OpenError};
use disk::faulty::Faulty;
use disk::port::Disk;
use futures::executor::block_on;
use model::batch::Batch;
use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};
use storage::condition::Pattern;
use storage::counts::Grid;
use storage::error::ReadError;
use storage::memory::{self, Memory};
use storage::port::{Names, Storage, Trace};
use storage::query::{Condition, Order, Query, Window};
use storage::statistics::Asked;

/// Start of all times, so that windows can lie before and after it.
pub const START_US: u64 = 1_000_000_000;

pub const DIR: &str = "/data";

/// Traces that spans are made of.
pub const TRACES: u64 = 40;

const SERVICES: [Option<&str>; 4] = [Some("cart"), Some("shop"), Some("bank"), None];
const NAMES: [Option<&str>; 4] = [Some("get"), Some("post /ü"), Some("pay"), None];

/// Returns an empty disk with a data directory.
pub fn disk(seed: u64) -> Faulty {
    let disk = Faulty::new(seed);
    disk.create_dir_all(Path::new(DIR)).expect("a directory");
    disk
}

/// Returns settings with which a handful of spans makes segments of several row groups and pages.
pub fn config() -> Config {
    Config {
        memtable_bytes_max: 6_000,
        row_group_rows: 16,
        page_rows: 4,
        // Two or three segments become one.
        segment_bytes_max: 30_000,
        retention_bytes: None,
        autocomplete_keys: vec!["env".to_owned()],
        ..Config::new(DIR)
    }
}

pub fn open(disk: &Faulty) -> Result<Engine, OpenError> {
    Engine::open(Arc::new(disk.clone()), config())
}

/// Opens it with lenient trace ids.
pub fn open_lenient(disk: &Faulty) -> Result<Engine, OpenError> {
    Engine::open(Arc::new(disk.clone()), Config { strict_trace_id: false, ..config() })
}

/// Makes all memtables segments.
pub fn seal(engine: &Engine) {
    engine.seal_active();
    while engine.seal_next().expect("a segment") {}
}

/// Does all that is to be done in the background.
pub fn tend(engine: &Engine) {
    while engine.tend().expect("a disk that works") == Tended::Step {}
}

/// Returns batches without the spans that were deleted.
pub fn without(batches: &[Batch], is_deleted: impl Fn(&Span) -> bool) -> Vec<Batch> {
    let kept =
        |batch: &Batch| batch.rows().map(|row| row.to_span()).filter(|span| !is_deleted(span)).collect();
    batches.iter().map(kept).collect()
}

/// Returns a span in which everything depends on the number.
pub fn span(number: u64) -> Span {
    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635;
    let mut below = |bound: u64| {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    };
    // Half of them to traces that go on for ever, the others to such that are soon over.
    let trace = if below(2) == 0 { below(12) } else { number / 8 % TRACES };
    // Some traces differ in their left-most bits only.
    let trace_id = TraceId::from_halves(if trace % 3 == 0 { trace } else { 0 }, 1 + trace / 2);
    let mut span = Span::new(trace_id.expect("an id"), SpanId::new(1 + below(6)).expect("an id"));
    span.parent_id = SpanId::new(below(6)).filter(|parent| *parent != span.id);
    span.kind = Kind::from_number(below(5) as u8);
    span.name = NAMES[below(4) as usize].map(str::to_owned);
    span.timestamp_us = Some(below(8)).filter(|at| *at > 0).map(|at| START_US + (at + number / 50) * 700);
    span.duration_us = Some(below(5) * 100).filter(|us| *us > 0);
    let endpoint = |service: Option<&str>, ip: u64| Endpoint {
        service_name: service.map(str::to_owned),
        ipv4: (ip % 2 == 1).then(|| [10, 0, 0, ip as u8].into()),
        ipv6: (ip % 3 == 1).then(|| u128::from(ip).into()),
        port: (ip > 3).then_some(80),
    };
    let ends = [(SERVICES[below(4) as usize], below(6)), (SERVICES[below(4) as usize], below(6))];
    let [local, remote] = ends.map(|(service, ip)| endpoint(service, ip));
    span.local_endpoint = Some(local).filter(|it| *it != Endpoint::default());
    span.remote_endpoint = Some(remote).filter(|it| *it != Endpoint::default());
    for key in ["env", "error", "path"] {
        if below(2) == 0 {
            span.tags.push((key.to_owned(), ["", "a", "b"][below(3) as usize].to_owned()));
        }
    }
    if below(3) == 0 {
        span.annotations
            .push(Annotation { timestamp_us: START_US, value: ["env", "ws"][below(2) as usize].into() });
    }
    span.debug = below(9) == 0;
    span.shared = span.kind == Some(Kind::Server) && below(2) == 0;
    span
}

/// Returns a batch of a few spans. Batches with neighbouring numbers share one span, as retries do.
pub fn batch(number: u64) -> Batch {
    (0..=number % 5).map(|at| span(number * 4 + at)).collect()
}

/// Returns the plain store with these batches.
pub fn memory(batches: impl IntoIterator<Item = Batch>) -> Memory {
    memory_with(batches, true)
}

/// Returns the plain store with these batches, and strict or lenient trace ids.
pub fn memory_with(batches: impl IntoIterator<Item = Batch>, strict_trace_id: bool) -> Memory {
    let memory = Memory::new(memory::Config {
        strict_trace_id,
        spans_max: 1_000_000,
        autocomplete_keys: config().autocomplete_keys,
        ..memory::Config::default()
    });
    let mut spans: Vec<Span> = Vec::new();
    for batch in batches {
        spans.extend(batch.rows().map(|row| row.to_span()));
    }
    // Spans of one trace stay in order of arrival. That between traces whose ids end alike is not kept by
    // segments; it only decides which of two contradicting reports a link is made of.
    spans.sort_by_key(|span| span.trace_id);
    let _ = block_on(memory.accept(spans.into_iter().collect())).expect("memory");
    memory
}

/// Returns all trace ids that spans are made with.
pub fn trace_ids() -> Vec<TraceId> {
    let ids = (0..TRACES).filter_map(|it| TraceId::from_halves(if it % 3 == 0 { it } else { 0 }, 1 + it / 2));
    let mut ids: Vec<TraceId> = ids.collect();
    ids.sort_by_key(|id| std::cmp::Reverse(*id));
    ids.dedup();
    ids
}

/// Returns a query in which everything depends on the number.
pub fn query(number: u64) -> Query {
    let digit = |place: u32, base: u64| (number / 7u64.pow(place)) % base;
    let window = match digit(0, 4) {
        0 => Window { end_ms: START_US / 1000 + 3, lookback_ms: 2 },
        1 => Window { end_ms: START_US / 1000 + 1, lookback_ms: u64::MAX },
        _ => Window { end_ms: u64::MAX, lookback_ms: u64::MAX },
    };
    let mut query = Query::new(window, [1, 3, 100][digit(1, 3) as usize]);
    let service = |at: u64| SERVICES[at as usize].map(str::to_owned);
    query.service_name = service(digit(2, 4));
    query.remote_service_name = service(3 - digit(3, 7).min(3));
    query.span_name = NAMES[3 - digit(4, 6).min(3) as usize].map(str::to_owned);
    query.conditions = match digit(5, 7) {
        0 => vec![Condition::Has("env".into())],
        1 => vec![Condition::Tag("path".into(), "a".into()), Condition::Has("error".into())],
        2 => vec![Condition::Has("ws".into())],
        3 => vec![Condition::Not(Box::new(Condition::Contains("path".into(), "b".into())))],
        4 => vec![Condition::Any(vec![
            Condition::Prefix("env".into(), "a".into()),
            Condition::Regex("path".into(), Pattern::new("^b|^$").expect("a pattern")),
        ])],
        _ => Vec::new(),
    };
    query.order = [Order::Newest, Order::Duration, Order::Errors][digit(7, 3) as usize];
    (query.duration_min_us, query.duration_max_us) = match digit(6, 4) {
        0 => (200, None),
        1 => (200, Some(300)),
        _ => (0, None),
    };
    query
}

/// Returns all spans as they come by trace id.
pub fn all_spans(engine: &Engine) -> Result<Vec<Span>, ReadError> {
    let mut found: Vec<Trace> = Vec::new();
    engine.for_each_trace::<ReadError>(&mut |trace| {
        found.push(trace);
        Ok(())
    })?;
    assert!(found.iter().all(|trace| trace.iter().all(|span| span.trace_id == trace[0].trace_id)));
    Ok(found.into_iter().flatten().collect())
}

/// Returns all spans by trace id.
pub fn sorted_spans(memory: &Memory) -> Vec<Span> {
    let traces = block_on(memory.traces(trace_ids())).expect("memory");
    let mut spans: Vec<Span> = traces.into_iter().flatten().collect();
    spans.sort_by_key(|span| span.trace_id);
    spans
}

/// Asks both stores some questions of all sorts.
pub fn assert_same(engine: &Engine, memory: &Memory, what: &str) {
    let ids = trace_ids();
    assert_eq!(engine.traces(&ids).expect(what), block_on(memory.traces(ids)).expect(what), "{what}: traces");
    assert_eq!(all_spans(engine).expect(what), sorted_spans(memory), "{what}: all, by trace");
    // Other questions at each size of the store.
    let first = memory.metrics().first().map_or(0, |spans| spans.value as u64) * 5;
    for number in first..first + 5 {
        let mut query = query(number * 1_000_000_007);
        // Two pages: the second goes on where the first ends.
        for _ in 0..2 {
            let (found, expected) =
                (engine.search(&query).expect(what), block_on(memory.search(query.clone())).expect(what));
            assert_eq!(found, expected, "{what}: {query:?}");
            query.after = found.next;
        }
        for grid in [Grid::of_slices(3), Grid::new(2, [20, 50])] {
            let expected = block_on(memory.count(query.clone(), grid.clone())).expect(what);
            assert_eq!(engine.count(&query, &grid).expect(what), expected, "{what}: counts of {query:?}");
        }
        let expected = block_on(memory.hints(query.clone())).expect(what);
        assert_eq!(engine.hints(&query).expect(what), expected, "{what}: hints at {query:?}");
    }
    let services = SERVICES.iter().flatten().map(|it| (*it).to_owned());
    let names = services.flat_map(|it| [Names::Spans(it.clone()), Names::RemoteServices(it)]);
    for names in names.chain([Names::Services, Names::Values("env".into()), Names::Values("path".into())]) {
        let mut found = engine.names(&names);
        let expected = block_on(memory.names(names.clone())).expect(what);
        if metric(engine, "spanlet_deletions_waiting") > 0.0 {
            // Lists may still show what was deleted.
            found.retain(|name| expected.contains(name));
        }
        assert_eq!(found, expected, "{what}: {names:?}");
    }
    assert_same_figures(engine, memory, what);
}

/// Asks both stores for links and statistics.
pub fn assert_same_figures(engine: &Engine, memory: &Memory, what: &str) {
    for number in 0..3 {
        let window = query(number).window;
        let expected = block_on(memory.dependencies(window)).expect(what);
        assert_eq!(engine.dependencies(window).expect(what), expected, "{what}: links in {window:?}");
        for service_name in [None, Some("cart".to_owned())] {
            let asked = Asked { window, service_name };
            let expected = block_on(memory.statistics(asked.clone())).expect(what);
            assert_eq!(engine.statistics(&asked).expect(what), expected, "{what}: {asked:?}");
        }
    }
}

/// Returns a number that the store counts.
pub fn metric(engine: &Engine, name: &str) -> f64 {
    engine.metrics().iter().find(|metric| metric.name == name).expect(name).value
}
