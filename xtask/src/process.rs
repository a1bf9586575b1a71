//! A program that runs beside us and ends with us.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::log::Log;

/// Longer than any of our programs takes to send and sync what it still holds.
const END_MAX: Duration = Duration::from_secs(10);

/// A running program. Dropping it sends SIGTERM, and SIGKILL when that is not heeded.
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a program whose output goes to the log. It gets a process group of its own: Ctrl-C in the terminal
    /// reaches us alone, and we end the programs in our order.
    pub fn start(name: &str, command: &mut Command, log: &Log) -> Result<Self> {
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.file()?)
            .stderr(log.file()?)
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", command.get_program().to_string_lossy()))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// The name it was started under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how it ended, when it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn signal(&self, signal: Signal) {
        // It has not been waited for, so the id is still its own. An error says that it is gone, as it should be.
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _gone = kill(Pid::from_raw(id), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.signal(Signal::SIGTERM);
        if !until(END_MAX, || self.ended().is_some()) {
            self.signal(Signal::SIGKILL);
            let _status = self.child.wait();
        }
    }
}

/// Asks again and again until the answer is yes or the time is over; returns the last answer.
pub fn until(at_most: Duration, mut ask: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + at_most;
    loop {
        if ask() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_alive(id: u32) -> bool {
        std::path::Path::new(&format!("/proc/{id}")).exists()
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let log = Log::create("process test").expect("log");
        let process = Process::start("sleep", Command::new("sleep").arg("600"), &log).expect("starts");
        let id = process.child.id();
        assert!(is_alive(id));
        drop(process);
        assert!(!is_alive(id));
    }

    #[test]
    fn an_ended_process_says_so() {
        let log = Log::create("process end test").expect("log");
        let mut process = Process::start("false", &mut Command::new("false"), &log).expect("starts");
        assert!(until(END_MAX, || process.ended().is_some()));
        assert!(!process.ended().expect("ended").success());
    }
}
