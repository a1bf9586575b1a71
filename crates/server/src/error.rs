//! Why a server could not start, in a sentence for the person who started it.

use std::net::SocketAddr;

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be had.
    #[error(
        "can't listen on {address} for {door}: {source}; stop what uses it or choose another with {flag}"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What would have listened there.
        door: &'static str,
        /// The flag that sets it.
        flag: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store can't be opened; its own sentence says why.
    #[error(transparent)]
    Store(#[from] columnar::OpenError),
}
