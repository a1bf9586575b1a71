//! Opens every listener that is configured, and says which of them anybody can reach.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::access::{Scope, Scopes};
use crate::config::{Config, Doors, Otlp};
use crate::error::StartError;
use crate::systemd::Sockets;

/// An open listener.
pub struct Opened {
    /// What listens there: `http`, `ingest`, `query`, `admin`, `scribe`, `otlp-grpc` or `otlp-http`.
    pub name: &'static str,
    /// Its socket.
    pub socket: TcpListener,
    /// What is served there.
    pub scopes: Scopes,
}

impl Opened {
    /// Returns where it really is.
    pub fn address(&self) -> SocketAddr {
        // Known of every socket that listens.
        self.socket.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// Whoever opens a door to the network should know who can come in.
    fn warn_if_open(&self, config: &Config) {
        let address = self.address();
        if address.ip().is_loopback() {
            return;
        }
        let certified = config.scribe_tls && config.access.certificate.is_some();
        if self.name == "scribe" && !certified {
            tracing::warn!(
                "{address} is open to the network and scribe knows no credentials: whoever reaches it can send spans"
            );
        } else if config.access.is_open() {
            let scopes = self.scopes.names().collect::<Vec<_>>().join(", ");
            tracing::warn!(
                "{address} is open to the network without access control ({scopes}): set tokens or passwords, or \
                 listen on 127.0.0.1"
            );
        }
    }
}

/// Opens all, the usual HTTP listener first.
pub async fn open(config: &Config, mut sockets: Sockets) -> Result<Vec<Opened>, StartError> {
    let ingest = Scopes::of(&[Scope::Ingest]);
    let mut listeners = Vec::new();
    for http in &config.http {
        listeners.push(listen(&mut sockets, http.name, http.address, http.scopes).await?);
    }
    if let Some(address) = config.scribe_listen {
        listeners.push(listen(&mut sockets, "scribe", address, ingest).await?);
    }
    listen_otlp(&mut listeners, &mut sockets, config.otlp_listen).await?;
    if let Some(name) = sockets.left().next() {
        return Err(StartError::Socket { name: name.to_owned() });
    }
    listeners.iter().for_each(|listener| listener.warn_if_open(config));
    Ok(listeners)
}

/// Opens OTLP's own ports. One that nobody chose may be taken: then another program of this machine, such as an
/// OpenTelemetry Collector, has it, and the usual HTTP port takes OTLP too.
async fn listen_otlp(
    listeners: &mut Vec<Opened>,
    sockets: &mut Sockets,
    otlp: Otlp,
) -> Result<(), StartError> {
    for (name, wanted) in [("otlp-grpc", otlp.grpc), ("otlp-http", otlp.http)] {
        let Some(wanted) = wanted else { continue };
        match listen(sockets, name, wanted.address, Scopes::of(&[Scope::Ingest])).await {
            Ok(listener) => listeners.push(listener),
            Err(StartError::Listen { address, source, .. }) if !wanted.chosen => {
                tracing::warn!(
                    "not listening on {address} for {name}: {source}; the HTTP port takes OTLP too"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns where the spans of a transport come in, if anywhere.
pub fn of(transport: &str, listeners: &[Opened], doors: &Doors) -> Option<String> {
    let usual = |listener: &Opened| {
        !["scribe", "otlp-grpc", "otlp-http"].contains(&listener.name)
            && listener.scopes.contains(Scope::Ingest)
    };
    let takes = |listener: &&Opened| match transport {
        "http" => doors.http_enabled && usual(listener),
        "grpc" => doors.grpc_enabled && usual(listener),
        "otlp_grpc" => listener.name == "otlp-grpc" || usual(listener),
        "otlp_http" => listener.name == "otlp-http" || usual(listener),
        _ => listener.name == transport,
    };
    let addresses: Vec<_> =
        listeners.iter().filter(takes).map(|listener| listener.address().to_string()).collect();
    (!addresses.is_empty()).then(|| addresses.join(", "))
}

/// Takes the socket that was opened for us, or opens one.
async fn listen(
    sockets: &mut Sockets,
    name: &'static str,
    address: SocketAddr,
    scopes: Scopes,
) -> Result<Opened, StartError> {
    let socket = match sockets.take(name) {
        Some(socket) => TcpListener::from_std(socket).map_err(StartError::Sockets)?,
        None => TcpListener::bind(address).await.map_err(|source| StartError::Listen {
            address,
            door: name.to_owned(),
            source,
        })?,
    };
    Ok(Opened { name, socket, scopes })
}
