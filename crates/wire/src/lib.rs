//! Zipkin's formats on the wire, both ways, and OpenTelemetry's. Sans I/O: bytes in, spans out; no socket, no clock, no panic.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod b3;
pub mod b3_single;
pub mod detect;
pub mod error;
pub mod grpc;
pub mod json_v1;
pub mod json_v2;
pub mod messages;
pub mod otlp;
pub mod otlp_write;
pub mod proto3;
pub mod proto3_draft;
pub mod proto3_write;
pub mod scribe;
pub mod thrift_v1;
pub mod thrift_write;
pub mod traceparent;

mod json;
mod json_list;
mod json_path;
mod list;
mod protobuf;
mod protobuf_write;
mod tbinary;
mod text;
mod v1;
