//! The relay beside clients that are not ours: facebook-scribe and fluent-logger send through it to our server. Then it
//! is killed a hundred times.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use model::id::{SpanId, TraceId};
use model::span::Span;

use super::lanes::Outcome;
use crate::log::Log;
use crate::ports;
use crate::process::{Process, until};
use crate::root::{root, target};
use crate::spanlet::Spanlet;
use crate::venv::Venv;

const SPANS: u64 = 10;
const ARRIVAL_MAX: Duration = Duration::from_secs(20);
const KILLS: &str = "100";

/// Runs both parts.
pub fn run(log: &Log) -> Result<Outcome> {
    let data = tempfile::tempdir().context("no folder for the spans")?;
    let buffer = tempfile::tempdir().context("no folder for the buffer")?;
    let [http, scribe, relay_http, relay_scribe, relay_forward] = ports::free()?;
    let binary = target().join("release/spanlet");
    let server = Spanlet::start(&binary, data.path(), http, scribe, log)?;
    let mut relay = Command::new(&binary);
    relay.args(["relay", "--flush-interval", "0s", "--data-dir"]).arg(buffer.path());
    relay.args(["--to", &format!("scribe://127.0.0.1:{scribe}")]);
    for (flag, port) in [
        ("--http-listen", relay_http),
        ("--scribe-listen", relay_scribe),
        ("--forward-listen", relay_forward),
    ] {
        relay.args([flag, &format!("127.0.0.1:{port}")]);
    }
    let _relay = Process::start("spanlet relay", &mut relay, log)?;
    ensure!(until(ARRIVAL_MAX, || !ports::is_free(relay_forward)), "the relay does not listen");
    for (number, client, port, more) in [
        (1, "facebook_scribe", relay_scribe, None),
        (2, "fluent", relay_forward, None),
        (3, "fluent", relay_forward, Some("--nanoseconds")),
    ] {
        let venv = Venv::ensure(target().join("xtask/clients").join(client).join("venv"), log)?;
        venv.pip(&["install", "-q", "-r", &format!("tests/clients/{client}/requirements.txt")], log)?;
        let mut send = Command::new(venv.program("python"));
        send.arg(root().join("tests/clients").join(client).join("send.py"));
        send.args(["127.0.0.1", &port.to_string()]).args(more);
        let trace_id = TraceId::new(number).context("an id")?;
        feed(&mut send, trace_id, log).with_context(|| client.to_owned())?;
        let arrived =
            until(ARRIVAL_MAX, || server.trace(trace_id).is_ok_and(|spans| spans.len() as u64 == SPANS));
        ensure!(arrived, "{client}: not all of {SPANS} spans came through the relay");
    }
    let mut kills = Command::new(env!("CARGO"));
    kills.args(["test", "--locked", "-p", "e2e", "relay_kill"]).current_dir(root());
    log.run(kills.env("SPANLET_RELAY_KILLS", KILLS).env("SPANLET_BIN", &binary))?;
    Ok(Outcome::Passed)
}

/// Runs a client that sends base64 of a thrift span for each line it reads.
fn feed(send: &mut Command, trace_id: TraceId, log: &Log) -> Result<()> {
    let mut client = send.stdin(Stdio::piped()).stdout(log.file()?).stderr(log.file()?).spawn()?;
    let mut lines = client.stdin.take().context("no input")?;
    for id in (1..=SPANS).filter_map(SpanId::new) {
        let mut bytes = Vec::new();
        wire::thrift_write::write_span(&mut bytes, &Span::new(trace_id, id));
        lines.write_all(&wire::scribe::encode_message(&bytes))?;
        lines.write_all(b"\n")?;
    }
    drop(lines);
    let status = client.wait()?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    Ok(())
}
