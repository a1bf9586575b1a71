//! The manifest: which segments count, and up to where they hold the journal. Bytes: `docs/formats/manifest.md`.

use std::io;
use std::path::Path;

use disk::port::{self, Disk};
use serde::{Deserialize, Serialize};

use crate::segment::meta::Entry;

/// Its file name.
pub const FILE: &str = "manifest.jsonl";
/// Name of the next one while it is written.
pub const TEMPORARY: &str = "manifest.jsonl.tmp";

/// Version of the format.
const VERSION: u32 = 1;

/// All that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Journal records below this number are in segments, or were in segments that are gone.
    pub journal_end: u64,
    /// Segments in order of arrival.
    pub segments: Vec<Entry>,
}

/// First line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    journal_end: u64,
    segments: usize,
}

/// Why a manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not what was written.
    #[error("manifest is damaged: {0}")]
    Damaged(String),
    /// The disk did not answer.
    #[error("manifest: {0}")]
    Io(#[from] io::Error),
}

impl Manifest {
    /// Reads the manifest; nothing when there is none.
    pub fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, ManifestError> {
        match port::read_all(disk, &dir.join(FILE)) {
            Ok(bytes) => Self::from_bytes(&bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the manifest. On return the new one is safe; after an error either may be found.
    pub fn write(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        let (temporary, path) = (dir.join(TEMPORARY), dir.join(FILE));
        match disk.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.create(&temporary)?;
        file.append(&self.to_bytes()?)?;
        file.sync_data()?;
        disk.rename(&temporary, &path)?;
        disk.sync_dir(dir)
    }

    fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let head = Head { version: VERSION, journal_end: self.journal_end, segments: self.segments.len() };
        let mut text = line(&head)?;
        for entry in &self.segments {
            text.push_str(&line(entry)?);
        }
        Ok(text.into_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::Damaged("is no text".to_owned()))?;
        let mut lines = text.lines().enumerate();
        let head: Head = parse(lines.next().unwrap_or((0, "")))?;
        if head.version != VERSION {
            return Err(ManifestError::Damaged(format!("has version {}", head.version)));
        }
        let segments = lines.map(parse).collect::<Result<Vec<Entry>, _>>()?;
        if segments.len() != head.segments {
            return Err(ManifestError::Damaged(format!(
                "{} lines of {} are there",
                segments.len(),
                head.segments
            )));
        }
        Ok(Self { journal_end: head.journal_end, segments })
    }
}

fn line(value: &impl Serialize) -> io::Result<String> {
    let json = serde_json::to_string(value)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())))
}

fn parse<T: for<'a> Deserialize<'a>>((number, line): (usize, &str)) -> Result<T, ManifestError> {
    let sound = line
        .split_once(' ')
        .filter(|(checksum, json)| u32::from_str_radix(checksum, 16) == Ok(crc32fast::hash(json.as_bytes())));
    let value = sound.and_then(|(_, json)| serde_json::from_str(json).ok());
    value.ok_or_else(|| ManifestError::Damaged(format!("checksum of line {} does not hold", number + 1)))
}
