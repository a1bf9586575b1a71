//! The embedded store: a journal, memtables, and immutable Parquet segments. Bytes on disk: `docs/formats/`.
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod catalog;
pub mod check;
mod compact;
mod config;
mod deleted;
pub mod engine;
mod export;
mod manifest;
mod memtable;
mod merge;
mod metrics;
mod names;
pub mod offline;
mod pins;
mod recover;
mod retain;
mod rollup;
mod search;
mod segment;
mod store;
pub mod tend;

pub use config::{Clock, Config, OpenError};
pub use names::NAMES_MAX;
pub use store::Columnar;
