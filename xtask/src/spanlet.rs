//! A `spanlet server` of our own, and what it has stored.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use model::batch::Batch;
use model::id::TraceId;
use model::span::Span;
use serde_json::Value;

use crate::http::Client;
use crate::log::Log;
use crate::process::{Process, until};

/// A start that replays a full journal takes seconds; ours are empty.
const START_MAX: Duration = Duration::from_secs(30);

/// Where a server keeps its spans.
#[derive(Clone, Copy, Debug)]
pub enum Store {
    Embedded,
    Memory,
}

/// A running server.
pub struct Spanlet {
    process: Process,
    client: Client,
    /// Its HTTP address, without a slash at the end.
    pub address: String,
}

impl Spanlet {
    /// Starts the server on loopback, with the embedded store, and waits until it is healthy.
    pub fn start(
        binary: &Path,
        data_dir: &Path,
        http_port: u16,
        scribe_port: u16,
        log: &Log,
    ) -> Result<Self> {
        Self::start_on(Store::Embedded, binary, data_dir, [http_port, scribe_port], log)
    }

    /// Starts the server on loopback and waits until it is healthy.
    pub fn start_on(
        store: Store,
        binary: &Path,
        data_dir: &Path,
        [http_port, scribe_port]: [u16; 2],
        log: &Log,
    ) -> Result<Self> {
        let mut command = Command::new(binary);
        if let Store::Memory = store {
            command.env("STORAGE_TYPE", "mem");
        }
        command.arg("server").arg("--data-dir").arg(data_dir);
        command.args(["--http-listen", &format!("127.0.0.1:{http_port}")]);
        command.args(["--scribe-listen", &format!("127.0.0.1:{scribe_port}")]);
        let mut server = Self {
            process: Process::start("spanlet server", &mut command, log)?,
            client: Client::new(),
            address: format!("http://127.0.0.1:{http_port}"),
        };
        let mut healthy = false;
        until(START_MAX, || {
            healthy = server.get("/health").is_ok_and(|body| !body.is_empty());
            healthy || server.process.ended().is_some()
        });
        if !healthy {
            bail!("spanlet server did not become healthy\n{}", log.text().trim_end());
        }
        Ok(server)
    }

    /// Says when the server has ended, which it should not by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.process.ended() {
            Some(status) => bail!("spanlet server ended: {status}"),
            None => Ok(()),
        }
    }

    /// The page of one trace.
    pub fn page_of(&self, trace_id: TraceId) -> String {
        format!("{}/zipkin/traces/{trace_id}", self.address)
    }

    /// Returns the stored spans of one trace; none when it is not known.
    pub fn trace(&self, trace_id: TraceId) -> Result<Vec<Span>> {
        let path = format!("/api/v2/trace/{trace_id}");
        let answer = self.client.get(&format!("{}{path}", self.address), &[])?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        ensure!(answer.status == 200, "GET {path}: status {}", answer.status);
        spans(&answer.body).with_context(|| format!("GET {path}"))
    }

    /// Returns the newest traces that a service took part in.
    pub fn traces(&self, service: &str, limit: usize) -> Result<Vec<Vec<Span>>> {
        let body = self.get(&format!("/api/v2/traces?serviceName={service}&limit={limit}"))?;
        let traces: Vec<Value> = serde_json::from_slice(&body)?;
        traces.iter().map(|trace| spans(trace.to_string().as_bytes())).collect()
    }

    fn get(&self, path: &str) -> Result<Vec<u8>> {
        let answer = self.client.get(&format!("{}{path}", self.address), &[])?;
        ensure!(answer.status == 200, "GET {path}: status {}", answer.status);
        Ok(answer.body)
    }
}

/// Reads a list of spans in JSON v2.
fn spans(body: &[u8]) -> Result<Vec<Span>> {
    let mut batch = Batch::new();
    wire::json_v2::decode_list(body, &mut batch)?;
    Ok(batch.rows().map(|row| row.to_span()).collect())
}
