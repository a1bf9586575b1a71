//! Promises P1 and P2: what was acknowledged survives kill -9; what was not is there whole or not at all.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use e2e::load;
use e2e::server::{Server, agent};
use model::span::Span;

const ROUNDS: usize = 20;
const SEGMENTS_MIN: f64 = 20.0;
const WRITERS: usize = 4;

/// What became of each trace that was sent.
#[derive(Default)]
struct Sent {
    next: AtomicU64,
    acknowledged: Mutex<BTreeMap<u64, bool>>,
}

impl Sent {
    fn begin(&self) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.acknowledged.lock().unwrap().insert(number, false);
        number
    }

    fn acknowledge(&self, number: u64) {
        self.acknowledged.lock().unwrap().insert(number, true);
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
    let sent = Sent::default();
    for round in 0..ROUNDS {
        let server = Server::start(data_dir.path(), &["--memtable-bytes", "200000"]).unwrap();
        verify(&server, &sent, round);
        load_until_killed(server, &sent, Duration::from_micros(random.u64(100_000..700_000)));
        if random.u8(..4) == 0 {
            // Recovery itself can be cut off anywhere.
            let mut starting = e2e::server::command(data_dir.path(), &[]).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            starting.kill().unwrap();
            starting.wait().unwrap();
        }
    }
    let server = Server::start(data_dir.path(), &[]).unwrap();
    verify(&server, &sent, ROUNDS);
    let segments = server.metric("spanlet_segments").unwrap();
    let all = sent.acknowledged.lock().unwrap();
    let acknowledged = all.values().filter(|acknowledged| **acknowledged).count();
    println!("{acknowledged} of {} traces were acknowledged, {segments} segments", all.len());
    assert!(acknowledged > 500, "only {acknowledged} traces were acknowledged: the test is too weak");
    assert!(segments >= SEGMENTS_MIN, "only {segments} segments were sealed: the test is too weak");
}

fn load_until_killed(server: Server, sent: &Sent, life: Duration) {
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
        server.kill().unwrap();
        killed.store(true, Ordering::Relaxed);
    });
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

/// Reads back every trace that was ever sent.
fn verify(server: &Server, sent: &Sent, round: usize) {
    for (number, acknowledged) in sent.acknowledged.lock().unwrap().iter_mut() {
        let (status, body) = server.get(&format!("/api/v2/trace/{}", load::trace_id(*number))).unwrap();
        let mut found: Vec<Span> = Vec::new();
        if status == 200 {
            let mut batch = model::batch::Batch::new();
            wire::json_v2::decode_list(body.as_bytes(), &mut batch).unwrap();
            found = batch.rows().map(|row| row.to_span()).collect();
        }
        if found.is_empty() && !*acknowledged {
            continue;
        }
        found.sort_by_key(|span| span.timestamp_us);
        assert_eq!(
            found,
            load::trace(*number),
            "round {round}, trace {number}, acknowledged: {acknowledged}"
        );
        // Seen once, it must stay.
        *acknowledged = true;
    }
}
