//! What a server is told when it starts.

use std::net::SocketAddr;

/// The settings of the embedded engine.
pub use columnar::Config as Embedded;

/// The settings of the collectors.
pub use collector::doors::Config as Doors;

/// The settings of the query API and the page.
pub use api::config::{Config as Answers, Ui};

/// Everything a server needs to know, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the query API, the page and the HTTP collector listen.
    pub http_listen: SocketAddr,
    /// Where the scribe collector listens; nothing switches it off.
    pub scribe_listen: Option<SocketAddr>,
    /// Where spans are kept.
    pub store: Store,
    /// What the query API and the page do.
    pub api: Answers,
    /// Which doors are open, and what they grant.
    pub doors: Doors,
}

/// Where spans are kept.
#[derive(Clone, Debug)]
pub enum Store {
    /// The embedded engine: durable, in a directory.
    Embedded(Embedded),
    /// In memory only: gone with the process.
    Memory {
        /// Above this many, whole oldest traces are forgotten.
        spans_max: usize,
    },
}
