//! Tests of the tracer against real sockets.

mod alone;
mod contexts;
mod delivery;
mod destinations;
mod failures;
mod fork;
mod http_sink;
mod limits;
mod propagation;
mod sink;
mod spans;
mod transports;
