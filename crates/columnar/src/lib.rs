//! The embedded store: a journal, memtables, and immutable Parquet segments. Bytes on disk: `docs/formats/`.
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod catalog;
pub mod check;
mod config;
pub mod engine;
mod manifest;
mod memtable;
mod names;
pub mod offline;
mod recover;
mod search;
mod segment;
mod store;

pub use config::{Config, OpenError};
pub use names::NAMES_MAX;
pub use store::Columnar;
