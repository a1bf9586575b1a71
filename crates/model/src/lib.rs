//! What a trace is: ids, spans, batches of spans, trees and links. Pure: no clock, no I/O, no serde.

pub mod batch;
pub mod columns;
pub mod draft;
pub mod endpoint;
pub mod histogram;
pub mod id;
pub mod links;
pub mod merge;
pub mod own_time;
pub mod skew;
pub mod span;
pub mod tree;
