//! Records spans, decides what is sampled, passes contexts on, and reports to a collector from a thread of its own.
//!
//! Nothing here waits for the network in the caller's thread, starts a thread before the first finished
//! span, or keeps more memory than [`Config`] allows.

mod clock;
mod config;
mod context;
mod destination;
mod encode;
mod fork;
mod ids;
mod link;
mod propagation;
mod queue;
mod redact;
mod reporter;
mod sampler;
mod signals;
mod span;
mod stats;
mod tracer;

pub use clock::now_us;
pub use config::{Config, ConfigError};
pub use context::TraceContext;
pub use destination::{Destination, Encoding, HttpDestination, Peer};
pub use model::endpoint::{Endpoint, EndpointRef};
pub use model::id::{SpanId, TraceId};
pub use model::span::Kind;
pub use propagation::{Caller, Carried, Format, Incoming, Propagation};
pub use redact::redact;
pub use sampler::{Hook, Request, Rule};
pub use span::ActiveSpan;
pub use stats::Stats;
pub use tracer::Tracer;
pub use wire::{b3, b3_single, traceparent};
