//! From the doors to the buffer: one thread writes, and all that wait share one sync.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use collector::sink::Sink;
use futures::future::BoxFuture;
use model::batch::Batch;
use storage::error::WriteError;
use tokio::sync::oneshot;
use wire::messages::Messages;

use crate::body::Body;
use crate::entry::Entry;
use crate::redact::Redaction;
use crate::spool::Spool;
use crate::tail::Tail;

/// Messages that may wait for the disk; with more, senders are told to try again.
const WAITING_MAX: usize = 4096;
/// Most bytes written with one sync: more would only make the first wait for the last.
const GROUP_BYTES_MAX: usize = 1 << 20;
/// How often files that are done with are removed and cursors saved.
const TIDY_EVERY: Duration = Duration::from_secs(1);

type Answer = oneshot::Sender<Result<(), WriteError>>;

/// The doors' way to the buffer.
#[derive(Debug)]
pub struct Queue {
    waiting: SyncSender<(Vec<Entry>, Answer)>,
    looks: Looks,
}

/// What the queue does with spans before they are written.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// Values that are taken out.
    pub redaction: Redaction,
    /// Who judges traces.
    pub tail: Option<Arc<Tail>>,
    /// Scribe messages may be written as they came: nothing has to look at spans.
    pub takes_messages: bool,
}

/// The thread that writes.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<()>,
    ending: Arc<AtomicBool>,
}

impl Queue {
    /// Starts the thread that writes to a buffer.
    pub fn start(spool: Arc<Spool>, looks: Looks) -> io::Result<(Arc<Self>, Writer)> {
        let (waiting, received) = sync_channel(WAITING_MAX);
        let ending = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&ending);
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || write_all(&spool, &received, &ends))?;
        Ok((Arc::new(Self { waiting, looks }), Writer { thread, ending }))
    }

    /// Writes spans and returns when they are safe.
    pub async fn write(&self, body: Body) -> Result<(), WriteError> {
        let (answer, answered) = oneshot::channel();
        let entries = Entry::of(&body);
        // While it waits for the disk a message is held once.
        drop(body);
        self.waiting.try_send((entries, answer)).map_err(|error| match error {
            TrySendError::Full(_) => WriteError::Busy(format!("{WAITING_MAX} messages wait for the disk")),
            TrySendError::Disconnected(_) => WriteError::Failed("the relay has stopped".into()),
        })?;
        answered.await.unwrap_or_else(|_| Err(WriteError::Failed("the relay has stopped".into())))
    }
}

impl Writer {
    /// Writes what waits, then ends. The doors should be closed.
    pub fn end(self) {
        self.ending.store(true, Relaxed);
        if self.thread.join().is_err() {
            tracing::error!("the writing thread ended badly");
        }
    }
}

fn write_all(spool: &Spool, waiting: &Receiver<(Vec<Entry>, Answer)>, ending: &AtomicBool) {
    let mut tidied = Instant::now();
    loop {
        match waiting.recv_timeout(Duration::from_millis(100)) {
            Ok(first) => write_group(spool, first, waiting),
            Err(RecvTimeoutError::Timeout) if !ending.load(Relaxed) => {}
            Err(_) => break,
        }
        if tidied.elapsed() >= TIDY_EVERY {
            spool.tidy();
            tidied = Instant::now();
        }
    }
    spool.tidy();
}

fn write_group(spool: &Spool, first: (Vec<Entry>, Answer), waiting: &Receiver<(Vec<Entry>, Answer)>) {
    let (mut entries, mut answers) = (first.0, vec![first.1]);
    let mut bytes: usize = entries.iter().map(|entry| entry.payload().len()).sum();
    while bytes < GROUP_BYTES_MAX
        && let Ok((more, answer)) = waiting.try_recv()
    {
        bytes += more.iter().map(|entry| entry.payload().len()).sum::<usize>();
        entries.extend(more);
        answers.push(answer);
    }
    let written = spool.append(&mut entries);
    for answer in answers {
        // A sender that has gone away does not want to know.
        let _ = answer.send(written.clone());
    }
}

impl Sink for Queue {
    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<(), WriteError>> {
        Box::pin(async move {
            if let Some(tail) = &self.looks.tail {
                tail.judge(&batch);
            }
            let redacted = self.looks.redaction.apply(batch);
            self.write(redacted.map_err(|error| WriteError::Failed(error.to_string()))?.into()).await
        })
    }

    fn accept_messages(&self, messages: Messages) -> BoxFuture<'_, Result<(), WriteError>> {
        Box::pin(self.write(messages.into()))
    }

    fn takes_messages(&self) -> bool {
        self.looks.takes_messages
    }
}
