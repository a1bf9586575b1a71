//! Wiring only: configuration in, a running server out. The one place that names every store and door.

pub mod config;
pub mod error;
pub mod http;
pub mod run;
