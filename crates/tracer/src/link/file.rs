//! A file in the place of a collector, which several processes may append to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Answer;

/// A file that is opened when it is needed.
pub struct FileLink {
    path: PathBuf,
    bytes_max: u64,
    file: Option<File>,
}

impl FileLink {
    pub fn new(path: &Path, bytes_max: u64) -> Self {
        Self { path: path.to_owned(), bytes_max, file: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Opens it unless it is open. Never counts as another connection.
    pub fn open(&mut self) -> io::Result<bool> {
        if self.file.is_none() {
            self.file = Some(OpenOptions::new().append(true).create(true).open(&self.path)?);
        }
        Ok(false)
    }

    /// Appends a line, in one write so that those of other processes do not get between.
    pub fn call(&mut self, line: &[u8]) -> io::Result<Answer> {
        self.make_room(line.len() as u64)?;
        self.open()?;
        let Some(mut file) = self.file.take() else { return Err(io::ErrorKind::NotConnected.into()) };
        file.write_all(line)?;
        self.file = Some(file);
        Ok(Answer::Ok)
    }

    /// Moves a full file out of the way, unless another process has done so, and lets go of one that was moved.
    fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let Some(ours) = self.file.as_ref().map(File::metadata).transpose()? else { return Ok(()) };
        let there = fs::metadata(&self.path).ok();
        let moved = there.is_none_or(|there| (there.dev(), there.ino()) != (ours.dev(), ours.ino()));
        if moved {
            self.file = None;
        } else if ours.len() > 0 && ours.len() + bytes > self.bytes_max {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            fs::rename(&self.path, old)?;
            self.file = None;
        }
        Ok(())
    }
}
