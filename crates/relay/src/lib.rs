//! Store and forward: spans are accepted when they are on disk, and leave it when the far side has said OK.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod announce;
pub mod body;
pub mod config;
pub mod cursors;
pub mod dead;
pub mod entry;
pub mod far;
pub mod figures;
pub mod forward;
pub mod outgoing;
pub mod queue;
pub mod redact;
pub mod run;
pub mod sender;
pub mod spool;
pub mod status;
pub mod tail;

mod board;
