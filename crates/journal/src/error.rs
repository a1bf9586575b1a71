//! What can go wrong with a journal, by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why records were not written, or not read. Nothing of a failed append counts.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no room: try again when there is.
    #[error("no room for the journal in {}", .0.display())]
    Full(PathBuf),
    /// A newer program wrote a file.
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
    /// The disk failed.
    #[error("journal: cannot {doing} {}: {error}", .path.display())]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the disk said.
        error: io::Error,
    },
}

impl JournalError {
    pub(crate) fn new(doing: &'static str, path: &Path, error: io::Error) -> Self {
        if disk::port::is_full(&error) {
            Self::Full(path.to_owned())
        } else {
            Self::Failed { doing, path: path.to_owned(), error }
        }
    }
}
