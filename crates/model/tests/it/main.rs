//! What the model makes of whole traces: merged reports, trees, links and own time.

mod histogram;
mod links;
mod merge;
mod own_time;
mod skew;
mod spans;
mod tree;
