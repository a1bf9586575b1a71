//! A small world: a buffer on a faulty disk, spans that are numbers, and a far side that keeps what it takes.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use disk::faulty::Faulty;
use disk::port::Disk;
use relay::body::Body;
use relay::config::{Retry, Spool as Config};
use relay::entry::Entry;
use relay::far::{Answer, Far};
use relay::sender::Sender;
use relay::spool::{OpenError, Spool};
use storage::error::WriteError;
use wire::messages::Messages;

pub const DIR: &str = "/data";

pub fn disk(seed: u64) -> Faulty {
    let disk = Faulty::new(seed);
    disk.create_dir_all(Path::new(DIR)).unwrap();
    disk
}

/// Everything is due at once, and files end soon.
pub fn config() -> Config {
    Config { flush_interval: Duration::ZERO, chunk_limit_bytes: 400, ..Config::new(DIR) }
}

/// Nobody waits for anything.
pub fn retry() -> Retry {
    Retry { wait: Duration::ZERO, max_wait: Duration::ZERO, ..Retry::default() }
}

pub fn open(disk: &Faulty, config: Config, routes: usize) -> Result<Arc<Spool>, OpenError> {
    let names: Vec<String> = (0..routes).map(|route| format!("far {route}")).collect();
    Spool::open(Arc::new(disk.clone()), config, &names).map(Arc::new)
}

/// Accepts one message of spans with these numbers.
pub fn accept(spool: &Spool, numbers: &[u64]) -> Result<(), WriteError> {
    let mut messages = Messages::default();
    numbers.iter().for_each(|number| messages.push(format!("span {number}").as_bytes()));
    spool.append(&mut Entry::of(&messages.into()))
}

/// Returns the numbers of spans.
pub fn numbers(body: &Body) -> Vec<u64> {
    let Body::Messages(messages) = body else { panic!("decoded: {body:?}") };
    let number =
        |message: &[u8]| std::str::from_utf8(message).unwrap().strip_prefix("span ").unwrap().parse();
    messages.iter().map(|message| number(message).unwrap()).collect()
}

/// A far side. Clones are the same.
#[derive(Clone, Default)]
pub struct Shelf {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    taken: Vec<u64>,
    calls: usize,
    /// What it says to the next calls; then it takes everything.
    moods: VecDeque<Mood>,
    poison: Vec<u64>,
}

/// What a far side does with a call.
#[derive(Clone, Copy, Debug)]
pub enum Mood {
    Takes,
    /// Says to come again.
    Busy,
    /// Takes the spans, and dies before it says so.
    DiesAfter,
}

impl Shelf {
    /// Says what it does with the next calls.
    pub fn moods(&self, moods: impl IntoIterator<Item = Mood>) {
        self.state.lock().unwrap().moods.extend(moods);
    }

    /// Has calls refused that hold one of these.
    pub fn poison(&self, numbers: &[u64]) {
        self.state.lock().unwrap().poison.extend(numbers);
    }

    /// Returns what was taken, in order.
    pub fn taken(&self) -> Vec<u64> {
        self.state.lock().unwrap().taken.clone()
    }

    pub fn calls(&self) -> usize {
        self.state.lock().unwrap().calls
    }

    /// Returns a sender for a route.
    pub fn sender(&self, spool: &Arc<Spool>, route: usize) -> Sender {
        Sender::new(Arc::clone(spool), route, vec![Box::new(self.clone())], retry())
    }
}

impl Far for Shelf {
    fn name(&self) -> &str {
        "shelf"
    }

    fn send(&mut self, body: &Body) -> Answer {
        let state = &mut *self.state.lock().unwrap();
        state.calls += 1;
        let numbers = numbers(body);
        let mood = state.moods.pop_front().unwrap_or(Mood::Takes);
        let later = Answer::Later { why: "busy".into(), after: None };
        if matches!(mood, Mood::Busy) {
            return later;
        }
        if numbers.iter().any(|number| state.poison.contains(number)) {
            return Answer::Refused("poison".into());
        }
        state.taken.extend(numbers);
        if matches!(mood, Mood::DiesAfter) { later } else { Answer::Taken }
    }
}

/// Sends until nothing is left.
pub fn drain(spool: &Spool, senders: &mut [Sender]) {
    for (route, sender) in senders.iter_mut().enumerate() {
        while spool.figures().routes[route].backlog_spans > 0 {
            assert!(sender.step());
        }
    }
}

/// All accepted numbers arrived, in order when each is looked at once.
pub fn check(accepted: &[u64], taken: &[u64], what: &str) {
    let mut seen = std::collections::BTreeSet::new();
    let first: Vec<u64> = taken.iter().copied().filter(|number| seen.insert(*number)).collect();
    for number in accepted {
        assert!(seen.contains(number), "{what}: {number} was accepted and did not arrive: {taken:?}");
    }
    assert!(first.is_sorted(), "{what}: out of order: {taken:?}");
}
