//! A running `spanlet server`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Larger than any answer that the server gives.
const ANSWER_BYTES_MAX: u64 = 300 << 20;

/// The process, killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens for HTTP.
    pub http: SocketAddr,
    /// Where it listens for scribe.
    pub scribe: SocketAddr,
    /// Where it listens for OTLP over gRPC, and over HTTP.
    pub otlp: [Option<SocketAddr>; 2],
}

/// Returns the binary under test: `SPANLET_BIN`, else the newest that cargo has built here.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SPANLET_BIN") {
        return path.into();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let built = |profile: &str| {
        let path = target.join(profile).join("spanlet");
        let time = path.metadata().and_then(|data| data.modified()).ok()?;
        Some((time, path))
    };
    let newest = [built("debug"), built("release")].into_iter().flatten().max();
    newest.expect("no spanlet binary: run `cargo build -p spanlet` first, or set SPANLET_BIN").1
}

/// Returns the command `spanlet server` on free loopback ports, with a clean environment.
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["server", "--http-listen", "127.0.0.1:0", "--scribe-listen", "127.0.0.1:0"])
        .args(["--otlp-grpc-listen", "127.0.0.1:0", "--otlp-http-listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

impl Server {
    /// Starts a server and waits until it listens.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Result<Self> {
        Self::spawn(command(data_dir, arguments))
    }

    /// Starts this command and waits until it listens.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let mut child = command.spawn().context("can't start the binary")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let (mut http, mut scribe, mut otlp) = (None, None, [None; 2]);
        loop {
            let Some(line) = lines.next() else {
                bail!("the server ended before it listened: {}", child.wait()?)
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
        Ok(Self { child, http, scribe, otlp })
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

    /// Returns the most memory it has had at one time, as the kernel counts it.
    pub fn memory_peak_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
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
                bail!("the server did not end within 20 s of SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
