//! The relay's story: spans wait on disk while the collector is away, and go on when it is back.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use e2e::far::{Far, Mood};
use e2e::load;
use e2e::process::binary;
use e2e::relay::Relay;
use e2e::server::{Server, agent};
use wire::scribe::ResultCode;

use crate::doors::scribe_log;

fn span_count(far: &Far) -> usize {
    far.taken(|taken| taken.spans.len())
}

#[test]
fn spans_wait_through_a_stop_while_the_collector_is_away() {
    let (data_dir, far) = (tempfile::tempdir().unwrap(), Far::start().unwrap());
    far.set(Mood::TryLater);
    let url = far.url();
    let flags = ["--to", &url, "--flush-interval", "0s", "--retry-max-wait", "50ms"];
    let relay = Relay::start(data_dir.path(), &flags).unwrap();
    let mut stream = TcpStream::connect(relay.scribe).unwrap();
    for number in 0..10 {
        assert_eq!(scribe_log(&mut stream, &load::trace(number)).unwrap(), ResultCode::Ok);
    }
    assert_eq!(relay.figure("backlogSpans").unwrap(), 70);
    let shown = Command::new(binary()).args(["relay", "status", "--http", &relay.http.to_string()]).output();
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    assert!(shown.contains("70 spans") && shown.contains(&url), "{shown}");
    assert!(relay.terminate().unwrap().success());
    assert_eq!(span_count(&far), 0);
    far.set(Mood::Takes);
    let relay = Relay::start(data_dir.path(), &flags).unwrap();
    relay.drained(Duration::from_secs(20)).unwrap();
    assert_eq!(span_count(&far), 70);
    assert_eq!(relay.figure("deliveredSpans").unwrap(), 70);
}

#[test]
fn malformed_spans_are_set_aside_and_sent_again_on_demand() {
    let (data_dir, far) = (tempfile::tempdir().unwrap(), Far::start().unwrap());
    let url = far.url();
    let relay = Relay::start(data_dir.path(), &["--to", &url, "--flush-interval", "0s"]).unwrap();
    let good: Vec<Vec<u8>> = load::trace(1)
        .iter()
        .map(|span| {
            let mut bytes = Vec::new();
            wire::thrift_write::write_span(&mut bytes, span);
            wire::scribe::encode_message(&bytes)
        })
        .collect();
    let mut messages: Vec<&[u8]> = good.iter().map(Vec::as_slice).collect();
    messages.insert(3, b"bm8gc3Bhbg==");
    let call = wire::scribe::log_call("zipkin", messages.iter().copied(), 1);
    let mut stream = TcpStream::connect(relay.scribe).unwrap();
    std::io::Write::write_all(&mut stream, &call).unwrap();
    let mut reply = [0; 4];
    std::io::Read::read_exact(&mut stream, &mut reply).unwrap();
    relay.drained(Duration::from_secs(20)).unwrap();
    assert_eq!(span_count(&far), 7);
    assert_eq!(relay.status().unwrap()["deadLetterSpans"], 1);
    let resent = Command::new(binary()).args(["relay", "resend", "--http", &relay.http.to_string()]).output();
    assert_eq!(String::from_utf8(resent.unwrap().stdout).unwrap(), "1 dead letters are on their way again\n");
    relay.drained(Duration::from_secs(20)).unwrap();
    // It is no better than before.
    assert_eq!(relay.status().unwrap()["deadLetterSpans"], 1);
}

#[test]
fn every_way_in_and_out_keeps_the_spans_whole() {
    let server_dir = tempfile::tempdir().unwrap();
    let server = Server::start(server_dir.path(), &[]).unwrap();
    let outs = [
        (format!("scribe://{}", server.scribe), None),
        (format!("http://{}", server.http), None),
        (format!("http://{}", server.http), Some("--gzip")),
        (format!("http+json://{}", server.http), None),
        (format!("otlp://{}", server.http), None),
    ];
    for (at, (to, gzip)) in (0..).zip(&outs) {
        let data_dir = tempfile::tempdir().unwrap();
        let flags: Vec<&str> = ["--to", to, "--flush-interval", "0s"].into_iter().chain(*gzip).collect();
        let relay = Relay::start(data_dir.path(), &flags).unwrap();
        let mut stream = TcpStream::connect(relay.scribe).unwrap();
        let (by_scribe, by_http) = (load::trace(100 + 2 * at), load::trace(101 + 2 * at));
        assert_eq!(scribe_log(&mut stream, &by_scribe).unwrap(), ResultCode::Ok);
        let mut body = String::new();
        wire::json_v2::write_list(&mut body, &by_http);
        let posted = agent().post(format!("http://{}/api/v2/spans", relay.http)).send(&body).unwrap();
        assert_eq!(posted.status(), 202);
        relay.drained(Duration::from_secs(20)).unwrap();
        for spans in [by_scribe, by_http] {
            let (status, body) = server.get(&format!("/api/v2/trace/{}", spans[0].trace_id)).unwrap();
            assert_eq!(status, 200, "{to}: {body}");
            let mut batch = model::batch::Batch::new();
            wire::json_v2::decode_list(body.as_bytes(), &mut batch).unwrap();
            let mut found: Vec<_> = batch.rows().map(|row| row.to_span()).collect();
            found.sort_by_key(|span| span.timestamp_us);
            if to.starts_with("otlp") {
                // OpenTelemetry has other words for some of it: docs/reference/otlp.md.
                assert_eq!(found.len(), spans.len(), "{to}");
                continue;
            }
            assert_eq!(found, spans, "{to}");
        }
    }
}

#[test]
fn memory_stays_small_whatever_the_backlog() {
    /// Most that a relay may take, whatever waits on its disk.
    const MEMORY_BYTES_MAX: u64 = 32 << 20;
    const CALLS: u64 = 150;
    let (data_dir, far) = (tempfile::tempdir().unwrap(), Far::start().unwrap());
    far.set(Mood::TryLater);
    let url = far.url();
    let flags = ["--to", &url, "--flush-interval", "0s", "--retry-max-wait", "50ms"];
    let relay = Relay::start(data_dir.path(), &flags).unwrap();
    // Calls of half a megabyte, one copy of which is changed each time.
    let spans: Vec<_> = (0..100).flat_map(load::trace).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(relay.scribe).unwrap();
                for _ in 0..CALLS / 3 {
                    assert_eq!(scribe_log(&mut stream, &spans).unwrap(), ResultCode::Ok);
                }
            });
        }
    });
    let backlog = relay.figure("backlogBytes").unwrap();
    assert!(backlog > 40 << 20, "only {backlog} bytes wait: the test is too weak");
    let filled_bytes = relay.memory_peak_bytes().unwrap();
    assert!(relay.terminate().unwrap().success());
    far.set(Mood::Takes);
    let relay = Relay::start(data_dir.path(), &flags).unwrap();
    relay.drained(Duration::from_secs(60)).unwrap();
    let drained_bytes = relay.memory_peak_bytes().unwrap();
    let mut figures = agent().get(format!("http://{}/prometheus", relay.http)).call().unwrap();
    let figures = figures.body_mut().read_to_string().unwrap();
    assert!(figures.contains("\nspanlet_relay_in_flight_bytes 0\n"), "{figures}");
    println!(
        "{} MiB of backlog: {filled_bytes} bytes at most when filled, {drained_bytes} when drained",
        backlog >> 20
    );
    assert_eq!(far.taken(|taken| taken.spans.values().sum::<usize>() as u64), CALLS * 700);
    assert!(filled_bytes.max(drained_bytes) < MEMORY_BYTES_MAX, "{filled_bytes} and {drained_bytes} bytes");
}

#[test]
fn a_fluentd_configuration_is_understood_and_flags_win() {
    let (data_dir, far) = (tempfile::tempdir().unwrap(), Far::start().unwrap());
    let sample =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/relay/td-agent.conf"));
    let conf = sample.unwrap().replace("port 9410", &format!("port {}", far.address.port()));
    let file = data_dir.path().join("td-agent.conf");
    std::fs::write(&file, conf).unwrap();
    let flags = ["--fluentd-conf", file.to_str().unwrap(), "--flush-interval", "0s"];
    let relay = Relay::start(data_dir.path(), &flags).unwrap();
    let mut stream = TcpStream::connect(relay.scribe).unwrap();
    assert_eq!(scribe_log(&mut stream, &load::trace(5)).unwrap(), ResultCode::Ok);
    relay.drained(Duration::from_secs(20)).unwrap();
    assert_eq!(span_count(&far), 7);
    std::fs::write(&file, "<source>\n  @type tail\n</source>\n").unwrap();
    let refused = e2e::relay::command(data_dir.path(), &flags).output().unwrap();
    assert!(!refused.status.success());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("line 1: <source> of type tail"), "{why}");
}
