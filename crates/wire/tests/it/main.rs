//! Tests of the wire crate through its public functions.

mod json_v2;
