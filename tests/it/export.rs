//! `spanlet export` and `spanlet import` as an operator meets them: spans go from one directory to another.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Output, Stdio};

use e2e::load;
use e2e::process::command;
use e2e::server::Server;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tempfile::TempDir;

/// Traces that the first directory holds.
const TRACES: u64 = 5;

fn run(tool: &str, data_dir: &Path, arguments: &[&str]) -> Output {
    let mut command = command(&[tool, "--data-dir"]);
    command.arg(data_dir).args(arguments).stderr(Stdio::piped()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

/// Runs a tool that must succeed. Returns its output.
fn ran(tool: &str, data_dir: &Path, arguments: &[&str]) -> String {
    let output = run(tool, data_dir, arguments);
    assert_eq!(output.status.code(), Some(0), "{tool} {arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// A directory in which a server left the traces, some of them sent twice.
fn filled() -> TempDir {
    let data_dir = tempfile::tempdir().unwrap();
    let server = Server::start(data_dir.path(), &[]).unwrap();
    for number in (0..TRACES).chain(0..2) {
        let mut body = String::new();
        wire::json_v2::write_list(&mut body, &load::trace(number));
        assert_eq!(server.post("/api/v2/spans", body.as_bytes()).unwrap(), 202);
    }
    let busy = run("export", data_dir.path(), &[]);
    assert_eq!((busy.status.code(), &busy.stdout[..]), (Some(1), &b""[..]));
    assert!(said(&busy).contains("in use by another process"), "{}", said(&busy));
    server.kill().unwrap();
    data_dir
}

/// Returns what a server on the directory answers about all of the traces.
fn answers(data_dir: &Path) -> Vec<String> {
    let server = Server::start(data_dir, &[]).unwrap();
    let traces = (0..TRACES).map(|number| format!("trace/{:032x}", load::trace_id(number).get()));
    let services = ["services".to_owned(), "spans?serviceName=service-1".to_owned()];
    let answers = services.into_iter().chain(traces).map(|path| {
        let (status, text) = server.get(&format!("/api/v2/{path}")).unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        text
    });
    let answers = answers.collect();
    server.kill().unwrap();
    answers
}

#[test]
fn spans_go_from_one_directory_to_another() {
    let (first, second, files) = (filled(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = files.path().join("spans.json.gz");
    let path = file.to_str().unwrap();
    ran("export", first.path(), &["--output", path]);
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 1, "nothing else is left there");
    let text = unpacked(&file);
    assert_eq!(text.lines().count() as u64, TRACES + 2, "a line for each trace:\n{text}");
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(list.len() as u64, TRACES * load::SPANS_PER_TRACE);

    for _ in 0..2 {
        let said = ran("import", second.path(), &[path]);
        assert_eq!(said, "imported 35 spans\n");
        assert_eq!(ran("export", second.path(), &[]), text);
    }
    assert_eq!(answers(second.path()), answers(first.path()));

    // What was exported is what Zipkin's API takes.
    let third = tempfile::tempdir().unwrap();
    let server = Server::start(third.path(), &[]).unwrap();
    assert_eq!(server.post("/api/v2/spans", text.as_bytes()).unwrap(), 202);
    let busy = run("import", third.path(), &[path]);
    assert_eq!(busy.status.code(), Some(1));
    assert!(said(&busy).contains("in use by another process"), "{}", said(&busy));
    server.kill().unwrap();
    assert_eq!(ran("export", third.path(), &[]), text);
}

#[test]
fn an_export_can_be_of_some_traces() {
    let data_dir = filled();
    let spans = |flags: &[&str]| {
        let list: Vec<serde_json::Value> =
            serde_json::from_str(&ran("export", data_dir.path(), flags)).unwrap();
        list.len() as u64 / load::SPANS_PER_TRACE
    };
    // Trace 3 starts three milliseconds after trace 0.
    assert_eq!(spans(&["--end-ts", "1700000000003"]), 4);
    assert_eq!(spans(&["--end-ts", "1700000000003", "--lookback", "1"]), 2);
    assert_eq!(spans(&["--lookback", "1"]), 0, "up to now");
    assert_eq!(spans(&["--service-name", "Service-1", "--format", "json"]), TRACES);
    assert_eq!(spans(&["--service-name", "service-9"]), 0);
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let (data_dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = files.path().join("spans.json");
    let path = file.to_str().unwrap();
    let missing = run("import", data_dir.path(), &[path]);
    assert!(said(&missing).contains("cannot read"), "{}", said(&missing));
    assert_eq!(std::fs::read_dir(data_dir.path()).unwrap().count(), 0, "nothing is made there");

    let span =
        |id: u64| format!("{{\"traceId\":\"{id:016x}\",\"id\":\"{id:016x}\",\"tags\":{{\"a\":\"}}\"}}}}");
    std::fs::write(&file, format!("[{},\n{{\"traceId\":\"xyz\"}},\n{}", span(1), span(2))).unwrap();
    let broken = run("import", data_dir.path(), &[path]);
    assert_eq!(broken.status.code(), Some(1));
    let text = said(&broken);
    for part in [
        "imported 2 spans\n",
        "1 spans could not be read, and 1 files were not read to their end",
        "spans.json, line 2, byte ",
        "xyz should be lower-hex encoded",
        "spans.json, line 3, byte ",
        "ends within its list",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let list: Vec<serde_json::Value> = serde_json::from_str(&ran("export", data_dir.path(), &[])).unwrap();
    assert_eq!(list.len(), 2, "the others are there");

    let cut = files.path().join("cut.json.gz");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(format!("[{}]", span(3)).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(&cut, &packed[..packed.len() - 4]).unwrap();
    let broken = run("import", data_dir.path(), &[cut.to_str().unwrap()]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(said(&broken).contains("cut.json.gz, line 1, byte "), "{}", said(&broken));
}

#[test]
fn a_directory_without_a_store_is_left_alone() {
    let empty = tempfile::tempdir().unwrap();
    let nothing = run("export", empty.path(), &[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(said(&nothing).contains("holds no store"), "{}", said(&nothing));
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing is left there");
}
