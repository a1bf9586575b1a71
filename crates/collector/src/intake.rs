//! What all doors share: a limit on bytes being worked on, the counters, and the way to the store.

use std::sync::Arc;

use model::batch::Batch;
use storage::error::WriteError;
use storage::port::Storage;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::messages::Messages;

use crate::metrics::{LeftOut, TransportMetrics};
use crate::refusal::{Reason, Refusal};
use crate::sampler::Sampler;
use crate::sink::{Sink, Store};

/// When a sender that was told to try again should do so.
pub const RETRY_AFTER_S: u64 = 1;

/// Bytes are counted in units of this size, so that small messages have a price too.
const UNIT_BYTES: usize = 1024;

/// A message of at least so many bytes may take milliseconds to read; a packed one can be a thousand times as large.
const HEAVY_BYTES_MIN: usize = 64 * 1024;
const HEAVY_PACKED_BYTES_MIN: usize = 4 * 1024;

/// One door's way to the store. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    sink: Arc<dyn Sink>,
    metrics: Arc<TransportMetrics>,
    budget: Budget,
    sampler: Sampler,
}

/// Limits the bytes of messages that all doors together hold in memory.
#[derive(Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    units_max: usize,
    /// One for each heavy message that may be read at a time.
    turns: Arc<Semaphore>,
}

/// Room for a message, taken as its bytes come in and given back when dropped.
pub struct Room {
    units: Arc<Semaphore>,
    units_max: usize,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// The budget is used up: the sender should try again.
    Now,
    /// It is more than the whole budget: to try again would not help.
    Ever,
}

impl Budget {
    /// Returns a budget of this many bytes.
    pub fn new(bytes_max: usize) -> Self {
        let units_max = bytes_max / UNIT_BYTES;
        // One processor reads millions of spans a second; the others have connections and the store to serve, and
        // hostile messages take thirty times their size in memory while they are read.
        let turns = std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
        Self { units: Arc::new(Semaphore::new(units_max)), units_max, turns: Arc::new(Semaphore::new(turns)) }
    }

    /// Returns how many bytes are taken now.
    pub fn bytes_taken(&self) -> usize {
        (self.units_max - self.units.available_permits()) * UNIT_BYTES
    }

    /// Returns room for no bytes yet.
    pub fn room(&self) -> Room {
        Room { units: Arc::clone(&self.units), units_max: self.units_max, held: None, bytes: 0 }
    }
}

impl Room {
    /// Takes room for more bytes.
    pub fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let units = self.units_for(bytes)?;
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units).map_err(|_| NoRoom::Now)?;
        self.keep(bytes, permit);
        Ok(())
    }

    /// Returns how many bytes it covers.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more room if it covers fewer bytes than these.
    pub fn cover(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.grow(bytes.saturating_sub(self.bytes))
    }

    /// Waits for room for more bytes. More than the whole budget is never granted.
    pub async fn wait(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let units = self.units_for(bytes)?;
        let permit = Arc::clone(&self.units).acquire_many_owned(units).await.map_err(|_| NoRoom::Now)?;
        self.keep(bytes, permit);
        Ok(())
    }

    fn units_for(&self, bytes: usize) -> Result<u32, NoRoom> {
        let held = self.bytes.div_ceil(UNIT_BYTES);
        let wanted = self.bytes.saturating_add(bytes).div_ceil(UNIT_BYTES);
        if wanted > self.units_max {
            return Err(NoRoom::Ever);
        }
        u32::try_from(wanted - held).map_err(|_| NoRoom::Ever)
    }

    fn keep(&mut self, bytes: usize, permit: OwnedSemaphorePermit) {
        self.bytes += bytes;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
    }
}

impl Intake {
    /// Joins a door to the store.
    pub fn new(
        storage: Arc<dyn Storage>,
        metrics: Arc<TransportMetrics>,
        budget: Budget,
        sampler: Sampler,
    ) -> Self {
        Self::over(Arc::new(Store(storage)), metrics, budget, sampler)
    }

    /// Joins a door to something else that takes spans.
    pub fn over(
        sink: Arc<dyn Sink>,
        metrics: Arc<TransportMetrics>,
        budget: Budget,
        sampler: Sampler,
    ) -> Self {
        Self { sink, metrics, budget, sampler }
    }

    /// Says whether messages of scribe calls are stored undecoded.
    pub fn takes_messages(&self) -> bool {
        self.sink.takes_messages()
    }

    /// Returns the door's counters.
    pub fn metrics(&self) -> &TransportMetrics {
        &self.metrics
    }

    /// Returns room for no bytes yet, out of the budget of all doors.
    pub fn room(&self) -> Room {
        self.budget.room()
    }

    /// Counts a message and what became of it.
    pub async fn count<T>(&self, taken: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        self.metrics.message();
        taken.await.inspect_err(|Refusal { reason, text }| {
            self.metrics.refused(*reason);
            tracing::debug!(
                transport = self.metrics.transport,
                reason = reason.label(),
                text,
                "message refused"
            );
        })
    }

    /// Reads a message of so many bytes by doing this work: at once if it is small, else when it is its turn, and without
    /// keeping the other connections of this thread from theirs.
    pub async fn read<T>(&self, bytes: usize, packed: bool, work: impl FnOnce() -> T + Send) -> T {
        let heavy = bytes >= if packed { HEAVY_PACKED_BYTES_MIN } else { HEAVY_BYTES_MIN };
        // A runtime of one thread has nobody to hand its connections to.
        let alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        if !heavy || alone {
            return work();
        }
        let turn = self.budget.turns.acquire().await;
        let read = tokio::task::block_in_place(work);
        drop(turn);
        read
    }

    /// Stores a batch, of whose message so many other spans were rejected. Returns only when the batch is as safe as
    /// the store promises, so that the caller may acknowledge.
    pub async fn accept(&self, batch: Batch, rejected: usize, room: &mut Room) -> Result<(), Refusal> {
        // Spans can be larger in the store's form than in the message.
        room.cover(batch.as_bytes().len())?;
        let received = batch.len();
        self.metrics.spans(received + rejected);
        self.metrics.left_out(LeftOut::Rejected, rejected);
        let batch = self.sampler.sample(batch);
        let spans = batch.len();
        self.metrics.left_out(LeftOut::Sampled, received - spans);
        if spans == 0 {
            return Ok(());
        }
        self.stored(self.sink.accept(batch).await, spans)
    }

    /// Stores the messages of a scribe call undecoded, each of which should be one span.
    pub async fn accept_messages(&self, messages: Messages, room: &mut Room) -> Result<(), Refusal> {
        room.cover(messages.as_bytes().len())?;
        let spans = messages.len();
        self.metrics.spans(spans);
        if spans == 0 {
            return Ok(());
        }
        self.stored(self.sink.accept_messages(messages).await, spans)
    }

    fn stored(&self, stored: Result<(), WriteError>, spans: usize) -> Result<(), Refusal> {
        stored.map_err(|error| {
            self.metrics.left_out(LeftOut::Store, spans);
            Refusal::new(Reason::Store, error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_limited_and_given_back() {
        let budget = Budget::new(10 * UNIT_BYTES);
        let (mut first, mut second) = (budget.room(), budget.room());
        assert_eq!(first.grow(1), Ok(()));
        assert_eq!(first.grow(8 * UNIT_BYTES), Ok(()));
        assert_eq!(second.grow(UNIT_BYTES), Ok(()));
        assert_eq!(second.grow(1), Err(NoRoom::Now));
        drop(first);
        assert_eq!(second.grow(9 * UNIT_BYTES), Ok(()));
        assert_eq!(budget.room().grow(usize::MAX), Err(NoRoom::Ever));
        assert_eq!(budget.bytes_taken(), 10 * UNIT_BYTES);
        second.cover(9 * UNIT_BYTES).unwrap();
        assert_eq!(second.cover(10 * UNIT_BYTES + 1), Err(NoRoom::Ever));
    }
}
