//! How HTTP destinations are spoken to: time limits, credentials, and whose certificates are believed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// What every HTTP destination is called with.
#[derive(Clone, Default)]
pub struct Outgoing {
    /// Value of the header `Authorization`.
    authorization: Option<String>,
    /// Authorities of the certificates of `https` destinations; nothing: the system's.
    authorities: Option<Arc<Vec<Certificate<'static>>>>,
    /// Whether bodies are compressed.
    gzip: bool,
}

/// The file holds no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate in PEM form: {0}")]
pub struct BadAuthority(String);

impl Outgoing {
    /// Says whether bodies are compressed.
    pub fn with_gzip(self, gzip: bool) -> Self {
        Self { gzip, ..self }
    }

    /// Says who calls, by a token (RFC 6750).
    pub fn with_token(self, token: &str) -> Self {
        Self { authorization: Some(format!("Bearer {token}")), ..self }
    }

    /// Says who calls, by `USER:PASSWORD` (RFC 7617).
    pub fn with_user(self, user: &str) -> Self {
        let encoded = base64_simd::STANDARD.encode_to_string(user);
        Self { authorization: Some(format!("Basic {encoded}")), ..self }
    }

    /// Believes the certificates of these authorities only.
    pub fn with_authorities(self, pem: &[u8]) -> Result<Self, BadAuthority> {
        let mut authorities = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) =
                item.map_err(|error| BadAuthority(error.to_string()))?
            {
                authorities.push(certificate);
            }
        }
        if authorities.is_empty() {
            return Err(BadAuthority("it is empty".to_owned()));
        }
        Ok(Self { authorities: Some(Arc::new(authorities)), ..self })
    }

    /// Says whether bodies are compressed.
    pub fn gzip(&self) -> bool {
        self.gzip
    }

    /// Returns the header that says who calls, if any.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Returns a client for a URL. Redirects are not followed: credentials and spans go where they were told to.
    pub fn agent(&self, url: &str, timeout: Duration) -> Agent {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout));
        let config = match url.starts_with("https://") {
            true => config.tls_config(self.tls()),
            false => config,
        };
        Agent::new_with_config(config.build())
    }

    fn tls(&self) -> TlsConfig {
        let authorities = self.authorities.clone().unwrap_or_else(|| Arc::new(of_system()));
        TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::Specific(authorities))
            .build()
    }
}

fn of_system() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate authority of the system can't be read");
    }
    found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the secret.
        f.debug_struct("Outgoing")
            .field("authorization", &self.authorization.is_some())
            .field("authorities", &self.authorities.as_ref().map(|authorities| authorities.len()))
            .field("gzip", &self.gzip)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_said_and_never_shown() {
        let (token, user) =
            (Outgoing::default().with_token("s3cret"), Outgoing::default().with_user("ann:pa55"));
        assert_eq!(token.authorization(), Some("Bearer s3cret"));
        assert_eq!(user.authorization(), Some("Basic YW5uOnBhNTU="));
        assert!(!format!("{token:?}{user:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for bad in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n"] {
            assert!(Outgoing::default().with_authorities(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
