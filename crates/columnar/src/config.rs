//! What an embedded store is told, and why it may not open.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use disk::port::LockError;
use journal::error::JournalError;
use storage::budget::ANSWER_BYTES_MAX;

/// What retention goes by.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that tests set, milliseconds since the epoch.
    Set(Arc<AtomicU64>),
}

impl Clock {
    /// Returns the time, milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::System => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
            }
            Self::Set(now_ms) => now_ms.load(Relaxed),
        }
    }
}

/// Settings of an embedded store.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of all files; must exist.
    pub data_dir: PathBuf,
    /// A memtable of this size is sealed into a segment.
    pub memtable_bytes_max: usize,
    /// Journal files of this size altogether force a seal and turn writers away: replay is bounded by it.
    pub journal_bytes_max: u64,
    /// Batches that wait for the journal; more are turned away.
    pub queue_bytes_max: usize,
    /// Segments whose newest span is older go; nothing when age does not matter.
    pub retention_age_ms: Option<u64>,
    /// With more bytes of segments and journal the oldest segments go; nothing when size does not matter.
    pub retention_bytes: Option<u64>,
    /// Segments are merged up to this size.
    pub segment_bytes_max: u64,
    /// What retention goes by.
    pub clock: Clock,
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
            retention_age_ms: None,
            retention_bytes: Some(10 << 30),
            segment_bytes_max: 256 << 20,
            clock: Clock::System,
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
    /// A newer program wrote a file in it.
    #[error(
        "{} has version {version} of its format, this program reads up to {known}: start the newer program that wrote \
         it, or name another data directory; nothing was changed", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The newest version that is known.
        known: u32,
    },
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
