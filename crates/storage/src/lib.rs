//! The port that every store fills: write, search, trace, names, links. And the plain memory store.

pub mod error;
pub mod memory;
pub mod port;
pub mod query;
