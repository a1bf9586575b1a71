//! A running `spanlet server`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{self, Process};

/// Larger than any answer that the server gives.
const ANSWER_BYTES_MAX: u64 = 300 << 20;

/// The server, killed when dropped.
pub struct Server {
    process: Process,
    /// Where it listens for HTTP.
    pub http: SocketAddr,
    /// Where it listens for scribe.
    pub scribe: SocketAddr,
    /// Where it listens for OTLP over gRPC, and over HTTP.
    pub otlp: [Option<SocketAddr>; 2],
}

/// Returns the command `spanlet server` on free loopback ports, with a clean environment.
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = process::command(&["server"]);
    for listener in ["--http-listen", "--scribe-listen", "--otlp-grpc-listen", "--otlp-http-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    command.arg("--data-dir").arg(data_dir).args(arguments);
    command
}

impl Server {
    /// Starts a server and waits until it listens.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Result<Self> {
        Self::spawn(command(data_dir, arguments))
    }

    /// Starts this command and waits until it listens.
    pub fn spawn(command: Command) -> Result<Self> {
        let (mut process, output) = Process::start(command)?;
        let mut lines = BufReader::new(output).lines();
        let (mut http, mut scribe, mut otlp) = (None, None, [None; 2]);
        loop {
            let Some(line) = lines.next() else {
                bail!("the server ended before it listened: {}", process.wait()?)
            };
            let line = line?;
            if line.starts_with("data in ") {
                break;
            } else if let Some((_, url)) = line.split_once("serves http://") {
                http = url.split('/').next().and_then(|address| address.parse().ok());
            } else if let Some(address) = line.strip_prefix("scribe on ") {
                scribe = address.parse().ok();
            } else if let Some(address) = line.strip_prefix("otlp-grpc on ") {
                otlp[0] = address.parse().ok();
            } else if let Some(address) = line.strip_prefix("otlp-http on ") {
                otlp[1] = address.parse().ok();
            }
        }
        let (Some(http), Some(scribe)) = (http, scribe) else {
            bail!("the server listens for HTTP at {http:?} and scribe at {scribe:?}")
        };
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { process, http, scribe, otlp })
    }

    /// Returns the base address of its HTTP listener.
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Asks for a path; any status is an answer.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut response = agent().get(format!("{}{path}", self.url())).call()?;
        Ok((
            response.status().as_u16(),
            response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?,
        ))
    }

    /// Posts a body; any status is an answer.
    pub fn post(&self, path: &str, body: &[u8]) -> Result<u16> {
        Ok(agent().post(format!("{}{path}", self.url())).send(body)?.status().as_u16())
    }

    /// Reads one figure from `/prometheus`.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let (_, text) = self.get("/prometheus")?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no metric {name} in:\n{text}"))?.parse()?)
    }

    /// Returns the most memory it has had at one time.
    pub fn memory_peak_bytes(&self) -> Result<u64> {
        self.process.memory_peak_bytes()
    }

    /// Ends it as a power cut would, as far as one process can be cut.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }

    /// Asks it to end and waits until it has.
    pub fn terminate(self) -> Result<ExitStatus> {
        self.process.terminate()
    }
}

/// Returns a client for which every status is an answer.
pub fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(20)));
    ureq::Agent::new_with_config(config.build())
}
