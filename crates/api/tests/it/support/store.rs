//! Stores that do not work, each in its own way.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;

use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};
use model::batch::Batch;
use model::id::TraceId;
use storage::change::{Change, ChangeError};
use storage::counts::{Count, Grid, Hints};
use storage::error::{ReadError, WriteError};
use storage::meter::Meter;
use storage::port::{Found, Metric, Names, Storage, Stored, Trace};
use storage::query::{Query, Window};
use storage::statistics::{Asked, Dependency, Statistics};

/// Fails at everything, after it has read seven bytes.
pub struct Ailing;

/// Never answers a question.
pub struct Silent;

/// Its health can be known only when it is told to say it.
pub struct Stuck {
    told: Mutex<Receiver<()>>,
    /// How many times somebody asked for it.
    pub asked: AtomicUsize,
}

impl Stuck {
    /// Returns one that is told by the other end.
    pub fn new(told: Receiver<()>) -> Self {
        Self { told: told.into(), asked: AtomicUsize::new(0) }
    }
}

/// What a broken store says.
pub const BROKEN: &str = "the disk is gone";

type Answer<'a, T> = BoxFuture<'a, Result<T, ReadError>>;

macro_rules! broken_storage {
    ($store:ty, $answer:expr, $health:expr) => {
        impl Storage for $store {
            fn describe(&self) -> String {
                concat!(stringify!($store), "{}").to_owned()
            }
            fn accept(&self, _: Batch) -> BoxFuture<'_, Result<Stored, WriteError>> {
                ready(Err(WriteError::Failed(BROKEN.to_owned()))).boxed()
            }
            fn traces(&self, _: Vec<TraceId>) -> Answer<'_, Vec<Trace>> {
                $answer
            }
            fn search(&self, _: Query) -> Answer<'_, Found> {
                $answer
            }
            fn count(&self, _: Query, _: Grid) -> Answer<'_, Vec<Count>> {
                $answer
            }
            fn hints(&self, _: Query) -> Answer<'_, Hints> {
                $answer
            }
            fn names(&self, _: Names) -> Answer<'_, Vec<String>> {
                $answer
            }
            fn dependencies(&self, _: Window) -> Answer<'_, Vec<Dependency>> {
                $answer
            }
            fn statistics(&self, _: Asked) -> Answer<'_, Statistics> {
                $answer
            }
            fn change(&self, _: Change) -> BoxFuture<'_, Result<(), ChangeError>> {
                ready(Err(ChangeError::Failed(BROKEN.to_owned()))).boxed()
            }
            fn pins(&self) -> Answer<'_, Vec<TraceId>> {
                $answer
            }
            fn health(&self) -> Result<(), String> {
                let health: fn(&Self) -> Result<(), String> = $health;
                health(self)
            }
            fn metrics(&self) -> Vec<Metric> {
                Vec::new()
            }
        }
    };
}

broken_storage!(
    Ailing,
    {
        Meter::current().add_bytes(7);
        ready(Err(ReadError::Failed(BROKEN.to_owned()))).boxed()
    },
    |_| Err(BROKEN.to_owned())
);
broken_storage!(Silent, pending().boxed(), |_| Ok(()));
broken_storage!(Stuck, pending().boxed(), |stuck| {
    stuck.asked.fetch_add(1, Relaxed);
    stuck.told.lock().unwrap().recv().map_err(|error| error.to_string())
});
