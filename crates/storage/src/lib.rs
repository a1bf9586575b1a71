//! The port that every store fills: write, search, trace, names, links. And the plain memory store.

pub mod budget;
pub mod change;
pub mod condition;
pub mod counts;
pub mod error;
pub mod facts;
pub mod memory;
pub mod meter;
pub mod order;
pub mod port;
pub mod query;
pub mod statistics;
