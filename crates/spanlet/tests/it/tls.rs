//! TLS: every listener, both kinds of HTTP, certificates that change, certificates of clients.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::process::{SPAN, Server, curl, start, wait_until, write};

/// An authority of its own, with files in a directory.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = named(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes a certificate and its key, and returns their paths.
    pub fn issue(&self, dir: &Path, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = named(name, vec!["127.0.0.1".into()]);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let certificate = write(dir, &format!("{name}.pem"), &certificate.pem());
        (certificate, write(dir, &format!("{name}.key"), &key.serialize_pem()))
    }
}

/// Without a name of its own each certificate would seem to be signed by itself.
fn named(name: &str, addresses: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(addresses).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn ask(server: &Server, authority: &str, flags: &[&str]) -> crate::process::Answer {
    let url = format!("https://{}/api/v2/services", server.at["http"]);
    curl(&[&["--cacert", authority, url.as_str()], flags].concat())
}

#[test]
fn both_kinds_of_http_are_spoken_and_nothing_plain() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let ca = write(dir.path(), "ca.pem", &authority.pem);
    let (certificate, key) = authority.issue(dir.path(), "server");
    let server = start(&["--tls-certificate", &certificate, "--tls-key", &key]);
    for (flags, version) in
        [(&["--http1.1"][..], "1.1"), (&["--http2"], "2"), (&["--tlsv1.2", "--tls-max", "1.2"], "2")]
    {
        let answer = ask(&server, &ca, flags);
        assert_eq!((answer.status, answer.version.as_str()), (200, version), "{flags:?} {answer:?}");
    }
    assert_eq!(curl(&[&server.url("/health")]).status, 0);
    assert_eq!(ask(&server, &ca, &["--tls-max", "1.1"]).status, 0);
    let other = write(dir.path(), "other.pem", &Authority::new("other").pem);
    assert_eq!(ask(&server, &other, &[]).status, 0);
}

#[test]
fn files_that_change_are_read_again_and_bad_ones_are_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let old_ca = write(dir.path(), "old.pem", &old.pem);
    let new_ca = write(dir.path(), "new.pem", &new.pem);
    let (certificate, key) = old.issue(dir.path(), "server");
    let server = start(&["--tls-certificate", &certificate, "--tls-key", &key]);
    assert_eq!(ask(&server, &old_ca, &[]).status, 200);
    write(dir.path(), "server.pem", "no certificate");
    server.logged("the certificate in use stays");
    assert_eq!(ask(&server, &old_ca, &[]).status, 200);
    new.issue(dir.path(), "server");
    wait_until("new certificate", || ask(&server, &new_ca, &[]).status == 200);
    assert_eq!(ask(&server, &old_ca, &[]).status, 0);
    let figures = format!("https://{}/prometheus", server.at["http"]);
    let text = curl(&["--cacert", &new_ca, &figures]).body;
    let failures = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse::<u32>().unwrap()
    };
    assert!(failures("spanlet_tls_reload_failures_total") >= 1);
    assert!(failures("spanlet_tls_failures_total") >= 1);
}

#[test]
fn a_client_certificate_grants_its_scopes() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
    let ca = write(dir.path(), "ca.pem", &authority.pem);
    let client_ca = write(dir.path(), "clients.pem", &clients.pem);
    let (certificate, key) = authority.issue(dir.path(), "server");
    let server = start(&[
        "--tls-certificate",
        &certificate,
        "--tls-key",
        &key,
        "--tls-client-ca",
        &client_ca,
        "--tls-client-scopes",
        "ingest",
    ]);
    let (certificate, key) = clients.issue(dir.path(), "client");
    let shown = ["--cert", certificate.as_str(), "--key", key.as_str()];
    let url = format!("https://{}/api/v2/spans", server.at["http"]);
    let send = |flags: &[&str]| curl(&[&["--cacert", &ca, "--data", SPAN, &url], flags].concat()).status;
    assert_eq!(send(&shown), 202);
    assert_eq!(send(&[]), 401);
    assert_eq!(ask(&server, &ca, &shown).status, 403);
    // One of another authority does not even get in.
    let (certificate, key) = authority.issue(dir.path(), "stranger");
    assert_eq!(send(&["--cert", &certificate, "--key", &key]), 0);
    let health = format!("https://{}/health", server.at["http"]);
    assert_eq!(curl(&["--cacert", &ca, &health]).status, 200);
}
