//! The manifest: which segments count, up to where they hold the journal, and what is pinned and deleted. Bytes:
//! `docs/formats/manifest.md`.

use std::io;
use std::path::Path;

use disk::port::{self, Disk};
use serde::{Deserialize, Serialize};

use crate::deleted::{Deletion, HexId};
use crate::segment::meta::Entry;

/// Its file name.
pub const FILE: &str = "manifest.jsonl";
/// Name of the next one while it is written.
pub const TEMPORARY: &str = "manifest.jsonl.tmp";

/// Version of the format. Version 1 knew neither pins nor deletions.
pub const VERSION: u32 = 2;

/// All that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Journal records below this number are in segments, or were in segments that are gone.
    pub journal_end: u64,
    /// Segments in order of arrival.
    pub segments: Vec<Entry>,
    /// Pinned traces, in the order in which they were pinned.
    pub pins: Vec<HexId>,
    /// Deletions that are not carried out everywhere.
    pub deletions: Vec<Deletion>,
    /// Number of the last deletion.
    pub deletions_made: u64,
}

/// First line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    journal_end: u64,
    segments: usize,
    #[serde(default)]
    pins: usize,
    #[serde(default)]
    deletions: usize,
    #[serde(default)]
    deletions_made: u64,
}

/// What of the first line all versions have.
#[derive(Debug, Deserialize)]
struct Version {
    version: u32,
}

/// A line with a pin.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    pinned: HexId,
}

/// Why a manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not what was written. What of its pins and deletions can be read is still known.
    #[error("manifest is damaged: {why}")]
    Damaged {
        /// What is wrong.
        why: String,
        /// Pins and deletions, and no segments.
        rest: Box<Manifest>,
    },
    /// A newer program wrote it.
    #[error("manifest has version {0}")]
    Newer(u32),
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
        let mut text = line(&Head {
            version: VERSION,
            journal_end: self.journal_end,
            segments: self.segments.len(),
            pins: self.pins.len(),
            deletions: self.deletions.len(),
            deletions_made: self.deletions_made,
        })?;
        for entry in &self.segments {
            text.push_str(&line(entry)?);
        }
        for pinned in &self.pins {
            text.push_str(&line(&Pin { pinned: *pinned })?);
        }
        for deletion in &self.deletions {
            text.push_str(&line(deletion)?);
        }
        Ok(text.into_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        // Line by line, so that a damaged byte costs its own line only.
        let lines: Vec<Option<&str>> = bytes.split(|byte| *byte == b'\n').map(sound).collect();
        let lines = lines.strip_suffix(&[None]).unwrap_or(&lines);
        if let Some(Version { version }) =
            lines.first().and_then(parse).filter(|head: &Version| head.version > VERSION)
        {
            return Err(ManifestError::Newer(version));
        }
        let damaged = |why: String| {
            let mut rest = Self { pins: pins(lines), deletions: all(lines), ..Self::default() };
            rest.deletions_made = rest.deletions.iter().map(|it| it.number).max().unwrap_or(0);
            ManifestError::Damaged { why, rest: Box::new(rest) }
        };
        if let Some(number) = lines.iter().position(Option::is_none) {
            return Err(damaged(format!("checksum of line {} does not hold", number + 1)));
        }
        let Some(head) = lines.first().and_then(parse::<Head>) else {
            return Err(damaged("its first line is missing".to_owned()));
        };
        let manifest = Self {
            journal_end: head.journal_end,
            segments: all(lines),
            pins: pins(lines),
            deletions: all(lines),
            deletions_made: head.deletions_made,
        };
        let counts = [manifest.segments.len(), manifest.pins.len(), manifest.deletions.len()];
        if counts == [head.segments, head.pins, head.deletions]
            && counts.iter().sum::<usize>() + 1 == lines.len()
        {
            Ok(manifest)
        } else {
            Err(damaged(format!("{} lines are not those that the first names", lines.len())))
        }
    }
}

fn line(value: &impl Serialize) -> io::Result<String> {
    let json = serde_json::to_string(value)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())))
}

/// Returns the JSON of a line whose checksum holds.
fn sound(line: &[u8]) -> Option<&str> {
    let (checksum, json) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (u32::from_str_radix(checksum, 16) == Ok(crc32fast::hash(json.as_bytes()))).then_some(json)
}

fn parse<'a, T: Deserialize<'a>>(json: &Option<&'a str>) -> Option<T> {
    serde_json::from_str((*json)?).ok()
}

/// Returns the lines of one kind: each kind has a key that no other has.
fn all<'a, T: Deserialize<'a>>(lines: &[Option<&'a str>]) -> Vec<T> {
    lines.iter().filter_map(parse).collect()
}

fn pins(lines: &[Option<&str>]) -> Vec<HexId> {
    all::<Pin>(lines).into_iter().map(|pin| pin.pinned).collect()
}
