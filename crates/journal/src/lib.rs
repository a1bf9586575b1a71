//! An append-only, checksummed, synced log on a [`disk::port::Disk`]; bytes on disk: `docs/formats/journal.md`.
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

pub mod error;
pub mod log;
pub mod read;
pub mod record;
pub mod replay;
