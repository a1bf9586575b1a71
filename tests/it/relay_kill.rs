//! Promise P10: what a relay accepted arrives, whatever the far side does and however often the relay is killed.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use e2e::far::{Far, MOODS, Mood};
use e2e::load;
use e2e::relay::{Relay, command};
use e2e::server::agent;
use wire::scribe::ResultCode;

use crate::doors::scribe_log;

/// How long relays are killed and started again; `SPANLET_RELAY_KILLS` counts rounds instead.
const BUDGET: Duration = Duration::from_secs(12);
const ROUNDS_MIN: usize = 5;
const WRITERS: u64 = 4;

/// Traces of one writer: numbers of the form `writer + WRITERS * n`, in order.
#[derive(Default)]
struct Sent {
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<u64>>,
}

#[test]
fn accepted_spans_arrive_after_kill_9() {
    let data_dir = tempfile::tempdir().unwrap();
    let far = Far::start().unwrap();
    let sent: Vec<Sent> = (0..WRITERS).map(|_| Sent::default()).collect();
    let rounds: Option<usize> = std::env::var("SPANLET_RELAY_KILLS").ok().and_then(|text| text.parse().ok());
    let seed = std::env::var("SPANLET_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SPANLET_SEED={seed}");
    let (mut random, started, mut round) = (fastrand::Rng::with_seed(seed), Instant::now(), 0);
    let url = far.url();
    let flags = ["--to", &url, "--flush-interval", "20ms", "--chunk-limit", "64k"];
    let flags =
        [&flags[..], &["--retry-wait", "5ms", "--retry-max-wait", "100ms", "--timeout", "300ms"]].concat();
    while rounds.map_or(round < ROUNDS_MIN || started.elapsed() < BUDGET, |rounds| round < rounds) {
        far.set(MOODS[round % MOODS.len()]);
        let relay = Relay::start(data_dir.path(), &flags).unwrap();
        load_until_killed(relay, &sent, Duration::from_micros(random.u64(30_000..250_000)), || {
            far.set(MOODS[random.usize(..MOODS.len())]);
        });
        if random.u8(..4) == 0 {
            // A start itself can be cut off anywhere.
            let mut starting = command(data_dir.path(), &flags).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            starting.kill().unwrap();
            starting.wait().unwrap();
        }
        round += 1;
    }
    far.set(Mood::Takes);
    let relay = Relay::start(data_dir.path(), &flags).unwrap();
    relay.drained(Duration::from_secs(60)).unwrap();
    let acknowledged: usize = sent.iter().map(|sent| check(sent, &far)).sum();
    let copies = far.taken(|taken| taken.spans.values().sum::<usize>() as f64 / taken.spans.len() as f64);
    println!("{round} kills: {acknowledged} traces were accepted, each span came {copies:.3} times");
    assert!(acknowledged > 100, "only {acknowledged} traces were accepted: the test is too weak");
    assert!(relay.terminate().unwrap().success());
}

fn load_until_killed(relay: Relay, sent: &[Sent], life: Duration, mut change_mood: impl FnMut()) {
    let killed = AtomicBool::new(false);
    let (http, scribe) = (format!("http://{}/api/v2/spans", relay.http), relay.scribe);
    std::thread::scope(|scope| {
        for (writer, sent) in (0..).zip(sent) {
            let (killed, http) = (&killed, &http);
            scope.spawn(move || {
                let mut stream = None;
                while !killed.load(Ordering::Relaxed) {
                    let number = writer + WRITERS * sent.next.fetch_add(1, Ordering::Relaxed);
                    let accepted = match writer % 2 {
                        0 => post(http, number),
                        _ => log(scribe, &mut stream, number),
                    };
                    if accepted {
                        sent.acknowledged.lock().unwrap().insert(number);
                    }
                }
            });
        }
        std::thread::sleep(life / 2);
        change_mood();
        std::thread::sleep(life / 2);
        relay.kill().unwrap();
        killed.store(true, Ordering::Relaxed);
    });
}

fn post(url: &str, number: u64) -> bool {
    let mut body = String::new();
    wire::json_v2::write_list(&mut body, &load::trace(number));
    agent().post(url).send(&body).is_ok_and(|response| response.status() == 202)
}

fn log(address: std::net::SocketAddr, stream: &mut Option<TcpStream>, number: u64) -> bool {
    let connected = stream.take().map_or_else(|| TcpStream::connect(address), Ok);
    let Ok(mut connected) = connected else { return false };
    let accepted = matches!(scribe_log(&mut connected, &load::trace(number)), Ok(ResultCode::Ok));
    *stream = accepted.then_some(connected);
    accepted
}

/// Every span of every acknowledged trace is there, and traces of one writer came in its order.
fn check(sent: &Sent, far: &Far) -> usize {
    let acknowledged = sent.acknowledged.lock().unwrap();
    far.taken(|taken| {
        let mut place = std::collections::HashMap::new();
        for (at, (trace_id, _)) in taken.order.iter().enumerate() {
            place.entry(*trace_id).or_insert(at);
        }
        let mut last = 0;
        for number in acknowledged.iter() {
            for span in load::trace(*number) {
                let there = taken.spans.contains_key(&(span.trace_id, span.id));
                assert!(there, "trace {number} was accepted, and span {} did not arrive", span.id);
            }
            let at = place[&load::trace_id(*number)];
            assert!(at >= last, "trace {number} came out of order");
            last = at;
        }
    });
    acknowledged.len()
}
