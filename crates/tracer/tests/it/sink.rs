//! A scribe collector for tests: decodes what it is sent and answers as it is told.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use model::batch::Batch;
use model::span::Span;
use tracer::{Config, Destination, Endpoint, Kind, Tracer};
use wire::scribe::{ResultCode, decode_message, exception, read_entries, read_head, reply};

/// What the sink does with a call.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    Ok,
    TryLater,
    Exception,
    /// Neither answers nor closes.
    Silent,
    /// Closes without an answer.
    Close,
    /// Answers with bytes that are no scribe.
    Garbage,
    /// Announces an answer that no memory could hold.
    Endless,
}

/// A collector on a port of its own.
pub struct Sink {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    open: bool,
    always: Behaviour,
    next: VecDeque<Behaviour>,
    streams: Vec<TcpStream>,
    forgets: Option<&'static str>,
    seen: Seen,
}

/// What came in so far.
#[derive(Clone, Default)]
pub struct Seen {
    /// Spans of the calls answered with OK, in order.
    pub spans: Vec<Span>,
    pub connections: usize,
    pub calls: usize,
    pub frame_bytes_max: usize,
}

impl Sink {
    /// Listens on a free port and answers everything with this.
    pub fn start(always: Behaviour) -> Self {
        Self::start_at(0, always)
    }

    /// Listens on a port that was closed before.
    pub fn start_at(port: u16, always: Behaviour) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            open: true,
            always,
            next: VecDeque::new(),
            streams: Vec::new(),
            forgets: None,
            seen: Seen::default(),
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut state = shared.lock().unwrap();
                if !state.open {
                    return;
                }
                let stream = stream.unwrap();
                state.seen.connections += 1;
                state.streams.push(stream.try_clone().unwrap());
                drop(state);
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { port, state }
    }

    /// Answers the next calls with these, then as before.
    pub fn then(&self, next: &[Behaviour]) {
        self.lock().next.extend(next);
    }

    /// Answers everything with this from now on.
    pub fn always(&self, always: Behaviour) {
        self.lock().always = always;
    }

    /// Keeps no spans of this name.
    pub fn forgets(&self, name: &'static str) {
        self.lock().forgets = Some(name);
    }

    pub fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    /// Closes the listener and every connection.
    pub fn close(self) -> Seen {
        let mut state = self.lock();
        state.open = false;
        state.streams.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        drop(state);
        // Wakes the listener, which then sees that it is closed, and waits until it is.
        let address = (std::net::Ipv4Addr::LOCALHOST, self.port).into();
        until("the port is closed", || TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err());
        self.seen()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        if stream.read_exact(&mut frame).is_err() {
            return;
        }
        let (head, body) = read_head(&frame).unwrap();
        let mut batch = Batch::new();
        read_entries(&head, body, &mut |entry| {
            assert_eq!(entry.category, b"zipkin");
            wire::thrift_v1::decode_span(&decode_message(entry.message).unwrap(), &mut batch).unwrap();
        })
        .unwrap();
        let mut state = state.lock().unwrap();
        state.seen.calls += 1;
        state.seen.frame_bytes_max = state.seen.frame_bytes_max.max(frame.len());
        let behaviour = state.next.pop_front().unwrap_or(state.always);
        if let Behaviour::Ok = behaviour {
            let forgets = state.forgets;
            let kept = batch.rows().filter(|row| forgets.is_none() || row.name != forgets);
            state.seen.spans.extend(kept.map(|row| row.to_span()));
        }
        drop(state);
        let answer = match behaviour {
            Behaviour::Ok => reply(&head, ResultCode::Ok),
            Behaviour::TryLater => reply(&head, ResultCode::TryLater),
            Behaviour::Exception => exception(&head, "poison"),
            Behaviour::Garbage => b"\0\0\0\x10HTTP/1.1 400 Bad".to_vec(),
            Behaviour::Endless => b"\x7f\xff\xff\xff".to_vec(),
            Behaviour::Silent => continue,
            Behaviour::Close => {
                // The clone kept for `close` would hold the connection open.
                drop(stream.shutdown(Shutdown::Both));
                return;
            }
        };
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Long enough for any of these tests on a busy machine.
pub const LONG: Duration = Duration::from_secs(20);

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Settings that make failures and retries quick.
pub fn config(port: u16) -> Config {
    Config {
        service_name: "shop".into(),
        destination: Destination::scribe("127.0.0.1", port),
        tick: Duration::from_millis(10),
        call_timeout: Duration::from_secs(10),
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(20),
        ..Config::default()
    }
}

/// A tracer with these settings.
pub fn tracer(port: u16) -> Tracer {
    let config = config(port);
    config.check().unwrap();
    Tracer::new(config)
}

/// Who records the spans of these tests.
pub fn local() -> Arc<Endpoint> {
    Arc::new(Endpoint {
        service_name: Some("shop".into()),
        ipv4: Some([10, 0, 0, 1].into()),
        // More than 32767, which is negative on the wire.
        port: Some(54321),
        ..Endpoint::default()
    })
}

/// Finishes spans, each a trace of its own: `name` and its number.
pub fn record(tracer: &Tracer, name: &str, count: usize) {
    for number in 0..count {
        let context = tracer.join_or_start(tracer::b3::Extracted::Absent);
        let span = tracer.start(context, Some(Kind::Server), format!("{name}-{number}"), &local()).unwrap();
        tracer.finish(span);
    }
}

/// Returns the names of spans, sorted.
pub fn names(spans: &[Span]) -> Vec<&str> {
    let mut names: Vec<_> = spans.iter().map(|span| span.name.as_deref().unwrap_or("")).collect();
    names.sort_unstable();
    names
}

/// Returns the names that [`record`] gives, sorted.
pub fn expected(name: &str, count: usize) -> Vec<String> {
    let mut names: Vec<_> = (0..count).map(|number| format!("{name}-{number}")).collect();
    names.sort_unstable();
    names
}

/// Checks that every span is accounted for.
pub fn conserved(tracer: &Tracer) -> tracer::Stats {
    let stats = tracer.stats();
    assert_eq!(stats.finished, stats.sent + stats.dropped() + stats.queued, "{stats:?}");
    stats
}
