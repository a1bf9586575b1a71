//! A running `spanlet relay`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::server::{agent, binary};

/// The process, killed when dropped.
pub struct Relay {
    child: Child,
    /// Where it listens for HTTP.
    pub http: SocketAddr,
    /// Where it listens for scribe.
    pub scribe: SocketAddr,
}

/// Returns the command `spanlet relay` on free loopback ports, with a clean environment.
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["relay", "--http-listen", "127.0.0.1:0", "--scribe-listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

impl Relay {
    /// Starts a relay and waits until it listens.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Result<Self> {
        let mut child = command(data_dir, arguments).spawn().context("can't start the binary")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let (mut http, mut scribe) = (None, None);
        loop {
            if let (Some(http), Some(scribe)) = (http, scribe) {
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, http, scribe });
            }
            let Some(line) = lines.next() else {
                bail!("the relay ended before it listened: {}", child.wait()?)
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

    /// Returns the most memory it has used, in KiB.
    pub fn memory_peak_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends it as a power cut would, as far as one process can be cut.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end and waits until it has.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("the relay did not end within 20 s of SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
