//! Starts the built binary on free loopback ports and talks to it from outside, as its users do.

pub mod load;
pub mod server;
pub mod shared;
