//! Ways to an HTTP collector beside a plain port: TLS, sockets of the file system, passwords, and being told to wait.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tracer::{Config, Destination, Encoding, HttpDestination, Peer, Tracer};

use crate::http_sink::HttpSink;
use crate::sink::{LONG, config, conserved, record, until};

/// An authority, and what a server of its needs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Writes its certificate.
    fn write(&self, path: &Path) {
        std::fs::write(path, self.issuer.pem()).unwrap();
    }

    fn server(&self, host: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

fn tracer(http: HttpDestination) -> Tracer {
    let config = Config { destination: Destination::Http(http), ..config(1) };
    config.check().unwrap();
    Tracer::new(config)
}

fn tls(sink: &HttpSink, ca_file: &Path) -> HttpDestination {
    let peer = Peer::Tls { host: "localhost".into(), port: sink.port, ca_file: Some(ca_file.to_owned()) };
    HttpDestination::new(peer, Encoding::JsonV2)
}

#[test]
fn tls_to_a_server_whose_authority_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let authority = Authority::new();
    authority.write(&ca_file);
    let sink = HttpSink::start_tls(authority.server("localhost"));
    let tracer = tracer(tls(&sink, &ca_file));
    // More than a socket's buffers hold, and a second call on the same connection.
    record(&tracer, "a", 5000);
    assert!(tracer.flush(LONG), "{:?}", tracer.stats());
    record(&tracer, "b", 1);
    assert!(tracer.flush(LONG));
    assert_eq!((sink.connections(), conserved(&tracer).sent), (1, 5001));
    assert_eq!(sink.posts()[0].headers["host"], format!("localhost:{}", sink.port));
}

#[test]
fn tls_to_anybody_else_fails_until_it_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    Authority::new().write(&ca_file);
    let authority = Authority::new();
    let sink = HttpSink::start_tls(authority.server("localhost"));
    let tracer = tracer(tls(&sink, &ca_file));
    record(&tracer, "a", 3);
    until("the handshake has failed", || conserved(&tracer).failures > 0);
    let stats = conserved(&tracer);
    assert!(stats.last_error.as_ref().is_some_and(|text| text.contains("certificate")), "{stats:?}");
    assert_eq!((stats.queued, sink.posts().len()), (3, 0));
    authority.write(&ca_file);
    assert!(tracer.flush(LONG));
    assert_eq!(conserved(&tracer).sent, 3);
}

#[test]
fn tls_to_a_server_of_another_name_fails() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let authority = Authority::new();
    authority.write(&ca_file);
    let sink = HttpSink::start_tls(authority.server("elsewhere"));
    for ca_file in [ca_file, folder.path().join("absent.pem")] {
        let tracer = tracer(tls(&sink, &ca_file));
        record(&tracer, "a", 1);
        until("it has failed", || conserved(&tracer).failures > 0);
        let said = conserved(&tracer).last_error.unwrap();
        assert!(said.starts_with(&format!("collector localhost:{}: ", sink.port)), "{said}");
    }
    assert_eq!(sink.posts().len(), 0);
}

#[test]
fn a_server_that_says_nothing_is_left_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    Authority::new().write(&ca_file);
    // The system connects, nobody says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let peer = Peer::Tls { host: "localhost".into(), port, ca_file: Some(ca_file) };
    let destination = Destination::Http(HttpDestination::new(peer, Encoding::JsonV2));
    let call_timeout = Duration::from_millis(20);
    let tracer = Tracer::new(Config { destination, call_timeout, ..config(1) });
    record(&tracer, "a", 1);
    until("two handshakes were given up", || conserved(&tracer).failures >= 2);
    let stats = conserved(&tracer);
    assert_eq!(stats.queued, 1);
    assert!(stats.last_error.unwrap().ends_with("did not answer in time"));
}

#[test]
fn a_socket_of_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.sock");
    let peer = Peer::Unix(path.clone());
    let tracer = tracer(HttpDestination::new(peer, Encoding::JsonV2));
    record(&tracer, "a", 3);
    until("nobody listens", || conserved(&tracer).failures > 0);
    assert!(conserved(&tracer).last_error.unwrap().starts_with(&format!("collector {}: ", path.display())));
    let sink = HttpSink::start_unix(&path);
    assert!(tracer.flush(LONG));
    record(&tracer, "b", 1);
    assert!(tracer.flush(LONG));
    assert_eq!((conserved(&tracer).sent, sink.connections()), (4, 1));
    assert_eq!(sink.posts()[0].headers["host"], "localhost");
}

#[test]
fn a_name_and_password_of_the_url_are_sent_and_never_shown() {
    let sink = HttpSink::start();
    let url = format!("http://ann:p%40ss%3A@127.0.0.1:{}", sink.port);
    let Ok(Destination::Http(http)) = Destination::parse(&url, Encoding::JsonV2) else { panic!("{url}") };
    let tracer = tracer(http);
    record(&tracer, "a", 1);
    assert!(tracer.flush(LONG));
    // base64 of `ann:p@ss:`.
    assert_eq!(sink.posts()[0].headers["authorization"], "Basic YW5uOnBAc3M6");
    let wrong = Destination::parse("gopher://ann:secret@host", Encoding::JsonV2).unwrap_err().to_string();
    assert!(wrong.contains("***@host") && !wrong.contains("secret"), "{wrong}");
}

#[test]
fn headers_of_ones_own() {
    let sink = HttpSink::start();
    let http = |headers: &[(&str, &str)]| {
        let peer = Peer::Tcp { host: "127.0.0.1".into(), port: sink.port };
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        HttpDestination { headers, ..HttpDestination::new(peer, Encoding::JsonV2) }
    };
    let tracer = tracer(http(&[("X-Team", "blue and green"), ("api_key", "k")]));
    record(&tracer, "a", 1);
    assert!(tracer.flush(LONG));
    let headers = &sink.posts()[0].headers;
    assert_eq!((&*headers["x-team"], &*headers["api_key"]), ("blue and green", "k"));
    for bad in [("a b", "c"), ("a:", "c"), ("", "c"), ("a", "b\r\nc: d"), ("a", "")] {
        let destination = Destination::Http(http(&[bad]));
        assert!(Config { destination, ..Config::default() }.check().is_err(), "{bad:?}");
    }
}

#[test]
fn a_collector_that_says_when_is_left_alone_until_then() {
    let in_an_hour = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    let later = |after: &str| {
        let answer =
            format!("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: {after}\r\n\r\n");
        let sink = HttpSink::start();
        (0..4).for_each(|_| sink.then(&answer));
        let peer = Peer::Tcp { host: "127.0.0.1".into(), port: sink.port };
        let tracer = tracer(HttpDestination::new(peer, Encoding::JsonV2));
        record(&tracer, "a", 1);
        (sink, tracer)
    };
    let patient = [later("3600"), later(&in_an_hour)];
    for (_, tracer) in &patient {
        until("it was told to wait", || conserved(tracer).try_later == 1);
    }
    // What cannot be read, or is over, asks for nothing: these come back meanwhile, again and again.
    for after in ["0", "soon", "-1", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let (_sink, tracer) = later(after);
        until("it came back", || conserved(&tracer).sent == 1);
    }
    for (sink, tracer) in &patient {
        assert_eq!((sink.posts().len(), conserved(tracer).queued), (1, 1));
        // A flush, as an exit makes, asks once more, and is told the same.
        tracer.flush(Duration::ZERO);
        until("it was told to wait again", || conserved(tracer).try_later == 2);
    }
}
