//! What an embedded store is told, and why it may not open.

use std::io;
use std::path::{Path, PathBuf};

use disk::port::LockError;
use journal::error::JournalError;
use storage::budget::ANSWER_BYTES_MAX;

/// Settings of an embedded store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Directory of all files; must exist.
    pub data_dir: PathBuf,
    /// A memtable of this size is sealed into a segment.
    pub memtable_bytes_max: usize,
    /// Journal files of this size altogether force a seal and turn writers away: replay is bounded by it.
    pub journal_bytes_max: u64,
    /// Batches that wait for the journal; more are turned away.
    pub queue_bytes_max: usize,
    /// Most rows of a row group.
    pub row_group_rows: usize,
    /// Most rows of a page: what is read at least for one trace.
    pub page_rows: usize,
    /// Most bytes of traces in one answer.
    pub answer_bytes_max: usize,
    /// Whether all bits of a trace id count (Zipkin's `STRICT_TRACE_ID`).
    pub strict_trace_id: bool,
    /// Tags whose values are collected (Zipkin's `AUTOCOMPLETE_KEYS`).
    pub autocomplete_keys: Vec<String>,
}

impl Config {
    /// Returns the usual settings for a directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            memtable_bytes_max: 64 << 20,
            journal_bytes_max: 256 << 20,
            queue_bytes_max: 64 << 20,
            row_group_rows: 131_072,
            page_rows: 2048,
            answer_bytes_max: ANSWER_BYTES_MAX,
            strict_trace_id: true,
            autocomplete_keys: Vec::new(),
        }
    }
}

/// Why a store did not open. Nothing was changed that another try would miss.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is not there.
    #[error("data directory {} does not exist: create it, or name another", .0.display())]
    Missing(PathBuf),
    /// It is a file.
    #[error("data directory {} is not a directory: name another", .0.display())]
    NotADirectory(PathBuf),
    /// It may not be written.
    #[error("data directory {} is not writable: {error}", .path.display())]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// No store has ever been there.
    #[error("directory {} holds no store: name the data directory of a server", .0.display())]
    NoStore(PathBuf),
    /// Another store has it open.
    #[error("data directory {} is in use by another process: stop that process, or name another directory", .0.display())]
    Locked(PathBuf),
    /// A file in it could not be read or written.
    #[error("cannot open the store in {}: {error}", .path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The journal could not be read.
    #[error("cannot open the store: {0}")]
    Journal(#[from] JournalError),
    /// No thread could be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl OpenError {
    /// Says what is wrong with a data directory that cannot be locked or listed.
    pub(crate) fn of_directory(path: &Path, error: LockError) -> Self {
        let path = path.to_owned();
        match error {
            LockError::Held => Self::Locked(path),
            LockError::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => Self::Missing(path),
                io::ErrorKind::NotADirectory => Self::NotADirectory(path),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Self::NotWritable { path, error }
                }
                _ => Self::Io { path, error },
            },
        }
    }
}
