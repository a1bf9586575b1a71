//! The embedded store: what an acknowledgement costs, and how long answers take.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use columnar::Config;
use columnar::engine::Engine;
use disk::port::Disk;
use model::batch::Batch;
use model::id::TraceId;
use storage::query::{Condition, Query, Window};
use tempfile::TempDir;

use crate::Bench;
use crate::spans::{self, TRACE_SPANS};

/// Traces of a batch that is committed.
const COMMIT_TRACES: usize = 100;
/// Batches of [`STORED_TRACES`] traces in the store that is read, each sealed into a segment.
const STORED_SEGMENTS: u64 = 10;
const STORED_TRACES: usize = 10_000;
/// Traces read in a call.
const READS: usize = 100;

pub fn benches() -> Vec<Bench> {
    let mut all = vec![commit()];
    all.extend(reads());
    all
}

/// One batch made durable, beside the same bytes appended to a file and synced.
fn commit() -> Bench {
    let (engine, dir) = open();
    let batches: [Batch; 1] = [spans::batch(&spans::json(COMMIT_TRACES, 2))];
    let bytes = batches[0].as_bytes().to_vec();
    let file = disk::Real.create(&dir.path().join("floor")).expect("a file");
    Bench {
        name: "commit 1,000 spans",
        unit: ("batch", 1),
        run: Box::new(move || {
            engine.commit(&batches).expect("a commit");
            let _in_use = &dir;
        }),
        floor_name: "write and fdatasync",
        floor: Box::new(move || {
            file.append(&bytes).expect("a write");
            file.sync_data().expect("a sync");
        }),
    }
}

/// Traces by id and searches in a million spans.
fn reads() -> Vec<Bench> {
    let (engine, dir) = open();
    let mut ids = Vec::new();
    for seed in 0..STORED_SEGMENTS {
        let batch = spans::batch(&spans::json(STORED_TRACES, 100 + seed));
        ids.extend(batch.rows().map(|row| row.trace_id).step_by(TRACE_SPANS));
        engine.commit(&[batch]).expect("a commit");
        engine.seal_active();
        while engine.seal_next().expect("a segment") {}
    }
    let (engine, dir) = (Arc::new(engine), Arc::new(dir));
    fastrand::Rng::with_seed(3).shuffle(&mut ids);
    let wanted: Vec<TraceId> = ids.into_iter().take(READS).collect();
    let newest = Query::new(Window { end_ms: 1_800_000_000_000, lookback_ms: 1_800_000_000_000 }, 10);
    let of_service = Query { service_name: Some("cart".to_owned()), ..newest.clone() };
    let slow = Query { duration_min_us: 499_900, ..of_service.clone() };
    let mut all = vec![Bench {
        name: "trace by id of 1 M spans",
        unit: ("trace", READS),
        run: Box::new({
            let (engine, dir) = (Arc::clone(&engine), Arc::clone(&dir));
            move || {
                for id in &wanted {
                    black_box(engine.traces(&[*id]).expect("an answer"));
                }
                let _in_use = &dir;
            }
        }),
        floor_name: "a page of each column is read",
        floor: read_pages(dir.path(), READS),
    }];
    let tagged = |value: &str| {
        let condition = Condition::Tag("http.path".to_owned(), value.to_owned());
        Query { conditions: vec![condition], ..newest.clone() }
    };
    for (name, query) in [
        ("rare tag", tagged("/items/17")),
        ("absent tag", tagged("/items/no")),
        ("newest 10", newest.clone()),
        ("newest 10 of a service", of_service),
        ("slow 10 of a service", slow),
    ] {
        let (engine, dir) = (Arc::clone(&engine), Arc::clone(&dir));
        all.push(Bench {
            name,
            unit: ("search", 1),
            floor: read_pages(dir.path(), 1),
            run: Box::new(move || {
                black_box(engine.search(&query).expect("an answer"));
                let _in_use = &dir;
            }),
            floor_name: "a page of each column is read",
        });
    }
    all
}

/// Reads 18 stretches of 8 KiB, one for each column, from cached segments.
fn read_pages(dir: &Path, times: usize) -> Box<dyn FnMut()> {
    let name = disk::Real.list(dir).expect("files").into_iter().find(|name| name.ends_with(".parquet"));
    let file = disk::Real.open(&dir.join(name.expect("a segment"))).expect("a file");
    Box::new(move || {
        let mut page = [0; 8192];
        for column in 0..18 * times as u64 {
            file.read_at(&mut page, column % 18 * 8192).expect("a page");
            black_box(crc32fast::hash(&page));
        }
    })
}

fn open() -> (Engine, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = Engine::open(Arc::new(disk::Real), Config::new(dir.path())).expect("a store");
    (engine, dir)
}
