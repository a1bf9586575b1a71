//! A real OpenStack Swift, traced by the two lines: its access logs are the truth, the stored traces the claim.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::lanes::Outcome;
use crate::build::{self, Profile};
use crate::log::Log;
use crate::ports;
use crate::process::until;
use crate::root::{root, target};
use crate::spanlet::Spanlet;
use crate::venv::Venv;

/// The tracer sends within 100 ms; what is not there after this is lost.
const ARRIVAL_MAX: Duration = Duration::from_secs(20);
/// Proxy, account, container, object, memcached, log sink.
const PORTS: u16 = 6;

/// Swift's traces in our server: without and with forked workers, warm and cold, and after load.
pub fn on_spanlet(shared: &Path, log: &Log) -> Result<Outcome> {
    let swift = Swift::set_up(shared, log)?;
    let data = tempfile::tempdir().context("no folder for the spans")?;
    let [http_port, scribe_port] = ports::free()?;
    let server = Spanlet::start(&target().join("release/spanlet"), data.path(), http_port, scribe_port, log)?;
    for workers in ["0", "2"] {
        let running = swift.start(workers, scribe_port)?;
        running.verify("warm", &server.address, false)?;
        running.verify("cold", &server.address, true)?;
        running.load()?;
        running.verify("after load", &server.address, false)?;
    }
    Ok(Outcome::Passed)
}

/// The same tracer pointed at the real Zipkin: the same traces there.
pub fn on_zipkin(shared: &Path, log: &Log) -> Result<Outcome> {
    for program in ["java", "mvn"] {
        if Command::new(program).arg("-version").output().is_err() {
            return Ok(Outcome::Skipped(format!("it needs {program}")));
        }
    }
    let swift = Swift::set_up(shared, log)?;
    let [http_port, scribe_port] = ports::free()?;
    let zipkin = Zipkin::start(shared, http_port, scribe_port, log)?;
    for workers in ["0", "2"] {
        let running = swift.start(workers, scribe_port)?;
        running.verify("warm", &zipkin.address, false)?;
        running.verify("cold", &zipkin.address, true)?;
    }
    Ok(Outcome::Passed)
}

/// An installed Swift that has our wheel.
struct Swift<'a> {
    scripts: PathBuf,
    folder: PathBuf,
    log: &'a Log,
}

impl<'a> Swift<'a> {
    /// Installs Swift below the target folder, without the objects and logs of an earlier run.
    fn set_up(shared: &Path, log: &'a Log) -> Result<Self> {
        let swift = Self { scripts: shared.join("swift"), folder: target().join("xtask/swift"), log };
        for old in ["srv", "log", "run"] {
            let old = swift.folder.join(old);
            if old.exists() {
                std::fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
            }
        }
        let first_port = ports::free_row(PORTS)?;
        swift.run("setup.sh", &[&first_port.to_string()], &[])?;
        let wheel = build::wheel(Profile::Release, log)?;
        Venv::ensure(swift.folder.join("venv"), log)?.install_wheel(&wheel, log)?;
        Ok(swift)
    }

    /// Starts the four servers with the two lines in front; they stop when the value is dropped.
    fn start(&self, workers: &str, scribe_port: u16) -> Result<Running<'_>> {
        let launcher = root().join("examples/swift/traced.py");
        let launcher = launcher.to_str().context("the checkout's path is no UTF-8")?;
        let settings = [
            ("WORKERS", workers),
            ("TRACE_LAUNCHER", launcher),
            ("SPANLET_SCRIBE_PORT", &scribe_port.to_string()),
        ];
        let running = Running { swift: self };
        self.run("start.sh", &[], &settings)?;
        Ok(running)
    }

    /// Runs one of the scripts on our folder.
    fn run(&self, script: &str, args: &[&str], settings: &[(&str, &str)]) -> Result<()> {
        let mut command = Command::new("bash");
        command.arg(self.scripts.join(script)).arg(&self.folder).args(args).envs(settings.iter().copied());
        self.log.run(&mut command)
    }
}

/// The running servers.
struct Running<'a> {
    swift: &'a Swift<'a>,
}

impl Running<'_> {
    /// Makes every kind of request, and holds each trace against the access logs.
    fn verify(&self, state: &str, address: &str, cold: bool) -> Result<()> {
        let Swift { scripts, folder, log } = self.swift;
        log.line(&format!("--- {state}"))?;
        let mut settings = vec![("B3", "1")];
        if cold {
            settings.push(("COLD", "1"));
        }
        self.swift.run("smoke.sh", &[], &settings)?;
        let verify = || {
            let mut command = Command::new("python3");
            log.run(command.arg(scripts.join("verify.py")).arg(folder).args([address, "--client-spans"]))
        };
        if !until(ARRIVAL_MAX, || verify().is_ok()) {
            bail!("{state}: traces differ from the access logs");
        }
        Ok(())
    }

    /// Some hundred requests from several clients at once.
    fn load(&self) -> Result<()> {
        let environment = std::fs::read_to_string(self.swift.folder.join("env"))?;
        let port = environment
            .lines()
            .find_map(|line| line.strip_prefix("SWIFT_B="))
            .context("no SWIFT_B in env")?;
        let mut command = Command::new("python3");
        command.arg(self.swift.scripts.join("load.py")).arg(format!("http://127.0.0.1:{port}"));
        self.swift.log.run(command.args(["-n", "480", "-c", "4", "--rounds", "1"]))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It can only fail when the servers are gone already.
        let _gone = self.swift.run("stop.sh", &[], &[]);
    }
}

/// The real Zipkin.
struct Zipkin<'a> {
    scripts: PathBuf,
    folder: PathBuf,
    log: &'a Log,
    address: String,
}

impl<'a> Zipkin<'a> {
    fn start(shared: &Path, http_port: u16, scribe_port: u16, log: &'a Log) -> Result<Self> {
        let zipkin = Self {
            scripts: shared.join("engines/zipkin"),
            folder: target().join("xtask/zipkin"),
            log,
            address: format!("http://127.0.0.1:{http_port}"),
        };
        zipkin.run("setup.sh", &[], http_port)?;
        let scribe_port = format!("COLLECTOR_PORT={scribe_port}");
        zipkin.run(
            "start.sh",
            &["STORAGE_TYPE=mem", "COLLECTOR_SCRIBE_ENABLED=true", &scribe_port],
            http_port,
        )?;
        Ok(zipkin)
    }

    fn run(&self, script: &str, args: &[&str], http_port: u16) -> Result<()> {
        let mut command = Command::new("bash");
        command.arg(self.scripts.join(script)).arg(&self.folder).args(args);
        self.log.run(command.env("ZIPKIN_PORT", http_port.to_string()))
    }
}

impl Drop for Zipkin<'_> {
    fn drop(&mut self) {
        let _gone = self.log.run(Command::new("bash").arg(self.scripts.join("stop.sh")).arg(&self.folder));
    }
}
