//! The port itself. Synchronous and object safe, so that every crash point of its users can be tested.

use std::fmt::Debug;
use std::io;
use std::path::Path;

/// Files in directories. What was written is safe only after [`File::sync_data`]; that a file is there, or is
/// gone, or bears its new name, only after [`Disk::sync_dir`].
pub trait Disk: Send + Sync + Debug {
    /// Makes a new file; one that exists already is an error.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Gives a file a new name, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns the names of the files in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes a directory and those above it, for good.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory safe.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Keeps other processes out of a directory until the lock is dropped.
    fn lock(&self, dir: &Path) -> Result<Box<dyn Lock>, LockError>;
}

/// An open file: written at its end, read anywhere.
pub trait File: Send + Sync + Debug {
    /// Writes all bytes at the end.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes written so far safe.
    fn sync_data(&self) -> io::Result<()>;

    /// Fills the buffer from an offset, or fails.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Returns the length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Says whether there is nothing in it.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file to a length.
    fn truncate(&self, length: u64) -> io::Result<()>;
}

/// Holds a directory until dropped.
pub trait Lock: Send + Sync + Debug {}

/// Why a directory could not be locked. Messages leave out the directory: callers name it.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held,
    /// The lock file could not be made.
    Io(io::Error),
}

/// Reads a whole file.
pub fn read_all(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let mut bytes = vec![0; file.len()? as usize];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Says whether an error means that there is no room left.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
