//! Traces Rust services for Zipkin: tower layers for servers and clients of HTTP and gRPC, and a `tracing` layer.
//!
//! ```
//! use spanlet_layers::{ServerLayer, Service};
//! use tracer::{Config, Destination, Tracer};
//!
//! let config = Config { destination: Destination::scribe("127.0.0.1", 9410), ..Config::default() };
//! let service = Service::new(Tracer::new(config), "shop");
//! let app: axum::Router = axum::Router::new().layer(ServerLayer::new(&service));
//! ```

mod body;
mod client;
mod recording;
mod scope;
mod server;
mod subscriber;

pub use body::TracedBody;
pub use client::{ClientLayer, TracedClient};
pub use scope::{InScope, Scope, ScopeExt, Service, current};
pub use server::{ServerLayer, TracedServer};
pub use subscriber::SpanLayer;
pub use tracer;
