//! Tests of the wire crate through its public functions.

mod agree;
mod detect;
mod encode;
mod goldens;
mod hostile;
mod json_v1;
mod json_v2;
mod proto3;
mod support;
mod thrift_v1;
