//! The scribe listener: its places, and TLS with certificates of clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::process::{Server, start};
use crate::tls::Authority;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.at["scribe"]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends a call without spans, and says whether it was answered.
fn is_answered(stream: &mut (impl Read + Write)) -> bool {
    let call = wire::scribe::log_call("zipkin", std::iter::empty(), 1);
    let mut length = [0; 4];
    let answered =
        stream.write_all(&call).and_then(|()| stream.flush()).and_then(|()| stream.read_exact(&mut length));
    answered.is_ok() && {
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame).is_ok() && wire::scribe::read_reply(&frame).is_ok()
    }
}

#[test]
fn those_who_say_nothing_make_room() {
    let server = start(&["--scribe-connections-max", "8"]);
    let idle: Vec<_> = (0..50).map(|_| connect(&server)).collect();
    assert!(is_answered(&mut connect(&server)));
    assert!(server.metric("spanlet_scribe_connections_full_total") >= 43.0);
    drop(idle);
}

#[test]
fn those_who_are_in_a_call_keep_their_place() {
    let server = start(&["--scribe-connections-max", "2", "--scribe-frame-timeout", "400ms"]);
    let mut busy: Vec<_> = (0..2).map(|_| connect(&server)).collect();
    for stream in &mut busy {
        assert!(is_answered(stream));
        stream.write_all(&[0, 0, 0, 9, 0x80]).unwrap();
    }
    // Answered only when the frames that do not end have taken too long.
    assert!(is_answered(&mut connect(&server)));
    assert_eq!(server.metric("spanlet_scribe_connections_full_total"), 1.0);
}

#[test]
fn certificates_say_who_may_send() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let ca = crate::process::write(dir.path(), "ca.pem", &authority.pem);
    let (certificate, key) = authority.issue(dir.path(), "server");
    let (client, client_key) = authority.issue(dir.path(), "client");
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key, "--scribe-tls", "true"];
    let server = start(&[&tls[..], &["--tls-client-ca", &ca]].concat());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let chain = vec![CertificateDer::from_pem_file(&client).unwrap()];
    let certified =
        builder.clone().with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&client_key).unwrap());
    let encrypted = |config: ClientConfig| {
        let name = "127.0.0.1".try_into().unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect(&server))
    };
    assert!(is_answered(&mut encrypted(certified.unwrap())));
    assert!(!is_answered(&mut encrypted(builder.with_no_client_auth())));
    assert!(!is_answered(&mut connect(&server)));
}
