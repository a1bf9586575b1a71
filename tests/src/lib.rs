//! Starts the built binary on free loopback ports and talks to it from outside, as its users do.

pub mod far;
pub mod faults;
pub mod frames;
pub mod grpc;
pub mod load;
pub mod process;
pub mod raw;
pub mod relay;
pub mod server;
pub mod shared;
