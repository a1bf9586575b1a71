//! TLS by rustls: a certificate and a key, read again when they change, and client certificates if wanted.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Tls;
use crate::error::StartError;
use crate::listener::Grants;
use crate::metrics::Counters;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Makes connections encrypted. Cheap to clone; all clones use what was read last.
#[derive(Clone)]
pub struct Acceptor {
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// Reads the files.
    pub fn new(files: &Tls) -> Result<Self, StartError> {
        Ok(Self { current: Arc::new(RwLock::new(Arc::new(read(files)?))) })
    }

    /// Shakes hands in time. Says whether the client showed a certificate, which was verified.
    pub async fn shake_hands(
        &self,
        stream: TcpStream,
        grants: &Grants,
    ) -> io::Result<(TlsStream<TcpStream>, bool)> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let handshake = TlsAcceptor::from(config).accept(stream);
        let Ok(stream) = timeout(grants.limits.header_time_max, handshake).await else {
            Counters::count(&grants.counters.header_timeouts);
            return Err(io::Error::other("the handshake took too long"));
        };
        let stream = stream.inspect_err(|_| Counters::count(&grants.counters.tls_failures))?;
        let certified = stream.get_ref().1.peer_certificates().is_some();
        Ok((stream, certified))
    }

    /// Reads the files again whenever they change, until `stop` does. Files that can't be used leave all as it is.
    pub async fn watch(self, files: Tls, counters: Arc<Counters>, mut stop: watch::Receiver<bool>) {
        let mut seen = stamps(&files);
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = stamps(&files);
            if now == seen {
                continue;
            }
            seen = now;
            match read(&files) {
                Ok(config) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                    tracing::info!("certificate read again: {}", files.certificate.display());
                }
                Err(error) => {
                    Counters::count(&counters.tls_reload_failures);
                    tracing::error!("the certificate in use stays: {error}");
                }
            }
        }
    }
}

/// When and how long each file is: what changes when somebody replaces one.
fn stamps(files: &Tls) -> Vec<Option<(SystemTime, u64)>> {
    let paths = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    let stamp = |path: &PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    paths.into_iter().flatten().map(stamp).collect()
}

fn read(files: &Tls) -> Result<ServerConfig, StartError> {
    let problem = |path: &PathBuf, what: &dyn std::fmt::Display| StartError::Tls {
        path: path.clone(),
        problem: what.to_string(),
    };
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| problem(&files.key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(&files.certificate, &error))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority).map_err(|error| problem(path, &error))?;
            }
            // A client without one may still show a token, or ask for health.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| problem(path, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| problem(&files.certificate, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let problem = |what: String| StartError::Tls { path: path.clone(), problem: what };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(error.to_string()))?;
    match found.is_empty() {
        true => Err(problem("no certificate in it".into())),
        false => Ok(found),
    }
}
