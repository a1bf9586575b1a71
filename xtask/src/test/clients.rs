//! Real tracing libraries send one small trace to our server, which must give back what each of them means by it.
//!
//! The programs and what is expected of each are in `tests/clients`; its README tells the trace.

mod programs;
mod trace;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::lanes::Outcome;
use crate::http::Client;
use crate::log::Log;
use crate::ports;
use crate::process::until;
use crate::root::{root, target};
use crate::spanlet::{Spanlet, Store};

use programs::{Program, Programs};

/// Libraries send within a second or two.
const ARRIVAL_MAX: Duration = Duration::from_secs(20);

/// Which of the server's doors a library knocks on.
#[derive(Clone, Copy)]
enum Door {
    Http,
    Scribe,
}

/// One way of one library to send spans.
struct Sender {
    program: Program,
    /// What the program is told to use.
    how: &'static str,
    door: Door,
    /// The file in `tests/clients/expected` that says what must be stored.
    expected: &'static str,
}

const fn sender(program: Program, how: &'static str, door: Door, expected: &'static str) -> Sender {
    Sender { program, how, door, expected }
}

const SENDERS: &[Sender] = &[
    sender(Program::Brave, "urlconnection", Door::Http, "brave"),
    sender(Program::Brave, "proto3", Door::Http, "brave"),
    sender(Program::Brave, "libthrift", Door::Scribe, "brave"),
    sender(Program::ZipkinGo, "json", Door::Http, "zipkin-go"),
    sender(Program::ZipkinGo, "proto3", Door::Http, "zipkin-go"),
    sender(Program::ZipkinJs, "v1", Door::Http, "zipkin-js"),
    sender(Program::ZipkinJs, "v2", Door::Http, "zipkin-js"),
    sender(Program::ZipkinJs, "scribe", Door::Scribe, "zipkin-js"),
    sender(Program::PyZipkin, "V1_JSON", Door::Http, "py_zipkin"),
    sender(Program::PyZipkin, "V2_JSON", Door::Http, "py_zipkin"),
    sender(Program::PyZipkin, "V2_PROTO3", Door::Http, "py_zipkin"),
    sender(Program::OpenTelemetryZipkin, "zipkin-json", Door::Http, "opentelemetry-zipkin"),
    sender(Program::OpenTelemetryZipkin, "zipkin-proto", Door::Http, "opentelemetry-zipkin"),
    sender(Program::OpenTelemetryOtlp, "otlp-grpc", Door::Http, "opentelemetry-otlp"),
    sender(Program::OpenTelemetryOtlp, "otlp-http", Door::Http, "opentelemetry-otlp"),
];

/// Lets every library send to each store in turn.
pub fn run(log: &Log) -> Result<Outcome> {
    let programs = Programs::ready(log)?;
    let mut failed = Vec::new();
    for store in [Store::Embedded, Store::Memory] {
        let data = tempfile::tempdir().context("no folder for the spans")?;
        let [http_port, scribe_port] = ports::free()?;
        let binary = target().join("release/spanlet");
        let server = Spanlet::start_on(store, &binary, data.path(), [http_port, scribe_port], log)?;
        for sender in SENDERS {
            let Some(command) = programs.command(sender.program) else { continue };
            let port = match sender.door {
                Door::Http => http_port,
                Door::Scribe => scribe_port,
            };
            if let Err(error) = sender.check(command, port, &server.address, log) {
                failed.push(format!("{} on {store:?}: {error:#}", sender.name()));
            }
        }
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    Ok(Outcome::Passed)
}

impl Sender {
    fn name(&self) -> String {
        format!("{} {}", self.program.name(), self.how)
    }

    /// Runs the program and waits until the server has what it recorded.
    fn check(&self, mut command: Command, port: u16, address: &str, log: &Log) -> Result<()> {
        // A whole second, a minute ago: recent, and exact where a library counts seconds in floating point.
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let start_us = (now_s - 60) * 1_000_000;
        command.args([self.how, &format!("127.0.0.1:{port}"), &start_us.to_string()]);
        log.line(&format!("$ {}", self.name()))?;
        let output =
            command.stderr(log.file()?).output().with_context(|| format!("cannot run {command:?}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        log.line(&said)?;
        ensure!(output.status.success(), "it ended with {}", output.status);
        let ids: Value = serde_json::from_str(said.trim()).context("it did not print its ids")?;
        let path = format!("tests/clients/expected/{}.json", self.expected);
        let expected = std::fs::read(root().join(&path)).with_context(|| path.clone())?;
        let expected: Value = serde_json::from_slice(&expected).with_context(|| path.clone())?;
        let trace_id = ids["trace"].as_str().context("it did not print the id of its trace")?;
        let mut got = Value::Null;
        let arrived = until(ARRIVAL_MAX, || {
            got = get(address, trace_id).map_or(Value::Null, |spans| trace::plain(&spans, &ids, start_us));
            got == expected
        });
        ensure!(arrived, "expected {path}, got {got:#}");
        Ok(())
    }
}

fn get(address: &str, trace_id: &str) -> Result<Value> {
    let answer = Client::new().get(&format!("{address}/api/v2/trace/{trace_id}"), &[])?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(serde_json::from_slice(&answer.body)?)
}

/// The folder of the programs.
fn clients() -> std::path::PathBuf {
    Path::new(root()).join("tests/clients")
}
