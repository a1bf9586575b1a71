//! Tests of the wire crate through its public functions.

mod agree;
mod any_bytes;
mod b3;
mod b3_single;
mod detect;
mod drafts;
mod encode;
mod goldens;
mod grpc;
mod hostile;
mod json_v1;
mod json_v2;
mod linear;
mod memory;
mod otlp;
mod otlp_encode;
mod proto3;
mod scribe;
mod support;
mod thrift_v1;
mod thrift_write;
mod traceparent;
