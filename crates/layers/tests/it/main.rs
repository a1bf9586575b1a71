//! Tests of the layers against real sockets and the real `tracing`.

mod clients;
mod examples;
mod http;
mod sink;
mod subscriber;
