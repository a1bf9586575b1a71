//! A running `spanlet relay`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{self, Process};
use crate::server::agent;

/// The relay, killed when dropped.
pub struct Relay {
    process: Process,
    /// Where it listens for HTTP.
    pub http: SocketAddr,
    /// Where it listens for scribe.
    pub scribe: SocketAddr,
}

/// Returns the command `spanlet relay` on free loopback ports, with a clean environment.
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = process::command(&["relay", "--http-listen", "127.0.0.1:0"]);
    command.args(["--scribe-listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir).args(arguments);
    command
}

impl Relay {
    /// Starts a relay and waits until it listens.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Result<Self> {
        let (mut process, output) = Process::start(command(data_dir, arguments))?;
        let mut lines = BufReader::new(output).lines();
        let (mut http, mut scribe) = (None, None);
        loop {
            if let (Some(http), Some(scribe)) = (http, scribe) {
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { process, http, scribe });
            }
            let Some(line) = lines.next() else {
                bail!("the relay ended before it listened: {}", process.wait()?)
            };
            let line = line?;
            if let Some((_, url)) = line.split_once("relays from http://") {
                http = url.trim_end_matches('/').parse().ok();
            } else if let Some(address) = line.strip_prefix("scribe on ") {
                scribe = address.parse().ok();
            }
        }
    }

    /// Returns what it tells of itself.
    pub fn status(&self) -> Result<Value> {
        let mut response = agent().get(format!("http://{}/api/spanlet/relay", self.http)).call()?;
        Ok(serde_json::from_str(&response.body_mut().read_to_string()?)?)
    }

    /// Returns a figure of its first destination.
    pub fn figure(&self, name: &str) -> Result<u64> {
        self.status()?["destinations"][0][name].as_u64().with_context(|| format!("no figure {name}"))
    }

    /// Waits until its first destination has everything.
    pub fn drained(&self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        while self.figure("backlogSpans")? > 0 {
            if Instant::now() > deadline {
                bail!("not drained: {}", self.status()?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Returns the most memory it has had at one time.
    pub fn memory_peak_bytes(&self) -> Result<u64> {
        self.process.memory_peak_bytes()
    }

    /// Returns the CPU seconds that it has used.
    pub fn cpu_s(&self) -> Result<f64> {
        self.process.cpu_s()
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
