//! What the commands of one step print: kept in a file, shown when the step fails.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::root::target;

/// The file that takes the output of one step.
pub struct Log {
    path: PathBuf,
}

impl Log {
    /// Starts an empty log; the step's name is the file's.
    pub fn create(step: &str) -> Result<Self> {
        let folder = target().join("xtask/log");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join(format!("{}.log", step.replace([' ', '/'], "-")));
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path })
    }

    /// Opens the file for a process that is to write to it.
    pub fn file(&self) -> Result<File> {
        OpenOptions::new()
            .append(true)
            .open(&self.path)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Adds a line.
    pub fn line(&self, line: &str) -> Result<()> {
        writeln!(self.file()?, "{line}").with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Returns what was printed so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.path).unwrap_or_default()).into_owned()
    }

    /// Runs a command to its end, without input; fails when it does.
    pub fn run(&self, command: &mut Command) -> Result<()> {
        let line = shown(command);
        self.line(&format!("$ {line}"))?;
        let status = command
            .stdin(Stdio::null())
            .stdout(self.file()?)
            .stderr(self.file()?)
            .status()
            .with_context(|| format!("cannot run {line}"))?;
        if !status.success() {
            bail!("`{line}`: {status}");
        }
        Ok(())
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_an_error_and_its_output_is_kept() {
        let log = Log::create("log test").expect("log");
        log.run(Command::new("sh").args(["-c", "echo well"])).expect("runs");
        let error = log.run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).expect_err("fails");
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        assert!(log.text().contains("\nwell\n") && log.text().contains("\nwhy\n"), "{}", log.text());
    }
}
