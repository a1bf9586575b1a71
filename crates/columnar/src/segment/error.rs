//! What can go wrong with one segment.

use std::io;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use storage::meter::Meter;

/// Why a segment could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Its bytes are not what was written: no other try will help.
    #[error("segment {name} is damaged: {why}")]
    Damaged {
        /// File name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A newer program wrote it.
    #[error("segment {name} has version {version}")]
    Newer {
        /// File name.
        name: String,
        /// Version of its format.
        version: u32,
    },
    /// Nobody waits for the answer any more.
    #[error("the question was abandoned")]
    Abandoned,
    /// The disk did not answer.
    #[error("segment {name}: {error}")]
    Io {
        /// File name.
        name: String,
        /// What the disk said.
        error: io::Error,
    },
}

impl SegmentError {
    /// Tells damage from a disk that fails.
    pub fn of_parquet(name: &str, error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => Self::of_io(name, *error),
                Err(other) => Self::Damaged { name: name.to_owned(), why: other.to_string() },
            },
            other => Self::Damaged { name: name.to_owned(), why: other.to_string() },
        }
    }

    /// Tells damage from a disk that fails; the record reader wraps what the file says in text.
    pub fn of_arrow(name: &str, error: ArrowError) -> Self {
        match error {
            ArrowError::ExternalError(inner) => match inner.downcast::<ParquetError>() {
                Ok(error) => Self::of_parquet(name, *error),
                Err(other) => Self::Damaged { name: name.to_owned(), why: other.to_string() },
            },
            ArrowError::IoError(_, error) => Self::of_io(name, error),
            other => Self::Damaged { name: name.to_owned(), why: other.to_string() },
        }
    }

    /// Tells damage from a disk that fails.
    pub fn of_io(name: &str, error: io::Error) -> Self {
        let name = name.to_owned();
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => {
                Self::Damaged { name, why: error.to_string() }
            }
            _ => Self::Io { name, error },
        }
    }
}

/// Says whether somebody still waits for what is being read.
pub fn still_wanted() -> Result<(), SegmentError> {
    Meter::current().check().map_err(|_| SegmentError::Abandoned)
}
