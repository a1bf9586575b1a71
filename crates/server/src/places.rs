//! Places for the connections of a listener: where all are taken, the connection that was idle longest has to go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long to wait for a place before the next idle connection is asked to go.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The places of one listener.
#[derive(Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    taken: Mutex<Vec<Weak<Place>>>,
    evicted: Arc<AtomicU64>,
}

/// The place of one connection, free again when dropped.
#[derive(Debug)]
pub struct Place {
    idle_since: Mutex<Option<Instant>>,
    wanted: Notify,
    evicted: Arc<AtomicU64>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// Returns this many places. Connections that had to go are counted.
    pub fn new(connections_max: usize, evicted: Arc<AtomicU64>) -> Self {
        Self { free: Arc::new(Semaphore::new(connections_max)), taken: Mutex::default(), evicted }
    }

    /// Returns a place for a connection, which counts as idle. Where all connections are busy it waits for one.
    pub async fn take(&self) -> Arc<Place> {
        let permit = loop {
            let free = Arc::clone(&self.free);
            if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
                break permit;
            }
            self.evict();
            // Never closed, so what it waits for is a permit.
            if let Ok(Ok(permit)) = timeout(LOOK_AGAIN, free.acquire_owned()).await {
                break permit;
            }
        };
        let idle_since = Mutex::new(Some(Instant::now()));
        let evicted = Arc::clone(&self.evicted);
        let place = Arc::new(Place { idle_since, wanted: Notify::new(), evicted, _permit: permit });
        let mut taken = lock(&self.taken);
        if taken.len() == taken.capacity() {
            taken.retain(|place| place.strong_count() > 0);
        }
        taken.push(Arc::downgrade(&place));
        place
    }

    /// Asks the connection that was idle longest to go.
    pub fn evict(&self) {
        let taken = lock(&self.taken);
        let places = taken.iter().filter_map(Weak::upgrade);
        let idle = places.filter_map(|place| Some((place.idle_since()?, place)));
        if let Some((_, place)) = idle.min_by_key(|(since, _)| *since) {
            place.wanted.notify_one();
        }
    }
}

impl Place {
    /// The connection has something to do: its place is its own.
    pub fn busy(&self) {
        *lock(&self.idle_since) = None;
    }

    /// The connection has done it.
    pub fn idle(&self) {
        *lock(&self.idle_since) = Some(Instant::now());
    }

    /// Returns since when the connection is idle, if it is.
    pub fn idle_since(&self) -> Option<Instant> {
        *lock(&self.idle_since)
    }

    /// Waits until the connection has to go.
    pub async fn wanted(&self) {
        loop {
            self.wanted.notified().await;
            // It may have become busy since it was chosen.
            if self.idle_since().is_some() {
                self.evicted.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

/// Plain values: nothing is left half-done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
