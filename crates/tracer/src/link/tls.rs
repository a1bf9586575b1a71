//! TLS towards a collector: trusts the system's authorities, or those of one file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::stream::Timed;

/// An encrypted connection.
pub type TlsStream = StreamOwned<ClientConnection, Timed>;

/// Makes connections encrypted.
pub struct Tls {
    host: String,
    ca_file: Option<PathBuf>,
    /// Made for the first connection: reading the system's authorities takes milliseconds, which are the reporter's.
    config: Option<Arc<ClientConfig>>,
}

impl Tls {
    /// Reads nothing yet.
    pub fn new(host: &str, ca_file: Option<&Path>) -> Self {
        Self { host: host.to_owned(), ca_file: ca_file.map(Path::to_owned), config: None }
    }

    /// Shakes hands before the stream's deadline.
    pub fn shake_hands(&mut self, stream: Timed) -> io::Result<TlsStream> {
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        // Taken, so that after a failure the authorities are read again: somebody may have added the right one.
        let config = self.config.take().map_or_else(|| self.read().map(Arc::new), Ok)?;
        let connection = ClientConnection::new(Arc::clone(&config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        self.config = Some(config);
        Ok(stream)
    }

    fn read(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(path) => {
                let problem = |error: &dyn std::fmt::Display| {
                    io::Error::other(format!("certificates {}: {error}", path.display()))
                };
                let found = CertificateDer::pem_file_iter(path).map_err(|error| problem(&error))?;
                for certificate in found {
                    let certificate = certificate.map_err(|error| problem(&error))?;
                    roots.add(certificate).map_err(|error| problem(&error))?;
                }
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        if roots.is_empty() {
            return Err(io::Error::other("no authority's certificate is known here: name a file of them"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}
