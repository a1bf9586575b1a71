//! What systemd and a service tell each other: sockets it opened for us, and that we are ready or stopping.

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use listenfd::ListenFd;

/// Sockets that were opened for us, by the name of what listens there (`FileDescriptorName=`).
#[derive(Debug, Default)]
pub struct Sockets(HashMap<String, TcpListener>);

impl Sockets {
    /// Takes the sockets that were passed on (sd_listen_fds(3)). Without a name that we know, the first is HTTP's and
    /// the second scribe's.
    pub fn inherited() -> std::io::Result<Self> {
        const KNOWN: [&str; 7] = ["http", "scribe", "ingest", "query", "admin", "otlp-grpc", "otlp-http"];
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut passed = ListenFd::from_env();
        let mut sockets = HashMap::new();
        for index in 0..passed.len() {
            let Some(socket) = passed.take_tcp_listener(index)? else { continue };
            socket.set_nonblocking(true)?;
            let name = names.split(':').nth(index).filter(|name| KNOWN.contains(name));
            let name = name.or_else(|| KNOWN.get(index).copied()).unwrap_or_default();
            sockets.insert(name.to_owned(), socket);
        }
        Ok(Self(sockets))
    }

    /// Takes the one of this name.
    pub fn take(&mut self, name: &str) -> Option<TcpListener> {
        self.0.remove(name)
    }

    /// Returns the names of those that nothing took.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Tells systemd how we are, if it asked to be told (sd_notify(3)).
pub fn notify(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let path = path.as_encoded_bytes();
    let address = match path.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(std::path::Path::new(&*String::from_utf8_lossy(path))),
    };
    let sent = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::warn!(%error, "can't tell systemd {state}");
    }
}
