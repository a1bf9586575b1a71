//! Wiring only: configuration in, a running server out. The one place that names every store and door.

pub mod access;
mod bodies;
pub mod config;
mod connection;
pub mod error;
mod listener;
mod listeners;
mod metrics;
mod places;
pub mod run;
mod self_tracing;
pub mod systemd;
mod tls;
mod upgrade;
