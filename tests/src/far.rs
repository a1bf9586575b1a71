//! A scribe collector that keeps what it takes, and can refuse, stall, reset, answer TRY_LATER and die in mid-call.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::batch::Batch;
use model::id::{SpanId, TraceId};
use wire::scribe::{self, ResultCode};

/// What it does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    /// Takes them.
    Takes,
    /// Closes each connection at once.
    Refuses,
    /// Reads and does not answer.
    Stalls,
    /// Reads half a call and resets the connection.
    Resets,
    /// Answers TRY_LATER.
    TryLater,
    /// Takes the spans, and half of the answer is all that is heard of it.
    Dies,
}

/// All moods.
pub const MOODS: [Mood; 6] =
    [Mood::Takes, Mood::Refuses, Mood::Stalls, Mood::Resets, Mood::TryLater, Mood::Dies];

/// How long it stalls.
const STALL: Duration = Duration::from_millis(400);

/// The collector. It ends with the process.
#[derive(Clone)]
pub struct Far {
    /// Where it listens.
    pub address: SocketAddr,
    mood: Arc<AtomicU8>,
    taken: Arc<Mutex<Taken>>,
}

/// What it has.
#[derive(Default)]
pub struct Taken {
    /// How often each span came.
    pub spans: HashMap<(TraceId, SpanId), usize>,
    /// Every span once, in the order of arrival.
    pub order: Vec<(TraceId, SpanId)>,
}

impl Far {
    /// Starts one that takes everything.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let far = Self { address: listener.local_addr()?, mood: Arc::default(), taken: Arc::default() };
        let accepting = far.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let far = accepting.clone();
                std::thread::spawn(move || {
                    let _ = far.converse(stream);
                });
            }
        });
        Ok(far)
    }

    /// Changes what it does.
    pub fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// Returns its address as `--to` takes it.
    pub fn url(&self) -> String {
        format!("scribe://{}", self.address)
    }

    /// Looks at what it has.
    pub fn taken<T>(&self, look: impl FnOnce(&Taken) -> T) -> T {
        look(&self.taken.lock().expect("no panic while locked"))
    }

    fn mood(&self) -> Mood {
        MOODS[usize::from(self.mood.load(Ordering::Relaxed)) % MOODS.len()]
    }

    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            if self.mood() == Mood::Refuses {
                return Ok(());
            }
            let mut length = [0; 4];
            stream.read_exact(&mut length)?;
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            let mood = self.mood();
            if matches!(mood, Mood::Resets | Mood::Refuses) {
                let half = frame.len() / 2;
                // Closed with bytes unread: the sender sees a reset.
                return stream.read_exact(&mut frame[..half]);
            }
            stream.read_exact(&mut frame)?;
            if mood == Mood::Stalls {
                std::thread::sleep(STALL);
                return Ok(());
            }
            let (head, body) = scribe::read_head(&frame).map_err(io::Error::other)?;
            if mood == Mood::TryLater {
                stream.write_all(&scribe::reply(&head, ResultCode::TryLater))?;
                continue;
            }
            let batch = match decode(&head, body) {
                Ok(batch) => batch,
                Err(why) => {
                    stream.write_all(&scribe::exception(&head, &why))?;
                    continue;
                }
            };
            self.keep(&batch);
            let reply = scribe::reply(&head, ResultCode::Ok);
            if mood == Mood::Dies {
                return stream.write_all(&reply[..reply.len() / 2]);
            }
            stream.write_all(&reply)?;
        }
    }

    fn keep(&self, batch: &Batch) {
        let taken = &mut *self.taken.lock().expect("no panic while locked");
        for row in batch.rows() {
            let count = taken.spans.entry((row.trace_id, row.id)).or_default();
            *count += 1;
            if *count == 1 {
                taken.order.push((row.trace_id, row.id));
            }
        }
    }
}

fn decode(head: &scribe::Head<'_>, body: &[u8]) -> Result<Batch, String> {
    let (mut batch, mut bad) = (Batch::new(), None);
    scribe::read_entries(head, body, &mut |entry| {
        let decoded =
            scribe::decode_message(entry.message).map_err(|error| error.to_string()).and_then(|span| {
                wire::thrift_v1::decode_span(&span, &mut batch).map_err(|error| error.to_string())
            });
        bad = bad.take().or(decoded.err());
    })
    .map_err(|error| error.to_string())?;
    bad.map_or(Ok(batch), Err)
}
