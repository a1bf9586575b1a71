//! Tests of the tracer against real sockets.

mod alone;
mod contexts;
mod delivery;
mod failures;
mod fork;
mod limits;
mod sink;
mod spans;
