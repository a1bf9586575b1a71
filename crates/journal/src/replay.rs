//! Reads journal files after a start: what counts, what was torn, what is damaged.

use std::io;
use std::path::Path;

use disk::port::{self, Disk};

use crate::error::JournalError;
use crate::record::{Found, HEAD_BYTES, Head, VERSION, scan, version_of};

/// A journal file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Its name in the directory.
    pub name: String,
    /// Number of its first record.
    pub first: u64,
    /// One past the number of its last record.
    pub end: u64,
    /// Its length.
    pub bytes: u64,
    /// Bytes at its end that never counted: a write that was cut off.
    pub torn_bytes: u64,
    /// What is wrong with it, when acknowledged records are damaged or missing.
    pub damage: Option<String>,
    /// Offset of the first such place.
    pub damaged_at: Option<u64>,
}

/// Returns the name of the file whose first record has this number.
pub fn file_name(first: u64) -> String {
    format!("journal-{first:020}.log")
}

/// Returns the number of the first record of a file with such a name.
pub fn first_of(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?.strip_suffix(".log")?.parse().ok()
}

/// Gives every record that counts, numbered `from` or higher, to the visitor, in order.
///
/// A bad record ends a file when nothing that was synced follows: the write was cut off. Otherwise what was
/// acknowledged is damaged: that is said, and the sound records count. Writes nothing, so it can be repeated.
pub(crate) fn replay(
    disk: &dyn Disk,
    dir: &Path,
    from: u64,
    visit: &mut dyn FnMut(u64, &[u8]),
) -> Result<Vec<Replayed>, JournalError> {
    check_versions(disk, dir)?;
    let names = disk.list(dir).map_err(|error| JournalError::new("list", dir, error))?;
    let firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    let mut files = Vec::new();
    for (index, first) in firsts.iter().enumerate() {
        let later = firsts.get(index + 1..).unwrap_or_default();
        // Of a file without a sound successor only its own records tell what was synced.
        let successor = later.iter().find_map(|first| head_of(disk, dir, *first));
        let path = dir.join(file_name(*first));
        let bytes = read_synced(disk, &path).map_err(|error| JournalError::new("read", &path, error))?;
        let acknowledged = successor.map(|head| head.acknowledged);
        files.push(judge(*first, &bytes, acknowledged, from, visit));
    }
    Ok(files)
}

/// Tells of every file what it holds, reading only those that no sound file follows: of the others the next one's head
/// says how far they count. Those read are given to the visitor.
pub(crate) fn survey(
    disk: &dyn Disk,
    dir: &Path,
    visit: &mut dyn FnMut(u64, &[u8]),
) -> Result<Vec<Replayed>, JournalError> {
    check_versions(disk, dir)?;
    let names = disk.list(dir).map_err(|error| JournalError::new("list", dir, error))?;
    let firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    let mut files = Vec::new();
    // From the end, so that each head is read once.
    let (mut successor, mut next_first): (Option<Head>, _) = (None, u64::MAX);
    for first in firsts.into_iter().rev() {
        let path = dir.join(file_name(first));
        let failed = |error| JournalError::new("read", &path, error);
        files.push(match &successor {
            Some(head) => {
                let bytes = disk.open(&path).and_then(|file| file.len()).map_err(failed)?;
                let end = head.acknowledged.min(next_first).max(first);
                Replayed {
                    name: file_name(first),
                    first,
                    end,
                    bytes,
                    torn_bytes: 0,
                    damage: None,
                    damaged_at: None,
                }
            }
            None => judge(first, &read_synced(disk, &path).map_err(failed)?, None, 0, visit),
        });
        successor = head_of(disk, dir, first).or(successor);
        next_first = first;
    }
    files.reverse();
    Ok(files)
}

/// Refuses files of a newer program before any is read.
pub fn check_versions(disk: &dyn Disk, dir: &Path) -> Result<(), JournalError> {
    let names = disk.list(dir).map_err(|error| JournalError::new("list", dir, error))?;
    for path in names.iter().filter(|name| first_of(name).is_some()).map(|name| dir.join(name)) {
        let mut head = [0; HEAD_BYTES];
        // A file that is too short, or cannot be read, is judged when its records are.
        let read = disk.open(&path).and_then(|file| file.read_at(&mut head, 0));
        if let Some(version) = read.ok().and_then(|()| version_of(&head)).filter(|version| *version > VERSION)
        {
            return Err(JournalError::Newer { path, version, known: VERSION });
        }
    }
    Ok(())
}

/// Reads a file and makes what was read safe: from now on it counts, and a later loss of it is damage.
fn read_synced(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    disk.open(path)?.sync_data()?;
    port::read_all(disk, path)
}

/// Reads the head of a file; nothing when it is damaged or cut off.
pub fn head(disk: &dyn Disk, path: &Path) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD_BYTES];
    match disk.open(path)?.read_at(&mut bytes, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| Head::read(&bytes).map(|(head, _)| head)),
    }
}

fn head_of(disk: &dyn Disk, dir: &Path, first: u64) -> Option<Head> {
    head(disk, &dir.join(file_name(first))).ok()?
}

fn judge(
    first: u64,
    bytes: &[u8],
    acknowledged: Option<u64>,
    from: u64,
    visit: &mut dyn FnMut(u64, &[u8]),
) -> Replayed {
    let Found { mut records, gaps, .. } = scan(bytes, first);
    // A group is written only after all before it were synced.
    let groups = records.iter().map(|record| record.group);
    let synced_below = acknowledged.into_iter().chain(groups).max().unwrap_or(first);
    let cut = gaps.iter().map(|(sequence, _)| *sequence).find(|sequence| *sequence >= synced_below);
    let cut = cut.into_iter().chain(acknowledged).min().unwrap_or(u64::MAX);
    records.retain(|record| record.sequence < cut);
    let end = records.last().map_or(first, |record| record.sequence + 1);
    let end_offset = records.last().map_or(HEAD_BYTES.min(bytes.len()), |record| record.payload.end);
    let mut damage: Vec<(usize, String)> = gaps
        .iter()
        .filter(|(sequence, _)| *sequence < cut.min(synced_below))
        .map(|(sequence, at)| (*at, format!("record {sequence} at byte {at} is damaged")))
        .collect();
    if acknowledged.is_some_and(|acknowledged| end < acknowledged) {
        damage.push((end_offset, format!("records from {end} on are missing at byte {end_offset}")));
    }
    let damaged_at = damage.first().map(|(at, _)| *at as u64);
    let damage: Vec<String> = damage.into_iter().map(|(_, what)| what).collect();
    for record in records.iter().filter(|record| record.sequence >= from) {
        visit(record.sequence, bytes.get(record.payload.clone()).unwrap_or_default());
    }
    Replayed {
        name: file_name(first),
        first,
        end,
        bytes: bytes.len() as u64,
        torn_bytes: (bytes.len() - end_offset) as u64,
        damage: (!damage.is_empty()).then(|| damage.join("; ")),
        damaged_at,
    }
}
