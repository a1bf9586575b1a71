//! Makes the disk under a server fail: strace injects errors into its system calls, a small tmpfs runs full.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A file system of its own in memory, gone when dropped.
pub struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// Mounts one of so many bytes.
    pub fn mount(bytes: u64) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let size = format!("size={bytes}");
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        let output = output.context("no mount")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(Self(dir))
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a server that is being killed may still have files open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Returns a command that runs another one with an error injected into a system call; `when` counts the calls of each
/// thread, as strace writes it. The process that is started is the traced one: killing it ends strace too.
pub fn inject(call: &str, error: &str, when: &str, command: &Command) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    traced.args(["-e", &format!("inject={call}:error={error}:when={when}")]);
    traced.arg(command.get_program()).args(command.get_args());
    traced.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    traced.stdin(Stdio::null()).stdout(Stdio::piped());
    traced
}

/// Says whether strace is there and may trace.
pub fn can_trace() -> Result<()> {
    let output = Command::new("strace").args(["-o", "/dev/null", "true"]).output().context("no strace")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Skips a test by its name where something is not possible.
///
/// # Panics
/// With `CI=true` it is a failure.
pub fn possible<T>(test: &str, how: &str, tried: Result<T>) -> Option<T> {
    match tried {
        Ok(found) => Some(found),
        Err(error) => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{test} needs {how}: {error:#}");
            println!("skipped {test}: it needs {how}: {error:#}");
            None
        }
    }
}
