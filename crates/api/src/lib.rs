//! The HTTP face: Zipkin's v2 query API, extensions, health, metrics, and the embedded page.

pub mod config;
pub mod edge;
pub mod metrics;
pub mod relays;
pub mod reply;
pub mod requests;

mod cors;
mod cost;
mod extensions;
mod fixed;
mod health;
mod names;
mod params;
mod process;
mod routes;
mod target;
mod timeout;
mod traces;
mod ui;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use storage::port::Storage;

pub use routes::{paths, router};

/// What the routes answer from.
#[derive(Clone)]
pub struct Sources {
    /// Where spans are.
    pub storage: Arc<dyn Storage>,
    /// Reads the current time, milliseconds since the epoch.
    pub now_ms: fn() -> u64,
    /// Names of started collectors for the health page, such as `ScribeCollector{port=9410, category=zipkin}`.
    pub collectors: Arc<[String]>,
    /// Counters of each transport.
    pub transports: metrics::Transports,
    /// Figures of what is around the routes, such as listeners.
    pub figures: metrics::Figures,
}

/// What every route can reach. Clones are the same.
#[derive(Clone)]
pub struct Api {
    config: Arc<config::Config>,
    sources: Sources,
    requests: requests::Requests,
    /// How many services the latest list of them had: from a few on, browsers may keep names.
    services_seen: Arc<AtomicUsize>,
    /// Held while the store's health is checked.
    health_turn: Arc<tokio::sync::Mutex<()>>,
    relays: Arc<relays::Relays>,
    started: Instant,
}

impl Api {
    /// Returns an API with these settings, which answers from these sources.
    pub fn new(config: config::Config, sources: Sources) -> Self {
        Self {
            config: Arc::new(config),
            sources,
            requests: requests::Requests::new(routes::counted()),
            services_seen: Arc::default(),
            health_turn: Arc::default(),
            relays: Arc::default(),
            started: Instant::now(),
        }
    }

    fn storage(&self) -> &dyn Storage {
        &*self.sources.storage
    }
}
