//! Promises P1 and P2: what was acknowledged survives kill -9; what was not is there whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use e2e::load;
use e2e::server::{Server, agent};
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;

/// Rounds, when `SPANLET_KILLS` does not say.
const ROUNDS: usize = 20;
/// A slow machine needs more rounds until so much has happened.
const SEALS_MIN: f64 = 20.0;
const ACKNOWLEDGED_MIN: usize = 500;
const WRITERS: usize = 4;
/// Traces read back after each round; all are read after the last.
const RECENT: usize = 2_000;

/// What became of each trace that was sent.
#[derive(Default)]
struct Sent {
    next: AtomicU64,
    traces: Mutex<BTreeMap<u64, bool>>,
}

impl Sent {
    fn begin(&self) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.traces.lock().unwrap().insert(number, false);
        number
    }

    fn acknowledged(&self) -> usize {
        self.traces.lock().unwrap().values().filter(|acknowledged| **acknowledged).count()
    }

    fn acknowledge(&self, number: u64) {
        self.traces.lock().unwrap().insert(number, true);
    }
}

#[test]
fn acknowledged_spans_survive_kill_9() {
    let data_dir = tempfile::tempdir().unwrap();
    let seed = std::env::var("SPANLET_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("SPANLET_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let rounds = std::env::var("SPANLET_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let sent = Sent::default();
    let (mut seals, mut round) = (0.0, 0);
    while round < rounds || seals < SEALS_MIN || sent.acknowledged() < ACKNOWLEDGED_MIN {
        assert!(round < 10 * rounds, "{round} rounds did too little: {seals} seals");
        let server = Server::start(data_dir.path(), &["--memtable-bytes", "200000"]).unwrap();
        verify(&server, &sent, round, RECENT);
        seals += load_until_killed(server, &sent, Duration::from_micros(random.u64(50_000..400_000)));
        if random.u8(..4) == 0 {
            // Recovery itself can be cut off anywhere.
            let mut starting = e2e::server::command(data_dir.path(), &[]).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            starting.kill().unwrap();
            starting.wait().unwrap();
        }
        round += 1;
    }
    let server = Server::start(data_dir.path(), &[]).unwrap();
    verify(&server, &sent, round, usize::MAX);
    let (acknowledged, all) = (sent.acknowledged(), sent.next.load(Ordering::Relaxed));
    println!("{round} kills: {acknowledged} of {all} traces were acknowledged, {seals} seals");
}

/// Returns how many segments were sealed meanwhile.
fn load_until_killed(server: Server, sent: &Sent, life: Duration) -> f64 {
    let killed = AtomicBool::new(false);
    let (http, scribe) = (format!("{}/api/v2/spans", server.url()), server.scribe);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (killed, http) = (&killed, &http);
            scope.spawn(move || match writer % 2 {
                0 => write_http(http, sent, killed),
                _ => write_scribe(scribe, sent, killed),
            });
        }
        std::thread::sleep(life);
        let seals = server.metric("spanlet_seals_total");
        server.kill().unwrap();
        killed.store(true, Ordering::Relaxed);
        seals.unwrap()
    })
}

fn write_http(url: &str, sent: &Sent, killed: &AtomicBool) {
    let agent = agent();
    while !killed.load(Ordering::Relaxed) {
        let number = sent.begin();
        let mut body = String::new();
        wire::json_v2::write_list(&mut body, &load::trace(number));
        match agent.post(url).send(&body) {
            Ok(response) if response.status() == 202 => sent.acknowledge(number),
            Ok(response) => panic!("status {}", response.status()),
            Err(_) => {}
        }
    }
}

fn write_scribe(address: std::net::SocketAddr, sent: &Sent, killed: &AtomicBool) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    while !killed.load(Ordering::Relaxed) {
        let number = sent.begin();
        match crate::doors::scribe_log(&mut stream, &load::trace(number)) {
            Ok(wire::scribe::ResultCode::Ok) => sent.acknowledge(number),
            Ok(wire::scribe::ResultCode::TryLater) => {}
            Err(_) => return,
        }
    }
}

/// Reads back the newest of the traces sent so far.
fn verify(server: &Server, sent: &Sent, round: usize, newest: usize) {
    let mut all = sent.traces.lock().unwrap();
    let from = all.len().saturating_sub(newest) as u64;
    let numbers: Vec<u64> = all.range(from..).map(|(number, _)| *number).collect();
    for group in numbers.chunks(100) {
        let mut ids: Vec<_> = group.iter().map(|number| load::trace_id(*number).to_string()).collect();
        // Nobody has this one: `traceMany` wants two ids at least.
        ids.push("1".into());
        let (status, body) = server.get(&format!("/api/v2/traceMany?traceIds={}", ids.join(","))).unwrap();
        assert_eq!(status, 200, "{body}");
        let mut found: HashMap<TraceId, Vec<Span>> = HashMap::new();
        let traces: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
        for trace in traces {
            let mut batch = Batch::new();
            wire::json_v2::decode_list(trace.to_string().as_bytes(), &mut batch).unwrap();
            let spans: Vec<_> = batch.rows().map(|row| row.to_span()).collect();
            found.insert(spans[0].trace_id, spans);
        }
        for number in group {
            let acknowledged = all.get_mut(number).unwrap();
            let Some(mut spans) = found.remove(&load::trace_id(*number)) else {
                assert!(!*acknowledged, "round {round}: trace {number} was acknowledged and is gone");
                continue;
            };
            spans.sort_by_key(|span| span.timestamp_us);
            assert_eq!(spans, load::trace(*number), "round {round}: trace {number} is not whole");
            // Seen once, it must stay.
            *acknowledged = true;
        }
    }
}
