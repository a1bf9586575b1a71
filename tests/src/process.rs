//! A process of the binary under test.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a process may take to end when it is asked to.
const END_MAX: Duration = Duration::from_secs(20);

/// The process, killed when dropped.
pub struct Process(Child);

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

/// Returns a command of the binary with a clean environment, whose output can be read.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

impl Process {
    /// Starts a command. Returns its output too.
    pub fn start(mut command: Command) -> Result<(Self, ChildStdout)> {
        let mut child = command.spawn().context("can't start the binary")?;
        let output = child.stdout.take().context("no output")?;
        Ok((Self(child), output))
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.0.wait()?)
    }

    /// Returns the most memory it has had at one time, as the kernel counts it.
    pub fn memory_peak_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// Returns the CPU seconds that it has used, of all its threads.
    pub fn cpu_s(&self) -> Result<f64> {
        /// `sysconf(_SC_CLK_TCK)` of every Linux that Rust runs on by default.
        const TICKS_PER_S: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // Fields are counted from the ")" that ends the second one: a program's name may hold spaces.
        let (_, fields) = stat.rsplit_once(") ").context("no fields")?;
        let ticks: Vec<f64> =
            fields.split(' ').skip(11).take(2).filter_map(|text| text.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_S)
    }

    /// Ends it as a power cut would, as far as one process can be cut.
    pub fn kill(mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Asks it to end and waits until it has.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        Command::new("kill").arg(self.0.id().to_string()).status()?;
        let deadline = Instant::now() + END_MAX;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("it did not end within {END_MAX:?} of SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
