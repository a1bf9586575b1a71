//! Files of earlier versions are read, files of later ones are refused and left as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use columnar::engine::Engine;
use columnar::{Config, OpenError};
use disk::real::Real;
use model::batch::Batch;
use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};
use storage::change::Change;
use storage::port::Names;
use storage::query::{Query, Window};

use crate::world::{metric, seal, tend};

/// Written once by the program of that version, by [`fill`], and never again.
fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/store").join(version)
}

/// What every golden holds: spans of every shape, in this order. Never changed, as the goldens are not.
fn span(number: u64) -> Span {
    let id = |number: u64| SpanId::new(number).expect("an id");
    let mut span =
        Span::new(TraceId::from_halves(number % 2 * 9, 1 + number % 5).expect("an id"), id(number + 1));
    if number.is_multiple_of(7) {
        return span;
    }
    let endpoint = |service: &str, ip: u8| Endpoint {
        service_name: Some(service.to_owned()),
        ipv4: ip.is_multiple_of(2).then(|| [10, 0, 0, ip].into()),
        ipv6: ip.is_multiple_of(3).then(|| u128::from(ip).into()),
        port: (ip > 3).then_some(80 + u16::from(ip)),
    };
    span.parent_id = SpanId::new(number / 2);
    span.kind = Kind::from_number((number % 5) as u8);
    span.name = Some(["get", "post /ü"][number as usize % 2].to_owned());
    span.timestamp_us = Some(1_700_000_000_000_000 + number * 1_000);
    span.duration_us = (!number.is_multiple_of(3)).then_some(number * 10);
    span.local_endpoint = Some(endpoint(["shop", "cart", "bank"][number as usize % 3], number as u8));
    span.remote_endpoint = number.is_multiple_of(2).then(|| endpoint("stock", number as u8 / 2));
    span.annotations = vec![Annotation { timestamp_us: 5, value: "ws".to_owned() }];
    span.tags = vec![("env".to_owned(), format!("e{}", number % 3)), ("error".to_owned(), String::new())];
    span.debug = number % 4 == 1;
    span.shared = span.kind == Some(Kind::Server);
    span
}

const SPANS: u64 = 60;

fn config(dir: &Path) -> Config {
    Config { row_group_rows: 16, page_rows: 4, autocomplete_keys: vec!["env".to_owned()], ..Config::new(dir) }
}

/// Two segments, a journal whose records are in none, a pin and a deletion of what is not there.
fn fill(dir: &Path) {
    let engine = Engine::open(Arc::new(Real), config(dir)).expect("a store");
    for (number, part) in (0..SPANS).map(span).collect::<Vec<_>>().chunks(20).enumerate() {
        engine.commit(&[part.iter().cloned().collect::<Batch>()]).expect("room");
        if number < 2 {
            engine.seal_active();
            while engine.seal_next().expect("a segment") {}
        }
    }
    engine.change(Change::Pin(span(0).trace_id)).expect("a pin");
    engine.change(Change::Delete(TraceId::new(77).expect("an id"))).expect("a deletion");
}

/// Returns a copy of the files, to be opened.
fn copy(version: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for file in fs::read_dir(golden(version)).expect("a golden") {
        let path = file.expect("a file").path();
        fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    dir
}

fn open(dir: &Path) -> Result<Engine, OpenError> {
    Engine::open(Arc::new(Real), config(dir))
}

#[track_caller]
fn holds_everything(engine: &Engine) {
    let window = Window { end_ms: u64::MAX, lookback_ms: u64::MAX };
    let mut expected: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for span in (0..SPANS).map(span) {
        expected.entry(span.trace_id).or_default().push(span);
    }
    let ids: Vec<TraceId> = expected.keys().copied().collect();
    assert_eq!(engine.traces(&ids).expect("an answer"), expected.into_values().collect::<Vec<_>>());
    assert_eq!(engine.search(&Query::new(window, 100)).expect("an answer").traces.len(), ids.len());
    assert_eq!(engine.names(&Names::Services), ["bank", "cart", "shop"]);
    assert_eq!(engine.names(&Names::Values("env".to_owned())), ["e0", "e1", "e2"]);
}

/// Each file is opened as an upgrade finds it, then as this version has left it.
#[test]
fn goldens_are_read() {
    for version in ["v1", "v2"] {
        let dir = copy(version);
        for _ in 0..2 {
            let engine = open(dir.path()).expect(version);
            holds_everything(&engine);
            assert_eq!(metric(&engine, "spanlet_quarantined_total"), 0.0, "{version}");
            seal(&engine);
            tend(&engine);
            holds_everything(&engine);
        }
    }
}

#[test]
fn a_golden_has_the_pins_and_deletions_of_its_version() {
    let engine = open(copy("v2").path()).expect("a store");
    assert_eq!(engine.pins(), [span(0).trace_id]);
    assert_eq!(metric(&engine, "spanlet_deletions_waiting"), 1.0);
}

/// To write a golden of a new version: `SPANLET_GOLDEN=v3 cargo test -p columnar golden`.
#[test]
fn this_version_writes_what_it_reads() {
    let dir = tempfile::tempdir().expect("a directory");
    let wanted = std::env::var("SPANLET_GOLDEN").map(|version| golden(&version));
    let path = wanted.as_deref().unwrap_or(dir.path());
    fs::create_dir_all(path).expect("a directory");
    fill(path);
    fs::remove_file(path.join("lock")).expect("the lock");
    if path == dir.path() {
        holds_everything(&open(path).expect("a store"));
    }
}

/// Says what an older program says of a newer file, and that it has left everything as it was.
#[track_caller]
fn is_refused(dir: &Path, file: &str, version: &str) {
    let files = |dir: &Path| {
        let all = fs::read_dir(dir).expect("files").map(|file| file.expect("a file").path());
        let mut all: Vec<_> = all.filter(|path| !path.ends_with("lock")).collect();
        all.sort();
        all.into_iter().map(|path| (fs::read(&path).expect("bytes"), path)).collect::<Vec<_>>()
    };
    let before = files(dir);
    let error = open(dir).expect_err("refused").to_string();
    for part in [file, &format!("version {version}"), "start the newer program", "nothing was changed"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(before == files(dir), "{file}: {error}");
}

#[test]
fn a_newer_manifest_is_refused() {
    let dir = copy("v2");
    let path = dir.path().join("manifest.jsonl");
    let text = fs::read_to_string(&path).expect("a manifest");
    let (_, rest) = text.split_once('\n').expect("lines");
    let head = r#"{"version":99,"all":"new"}"#;
    fs::write(&path, format!("{:08x} {head}\n{rest}", crc32fast::hash(head.as_bytes()))).expect("a manifest");
    is_refused(dir.path(), "manifest.jsonl", "99");
}

#[test]
fn a_newer_journal_is_refused() {
    let dir = copy("v2");
    let name = "journal-00000000000000000002.log";
    let mut bytes = fs::read(dir.path().join(name)).expect("a journal");
    bytes[7] = b'2';
    let checksum = crc32fast::hash(&bytes[..24]).to_le_bytes();
    bytes[24..28].copy_from_slice(&checksum);
    fs::write(dir.path().join(name), bytes).expect("a journal");
    is_refused(dir.path(), name, "2");
}

#[test]
fn a_newer_segment_is_refused() {
    for manifest in [true, false] {
        let dir = copy("v2");
        let name = "segment-00000000000000000000.parquet";
        let mut bytes = fs::read(dir.path().join(name)).expect("a segment");
        let version = br#"{"version":1,"#;
        let at = bytes.windows(version.len()).position(|window| window == version).expect("a footer");
        bytes[at + version.len() - 2] = b'7';
        fs::write(dir.path().join(name), &bytes).expect("a segment");
        let path = dir.path().join("manifest.jsonl");
        if manifest {
            let text = fs::read_to_string(&path).expect("a manifest");
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let mut entry: serde_json::Value = serde_json::from_str(&lines[1][9..]).expect("JSON");
            let data_bytes = entry["data_bytes"].as_u64().expect("a number") as usize;
            entry["tail_crc32"] = crc32fast::hash(&bytes[data_bytes..]).into();
            let json = entry.to_string();
            lines[1] = format!("{:08x} {json}", crc32fast::hash(json.as_bytes()));
            fs::write(&path, lines.join("\n") + "\n").expect("a manifest");
        } else {
            fs::remove_file(&path).expect("removed");
        }
        is_refused(dir.path(), name, "7");
    }
}
