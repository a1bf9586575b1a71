//! The built binary as an operator meets it: settings, encryption, access, limits of connections, start and stop.

mod access;
mod cli;
mod connections;
mod daemon;
mod own_traces;
mod process;
mod relay;
mod scribe;
mod tls;
