//! Tests of the layers against real sockets and the real `tracing`.

mod http;
mod sink;
mod subscriber;
