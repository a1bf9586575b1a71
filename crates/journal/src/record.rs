//! The bytes of a journal file: its head, and records that can be told from garbage one by one.

use std::ops::Range;

/// First bytes of every journal file; the last is the version of the format.
pub const MAGIC: [u8; 8] = *b"SPANJRN1";
/// Version of the format.
pub const VERSION: u32 = 1;
/// Bytes of a file's head.
pub const HEAD_BYTES: usize = 28;
/// Bytes of a record before its payload.
pub const RECORD_HEAD_BYTES: usize = 24;

/// Returns the version that a sound head names.
pub fn version_of(bytes: &[u8]) -> Option<u32> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES - 4)?;
    let sound = crc32fast::hash(head) == u32::from_le_bytes(array(rest, 0)?);
    let (name, version) = head.split_at_checked(MAGIC.len() - 1)?;
    let version = char::from(*version.first()?).to_digit(36)?;
    (sound && MAGIC.starts_with(name)).then_some(version)
}

/// The head of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Sequence number of the file's first record.
    pub first: u64,
    /// All records below this number were acknowledged when the file was made.
    pub acknowledged: u64,
}

impl Head {
    /// Appends the head's bytes. Returns its checksum, where the chain of records starts.
    pub fn write(&self, out: &mut Vec<u8>) -> u32 {
        let at = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.acknowledged.to_le_bytes());
        let checksum = crc32fast::hash(out.get(at..).unwrap_or_default());
        out.extend_from_slice(&checksum.to_le_bytes());
        checksum
    }

    /// Reads a head and its checksum; nothing when it is damaged.
    pub fn read(bytes: &[u8]) -> Option<(Self, u32)> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES - 4)?;
        let checksum = u32::from_le_bytes(array(rest, 0)?);
        let sound = head.starts_with(&MAGIC) && crc32fast::hash(head) == checksum;
        let first = u64::from_le_bytes(array(head, 8)?);
        let acknowledged = u64::from_le_bytes(array(head, 16)?);
        sound.then_some((Self { first, acknowledged }, checksum))
    }
}

/// A record that was found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub sequence: u64,
    /// Number of the first record written and synced together with it: all before that were synced.
    pub group: u64,
    /// Checksum of the record before it.
    pub previous: u32,
    /// Its own checksum.
    pub checksum: u32,
    /// Where its payload is.
    pub payload: Range<usize>,
}

impl Record {
    /// Appends a record's bytes; of this record `payload` and `checksum` do not matter. Returns the checksum.
    pub fn write(out: &mut Vec<u8>, sequence: u64, group: u64, previous: u32, payload: &[u8]) -> u32 {
        let length = (payload.len() as u32).to_le_bytes();
        let mut rest = [0; RECORD_HEAD_BYTES - 8];
        let position = (sequence - group) as u32;
        let fields = previous.to_le_bytes().into_iter().chain(position.to_le_bytes());
        for (to, from) in rest.iter_mut().zip(fields.chain(sequence.to_le_bytes())) {
            *to = from;
        }
        let checksum = checksum(&length, &rest, payload);
        out.extend_from_slice(&length);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&rest);
        out.extend_from_slice(payload);
        checksum
    }

    /// Reads the record at an offset; nothing when it is damaged or its number is not in the range.
    pub(crate) fn read(bytes: &[u8], at: usize, sequences: &Range<u64>) -> Option<Self> {
        let length_bytes: [u8; 4] = array(bytes, at)?;
        let start = at + RECORD_HEAD_BYTES;
        let payload = start..start.checked_add(u32::from_le_bytes(length_bytes) as usize)?;
        let sequence = u64::from_le_bytes(array(bytes, at + 16)?);
        // Cheap tests first: this runs at every byte behind a damaged record.
        if !sequences.contains(&sequence) || payload.end > bytes.len() {
            return None;
        }
        let stored = u32::from_le_bytes(array(bytes, at + 4)?);
        if checksum(&length_bytes, bytes.get(at + 8..start)?, bytes.get(payload.clone())?) != stored {
            return None;
        }
        let previous = u32::from_le_bytes(array(bytes, at + 8)?);
        let position = u64::from(u32::from_le_bytes(array(bytes, at + 12)?));
        Some(Self { sequence, group: sequence.checked_sub(position)?, previous, checksum: stored, payload })
    }
}

/// What a file's bytes hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// All records that are whole, in order.
    pub records: Vec<Record>,
    /// The record numbers at which something is missing, and the offset of the damage.
    pub gaps: Vec<(u64, usize)>,
    /// Offset of what follows the last whole record.
    pub end: usize,
}

/// Finds all whole records of a file whose first record has this number, also behind damage.
pub fn scan(bytes: &[u8], first: u64) -> Found {
    let mut found = Found { records: Vec::new(), gaps: Vec::new(), end: 0 };
    let mut expected = first;
    let mut chain = Head::read(bytes).filter(|(head, _)| head.first == first).map(|(_, checksum)| checksum);
    let mut at = HEAD_BYTES.min(bytes.len());
    found.end = at;
    if chain.is_none() {
        found.gaps.push((first, 0));
    }
    while at < bytes.len() {
        let sequences_end = expected.saturating_add(((bytes.len() - at) / RECORD_HEAD_BYTES) as u64 + 1);
        let record = Record::read(bytes, at, &(expected..sequences_end));
        let Some(record) = record else {
            at += 1;
            continue;
        };
        let follows = at == found.end && record.sequence == expected;
        if !follows || chain.is_some_and(|chain| chain != record.previous) {
            found.gaps.push((expected, found.end));
        }
        (chain, expected) = (Some(record.checksum), record.sequence + 1);
        at = record.payload.end;
        found.end = at;
        found.records.push(record);
    }
    found
}

fn checksum(length: &[u8], rest: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(rest);
    hasher.update(payload);
    hasher.finalize()
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
