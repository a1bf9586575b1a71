//! Python's virtual environments below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::log::Log;
use crate::root::root;
use crate::tools;

/// A virtual environment.
pub struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// Opens the environment in a folder, making it when it is not there.
    pub fn ensure(folder: PathBuf, log: &Log) -> Result<Self> {
        let venv = Self { folder };
        // pip comes last, so that an environment that was cut short is made again.
        if !venv.program("pip").exists() {
            log.run(Command::new(tools::python()?).args(["-m", "venv", "--clear"]).arg(&venv.folder))?;
        }
        Ok(venv)
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// Runs pip at the root of the checkout.
    pub fn pip(&self, args: &[&str], log: &Log) -> Result<()> {
        let quiet = ["-m", "pip", "--disable-pip-version-check", "--no-input"];
        log.run(Command::new(self.program("python")).args(quiet).args(args).current_dir(root()))
    }

    /// Installs the wheel over any older build of the same version.
    pub fn install_wheel(&self, wheel: &Path, log: &Log) -> Result<()> {
        let Some(wheel) = wheel.to_str() else { bail!("{} is no UTF-8 path", wheel.display()) };
        self.pip(&["install", "--force-reinstall", "--no-deps", wheel], log)
    }
}
