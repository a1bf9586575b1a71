//! Promise P5: a disk that fails or is full turns writers away, at every door in its words; reads go on, health says so,
//! the server recovers by itself, and nothing that was acknowledged is lost (P1).

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::faults::{Tmpfs, can_trace, inject, possible};
use e2e::load;
use e2e::server::{Server, agent, command};
use model::batch::Batch;
use wire::scribe::ResultCode;

use crate::doors::scribe_log;

/// Longer than a recovery takes on a busy machine.
const RECOVERY_MAX: Duration = Duration::from_secs(60);
/// Where fdatasync fails in the thread that commits: the first four batches are safe, then come these.
const FAILING: &str = "5..14";
const SPANS_AT_ONCE: u64 = 50;

/// Sends a trace to Zipkin's door.
fn post(server: &Server, numbers: std::ops::Range<u64>) -> u16 {
    let spans: Vec<_> = numbers.flat_map(load::trace).collect();
    let mut body = String::new();
    wire::json_v2::write_list(&mut body, &spans);
    server.post("/api/v2/spans", body.as_bytes()).unwrap()
}

/// Sends a trace of its own through every other door, none of which may take it.
fn assert_turned_away(server: &Server, first: u64) {
    let mut stream = TcpStream::connect(server.scribe).unwrap();
    assert_eq!(scribe_log(&mut stream, &load::trace(first)).unwrap(), ResultCode::TryLater);
    let mut list = Vec::new();
    let batch: Batch = load::trace(first + 1).into_iter().collect();
    wire::proto3_write::write_list(&mut list, batch.rows());
    let report = "/zipkin.proto3.SpanService/Report";
    let message = e2e::grpc::message(0, list.len() as u32, &list);
    let (status, _) = e2e::grpc::call(server.http, report, &[], message).unwrap();
    assert_eq!(status, "8", "RESOURCE_EXHAUSTED");
    let otlp = format!("{}/v1/traces", server.url());
    let spans =
        r#"[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"pay"}]"#;
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":{spans}}}]}}]}}"#);
    let answer = agent().post(otlp).content_type("application/json").send(body.as_bytes()).unwrap();
    assert_eq!(answer.status(), 503);
}

fn has(server: &Server, number: u64) -> bool {
    server.get(&format!("/api/v2/trace/{}", load::trace_id(number))).unwrap().0 == 200
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + RECOVERY_MAX;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {RECOVERY_MAX:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Kills the server and finds whatever was acknowledged in the next one.
fn assert_kept(server: Server, data_dir: &Path, acknowledged: &BTreeSet<u64>) {
    server.kill().unwrap();
    let server = Server::start(data_dir, &[]).unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !has(&server, **number)).collect();
    assert!(lost.is_empty(), "acknowledged and gone: {lost:?}");
}

#[test]
fn a_disk_whose_sync_fails() {
    let test = "a_disk_whose_sync_fails";
    if possible(test, "strace (apt-get install strace) and the right to trace", can_trace()).is_none() {
        return;
    }
    let data_dir = tempfile::tempdir().unwrap();
    let server = Server::spawn(inject("fdatasync", "EIO", FAILING, &command(data_dir.path(), &[]))).unwrap();
    let mut acknowledged = BTreeSet::new();
    for number in 0..4 {
        assert_eq!(post(&server, number..number + 1), 202);
        acknowledged.insert(number);
    }
    assert_eq!(post(&server, 4..5), 503);
    assert_turned_away(&server, 5);
    assert!(acknowledged.iter().all(|number| has(&server, *number)), "reads go on");
    let (status, health) = server.get("/health").unwrap();
    assert_eq!(status, 503);
    assert!(health.contains("DOWN") && health.contains("journal"), "{health}");
    let mut number = 10;
    wait_until("it takes spans again", || {
        number += 1;
        let taken = post(&server, number..number + 1) == 202;
        acknowledged.extend(taken.then_some(number));
        taken
    });
    assert!(number < 20, "it recovers with the first sync that works, not after {number}");
    assert_eq!(server.get("/health").unwrap().0, 200);
    assert_kept(server, data_dir.path(), &acknowledged);
}

#[test]
fn a_disk_that_is_full() {
    let how = "the right to mount a tmpfs";
    let Some(tmpfs) = possible("a_disk_that_is_full", how, Tmpfs::mount(8 << 20)) else { return };
    let ballast = tmpfs.path().join("ballast");
    std::fs::write(&ballast, vec![1; 6 << 20]).unwrap();
    let server = Server::start(tmpfs.path(), &[]).unwrap();
    let (mut acknowledged, mut next) = (BTreeSet::new(), 0);
    let refused = loop {
        let numbers = next..next + SPANS_AT_ONCE;
        next = numbers.end;
        match post(&server, numbers.clone()) {
            202 => acknowledged.extend(numbers),
            refused => break refused,
        }
        assert!(next < 100_000, "the disk does not run full");
    };
    assert_eq!(refused, 503);
    assert!(!acknowledged.is_empty(), "the disk was full from the start: the test is too weak");
    // Smaller ones may still fit: fill it to the last byte.
    let mut rest = std::fs::File::create(tmpfs.path().join("rest")).unwrap();
    while std::io::Write::write_all(&mut rest, &[0; 64]).is_ok() {}
    assert_turned_away(&server, next);
    assert!(has(&server, 0), "reads go on");
    let (status, health) = server.get("/health").unwrap();
    assert_eq!(status, 503);
    assert!(health.contains("no room"), "{health}");
    std::fs::remove_file(&ballast).unwrap();
    let mut number = next + 10;
    wait_until("it takes spans again", || {
        number += 1;
        let taken = post(&server, number..number + 1) == 202;
        acknowledged.extend(taken.then_some(number));
        taken
    });
    assert_eq!(server.get("/health").unwrap().0, 200);
    assert_kept(server, tmpfs.path(), &acknowledged);
}
