//! A relay in front of a guarded server: by https with a token spans arrive, and the server's status knows the relay.

use std::io::{BufRead, BufReader};
use std::process::Child;

use crate::process::{SPAN, curl, spanlet, start, wait_until, write};
use crate::tls::Authority;

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_relay_with_a_token_is_let_in_and_known() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let ca = write(dir.path(), "ca.pem", &authority.pem);
    let (certificate, key) = authority.issue(dir.path(), "server");
    let access =
        "[[access]]\ntoken = 's3nd'\nscopes = ['ingest']\n[[access]]\ntoken = 'a5k'\nscopes = ['query']\n";
    let access = write(dir.path(), "access.toml", access);
    let server = start(&["--tls-certificate", &certificate, "--tls-key", &key, "--access-file", &access]);
    let buffer = tempfile::tempdir().unwrap();
    let mut command = spanlet();
    command.args([
        "relay",
        "--http-listen",
        "127.0.0.1:0",
        "--scribe-listen",
        "off",
        "--flush-interval",
        "0s",
    ]);
    command.args([
        "--to",
        &format!("https://{}", server.at["http"]),
        "--ca",
        &ca,
        "--name",
        "beside the shop",
    ]);
    command.arg("--data-dir").arg(buffer.path()).env("SPANLET_RELAY_TOKEN", "s3nd");
    let mut relay = command.spawn().unwrap();
    let mut lines = BufReader::new(relay.stdout.take().unwrap()).lines();
    let mut log = relay.stderr.take().unwrap();
    let _relay = Killed(relay);
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let first = lines.next().unwrap().unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    let (_, url) = first.split_once("relays from ").unwrap();
    assert_eq!(curl(&["--data", SPAN, &format!("{url}api/v2/spans")]).status, 202);
    let ask = |path: &str| {
        let url = format!("https://{}{path}", server.at["http"]);
        curl(&["--cacert", &ca, "--oauth2-bearer", "a5k", &url])
    };
    wait_until("the span", || ask("/api/v2/trace/a").status == 200);
    wait_until("the relay", || ask("/api/spanlet/v1/status").body.contains(r#""name":"beside the shop""#));
}
