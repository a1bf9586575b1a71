//! The doors through which spans come in. Each door turns bytes into a batch; [`intake`] hands it to the store
//! and only then is the sender answered.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod body;
pub mod doors;
pub mod grpc;
pub mod http;
pub mod intake;
pub mod metrics;
pub mod otlp;
pub mod refusal;
pub mod sampler;
pub mod scribe;
pub mod sink;

mod idle;
