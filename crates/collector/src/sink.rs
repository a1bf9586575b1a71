//! Where doors put spans: all that they need of a store, or of a relay's buffer.

use std::sync::Arc;

use futures::future::BoxFuture;
use model::batch::Batch;
use storage::error::WriteError;
use storage::port::Storage;
use wire::messages::Messages;

/// Takes spans whole or not at all, and returns when they are as safe as it promises.
pub trait Sink: Send + Sync + 'static {
    /// Takes a batch.
    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<(), WriteError>>;

    /// Takes the messages of a scribe call undecoded. Asked only when [`takes_messages`](Self::takes_messages).
    fn accept_messages(&self, messages: Messages) -> BoxFuture<'_, Result<(), WriteError>> {
        drop(messages);
        Box::pin(async { Err(WriteError::Failed("messages are not taken undecoded".into())) })
    }

    /// Says whether messages of scribe calls should come undecoded; no sampler sees them.
    fn takes_messages(&self) -> bool {
        false
    }
}

/// A store as a sink.
pub(crate) struct Store(pub(crate) Arc<dyn Storage>);

impl Sink for Store {
    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<(), WriteError>> {
        Box::pin(async move { self.0.accept(batch).await.map(|_stored| ()) })
    }
}
