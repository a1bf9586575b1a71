//! Why a server could not start, in a sentence for the person who started it.

use std::net::SocketAddr;

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be had.
    #[error(
        "can't listen on {address} for {door}: {source}; stop what uses it or choose another with --{door}-listen"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What would have listened there.
        door: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file for TLS can't be used.
    #[error("can't use {} for TLS: {problem}", .path.display())]
    Tls {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A socket that systemd opened has no use.
    #[error(
        "systemd passed a socket named {name}, but nothing is to listen there: check FileDescriptorName= and the settings"
    )]
    Socket {
        /// Its name.
        name: String,
    },
    /// Sockets that systemd opened can't be taken.
    #[error("can't take the sockets that systemd passed: {0}")]
    Sockets(std::io::Error),
    /// The store can't be opened; its own sentence says why.
    #[error(transparent)]
    Store(#[from] columnar::OpenError),
}
