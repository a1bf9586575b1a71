//! Looks through a data directory that no store has open: what is wrong where, and what the next start will do about it.
//!
//! Reads every byte that has a checksum and every span; changes nothing.

mod journal;
mod segments;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ::journal::replay::first_of;
use disk::port::{self, Disk};
use serde::Serialize;

use crate::config::OpenError;
use crate::manifest::{self, Manifest, ManifestError};
use crate::offline;
use crate::segment::meta::is_segment;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing that was acknowledged is lost.
    Note,
    /// Something that was acknowledged cannot be read, or what is written does not agree.
    Damage,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Name of the file in the data directory.
    pub file: String,
    /// At which byte, where that can be said.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What the next start will do, or which question will be the first to find it.
    pub next_start: String,
}

/// What was looked through, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Segments that count.
    pub segments: u64,
    /// Spans that could be read in them.
    pub segment_spans: u64,
    /// Journal files.
    pub journal_files: u64,
    /// Their records that are whole.
    pub journal_records: u64,
    /// Spans in records that no segment holds yet.
    pub journal_spans: u64,
    /// Bytes of all files that were looked through.
    pub bytes: u64,
    /// What is not as it should be, in the order in which it was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Says whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity < Severity::Damage)
    }

    fn add(&mut self, severity: Severity, file: &str, offset: Option<u64>, what: String, next_start: String) {
        self.findings.push(Finding { severity, file: file.to_owned(), offset, what, next_start });
    }

    fn damage(&mut self, file: &str, offset: Option<u64>, what: String, next_start: impl Into<String>) {
        self.add(Severity::Damage, file, offset, what, next_start.into());
    }

    fn note(&mut self, file: &str, what: &str, next_start: &str) {
        self.add(Severity::Note, file, None, what.to_owned(), next_start.to_owned());
    }
}

/// A data directory that is being looked through.
struct Check<'a> {
    disk: &'a Arc<dyn Disk>,
    dir: &'a Path,
    report: Report,
    /// Hears how many bytes were looked through, and how many there are.
    progress: &'a mut dyn FnMut(u64, u64),
    done_bytes: u64,
    all_bytes: u64,
}

/// Looks through a data directory. An error is a disk that does not answer, or a directory that is in use or has no store.
pub fn check(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, OpenError> {
    let _lock = offline::lock(&**disk, dir)?;
    let failed = |error| OpenError::Io { path: dir.to_owned(), error };
    let names = disk.list(dir).map_err(failed)?;
    let all_bytes = bytes_of(&**disk, dir, &names).map_err(failed)?;
    let report = Report { bytes: all_bytes, ..Report::default() };
    let mut check = Check { disk, dir, report, progress, done_bytes: 0, all_bytes };
    let manifest = check.manifest(&names)?;
    check.other_files(&names, manifest.as_ref());
    check.segments(&names, manifest.as_ref())?;
    check.journal(&names, manifest.as_ref())?;
    Ok(check.report)
}

fn bytes_of(disk: &dyn Disk, dir: &Path, names: &[String]) -> io::Result<u64> {
    let counts = |name: &&String| is_segment(name) || first_of(name).is_some() || *name == manifest::FILE;
    names.iter().filter(counts).map(|name| disk.open(&dir.join(name))?.len()).sum()
}

impl Check<'_> {
    /// Counts bytes that were looked through.
    fn passed(&mut self, bytes: u64) {
        self.done_bytes += bytes;
        (self.progress)(self.done_bytes.min(self.all_bytes), self.all_bytes);
    }

    /// Reads the manifest; nothing when it does not hold.
    fn manifest(&mut self, names: &[String]) -> Result<Option<Manifest>, OpenError> {
        const ANEW: &str =
            "the next start makes a new one from the footers of the segments; no span is lost by that";
        let io_error = |error| OpenError::Io { path: self.dir.join(manifest::FILE), error };
        match Manifest::read(&**self.disk, self.dir) {
            Ok(Some(manifest)) => Ok(Some(manifest)),
            Ok(None) if !names.iter().any(|name| is_segment(name)) => Ok(Some(Manifest::default())),
            Ok(None) => {
                let what = "the manifest is missing beside segments".to_owned();
                self.report.damage(manifest::FILE, None, what, ANEW);
                Ok(None)
            }
            Err(ManifestError::Io(error)) => Err(io_error(error)),
            Err(ManifestError::Newer(version)) => {
                let path = self.dir.join(manifest::FILE);
                Err(OpenError::Newer { path, version, known: manifest::VERSION })
            }
            Err(damage) => {
                let bytes = port::read_all(&**self.disk, &self.dir.join(manifest::FILE)).map_err(io_error)?;
                let next = format!(
                    "the next start keeps it as {}, and makes a new one from the footers of the segments; no span is lost by that",
                    aside(manifest::FILE)
                );
                self.report.damage(manifest::FILE, bad_line(&bytes), damage.to_string(), next);
                Ok(None)
            }
        }
    }

    /// Names the files that are no part of the store.
    fn other_files(&mut self, names: &[String], manifest: Option<&Manifest>) {
        const REMOVED: &str = "the next start removes it; nothing that counts is in it";
        let known = |name: &str| {
            manifest.is_none_or(|manifest| manifest.segments.iter().any(|entry| entry.name == name))
        };
        for name in names {
            let unfinished = name == manifest::TEMPORARY || name.strip_suffix(".tmp").is_some_and(is_segment);
            if unfinished {
                self.report.note(name, "a file that was not finished", REMOVED);
            } else if is_segment(name) && !known(name) {
                let what =
                    "a segment that the manifest does not name: it was not finished, or has been replaced";
                self.report.note(
                    name,
                    what,
                    "the next start removes it; its spans are in the journal or in other segments",
                );
            } else if name.ends_with(".quarantined") {
                self.report.note(
                    name,
                    "was found damaged and put aside by an earlier start",
                    "no start looks at it again; remove it when it is of no more use",
                );
            }
        }
    }
}

/// Returns the offset of the first line whose checksum does not hold.
fn bad_line(bytes: &[u8]) -> Option<u64> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = std::str::from_utf8(line).unwrap_or("").trim_end_matches('\n');
        let sound = text.split_once(' ').is_some_and(|(checksum, json)| {
            u32::from_str_radix(checksum, 16) == Ok(crc32fast::hash(json.as_bytes()))
        });
        if !sound {
            return Some(at);
        }
        at += line.len() as u64;
    }
    None
}

fn aside(name: &str) -> String {
    crate::recover::aside(name)
}

/// Says which bytes, in words.
fn bytes_in_words(range: &Range<u64>) -> String {
    format!("bytes {} to {}", range.start, range.end - 1)
}
