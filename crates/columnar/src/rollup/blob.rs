//! A segment's figures as bytes: by minute, hour and day, so that weeks are added up from few. Bytes: `docs/formats/segment.md`.

use std::collections::BTreeSet;

use bytes::Bytes;
use model::span::Kind;
use storage::statistics::{Cell, Key, KeyRef, OperationKey, Table};

use crate::rollup::Wanted;
use crate::rollup::earlier::Origin;
use crate::segment::error::SegmentError;
use crate::segment::read::Segment;

/// Name of the blob.
pub const NAME: &str = "rollup";

/// Minutes of a slot on each level, the longest first. Each is a multiple of the next.
const LEVELS: [u64; 3] = [1440, 60, 1];

/// Version of these bytes.
const VERSION: u64 = 1;

/// What of a segment's figures is kept in memory: where they are, and their keys.
#[derive(Debug)]
pub struct Stored {
    keys: Vec<Key>,
    /// Links are the first keys.
    links: usize,
    sections: Vec<Section>,
    used: BTreeSet<Origin>,
    /// All bytes, when the file has none.
    bytes: Option<Bytes>,
}

/// The figures of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Section {
    level: usize,
    slot: u64,
    at: u64,
    bytes: u64,
}

/// Returns the bytes of a table by minute, which builds on these parts.
pub fn encode(table: &Table, used: &BTreeSet<Origin>) -> Vec<u8> {
    let mut keys: Vec<&Key> =
        table.cells().filter(|(_, _, cell)| !cell.is_empty()).map(|(_, key, _)| key).collect();
    // Links before operations: so are the variants declared.
    keys.sort_unstable();
    keys.dedup();
    let mut index = Vec::new();
    let mut body = Vec::new();
    let mut sections = 0;
    for (level, minutes) in LEVELS.iter().enumerate() {
        let mut cells: std::collections::BTreeMap<(u64, usize), Cell> = std::collections::BTreeMap::new();
        for (minute, key, cell) in table.cells() {
            if let Ok(key) = keys.binary_search(&key) {
                cells.entry((minute / minutes, key)).or_default().merge(cell);
            }
        }
        let cells: Vec<((u64, usize), Cell)> =
            cells.into_iter().filter(|(_, cell)| !cell.is_empty()).collect();
        for slot in cells.chunk_by(|((left, _), _), ((right, _), _)| left == right) {
            let start = body.len();
            slot.iter().for_each(|((_, key), cell)| put_cell(&mut body, *key, cell));
            let Some(((number, _), _)) = slot.first() else { continue };
            sections += 1;
            [level as u64, *number, (body.len() - start) as u64].iter().for_each(|it| put(&mut index, *it));
        }
    }
    let mut head = Vec::new();
    put(&mut head, VERSION);
    put(&mut head, used.len() as u64);
    used.iter().flat_map(|(first, generation)| [*first, *generation]).for_each(|it| put(&mut head, it));
    put(&mut head, keys.len() as u64);
    keys.iter().for_each(|key| put_key(&mut head, key.as_ref()));
    put(&mut head, sections);
    head.extend_from_slice(&index);
    let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(&body);
    bytes
}

impl Stored {
    /// Reads what is kept in memory of a segment that has the blob.
    pub fn open(segment: &Segment) -> Result<Self, SegmentError> {
        let length = segment.blob_part(NAME, 0..8)?;
        let length = length.as_ref().try_into().map(u64::from_le_bytes).unwrap_or(0);
        let head = segment.blob_part(NAME, 8..length.saturating_add(8))?;
        Self::parse(&head, None).ok_or_else(|| segment.bad_blob(NAME))
    }

    /// Keeps figures in memory that a segment has not.
    pub fn in_memory(segment: &Segment, bytes: Vec<u8>) -> Result<Self, SegmentError> {
        let bytes = Bytes::from(bytes);
        Self::parse(bytes.get(8..).unwrap_or_default(), Some(bytes.clone()))
            .ok_or_else(|| segment.bad_blob(NAME))
    }

    fn parse(head: &[u8], bytes: Option<Bytes>) -> Option<Self> {
        let whole = head.len();
        let mut reader = Reader(head);
        if reader.number()? != VERSION {
            return None;
        }
        let count = reader.number()?;
        let used = (0..count)
            .map(|_| Some((reader.number()?, reader.number()?)))
            .collect::<Option<BTreeSet<Origin>>>()?;
        let count = reader.number()?;
        let keys = (0..count).map(|_| reader.key()).collect::<Option<Vec<Key>>>()?;
        let count = reader.number()?;
        let mut sections = Vec::new();
        let mut at = 0;
        for _ in 0..count {
            let (level, slot, bytes) = (reader.number()? as usize, reader.number()?, reader.number()?);
            LEVELS.get(level)?;
            sections.push(Section { level, slot, at, bytes });
            at += bytes;
        }
        let start = 8 + (whole - reader.0.len()) as u64;
        sections.iter_mut().for_each(|section| section.at += start);
        let links = keys.partition_point(|key| matches!(key, Key::Link { .. }));
        Some(Self { keys, links, sections, used, bytes })
    }

    /// Returns the parts that it builds on.
    pub fn used(&self) -> &BTreeSet<Origin> {
        &self.used
    }

    /// Adds the wanted figures to those of other parts.
    pub fn count(&self, segment: &Segment, wanted: &Wanted, found: &mut Table) -> Result<(), SegmentError> {
        let wants: Vec<bool> = self.keys.iter().map(|key| wanted.wants(key.as_ref())).collect();
        for section in self.cover(wanted) {
            let slot = wanted.slot(section.slot * LEVELS.get(section.level).copied().unwrap_or(1));
            self.for_each_cell(segment, section, |index, cell| {
                if let (Some(key), Some(true)) = (self.keys.get(index), wants.get(index)) {
                    found.merge(slot, key.as_ref(), cell);
                }
                // Links are the first keys.
                !wanted.links || index < self.links
            })?;
        }
        Ok(())
    }

    /// Adds all figures, by minute.
    pub fn add_to(&self, segment: &Segment, table: &mut Table) -> Result<(), SegmentError> {
        for section in self.sections.iter().filter(|section| section.level + 1 == LEVELS.len()) {
            self.for_each_cell(segment, *section, |index, cell| {
                if let Some(key) = self.keys.get(index) {
                    table.merge(section.slot, key.as_ref(), cell);
                }
                true
            })?;
        }
        Ok(())
    }

    /// Calls with the cells of a section, as long as it wants more.
    fn for_each_cell(
        &self,
        segment: &Segment,
        section: Section,
        mut call: impl FnMut(usize, &Cell) -> bool,
    ) -> Result<(), SegmentError> {
        let bytes = match &self.bytes {
            Some(bytes) => bytes.slice(section.at as usize..(section.at + section.bytes) as usize),
            None => segment.blob_part(NAME, section.at..section.at + section.bytes)?,
        };
        let mut reader = Reader(&bytes);
        while !reader.0.is_empty() {
            let (index, cell) = reader.cell().ok_or_else(|| segment.bad_blob(NAME))?;
            if !call(index, &cell) {
                break;
            }
        }
        Ok(())
    }

    /// Returns the longest sections that lie in the wanted minutes, and in one step of them.
    fn cover(&self, wanted: &Wanted) -> Vec<Section> {
        let mut cover: Vec<Section> = Vec::new();
        let mut covered: std::collections::HashSet<(usize, u64)> = std::collections::HashSet::new();
        for section in &self.sections {
            let minutes = LEVELS.get(section.level).copied().unwrap_or(1);
            let (first, last) = (section.slot * minutes, section.slot * minutes + minutes - 1);
            let inside = wanted.minutes.contains(&first) && wanted.minutes.contains(&last);
            let whole = wanted.links || wanted.step.is_multiple_of(minutes);
            let longer = LEVELS.iter().take(section.level).enumerate();
            let taken = longer.into_iter().any(|(level, longer)| covered.contains(&(level, first / longer)));
            if inside && whole && !taken {
                covered.insert((section.level, section.slot));
                cover.push(*section);
            }
        }
        cover
    }
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Small numbers stay small, whatever their sign.
fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)) as u64);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_key(out: &mut Vec<u8>, key: KeyRef<'_>) {
    match key {
        KeyRef::Link { parent, child } => {
            out.push(0);
            put_text(out, parent);
            put_text(out, child);
        }
        KeyRef::Operation { service_name, span_name, remote_service_name, kind } => {
            out.push(if remote_service_name.is_some() { 2 } else { 1 });
            out.push(kind.map_or(0, |kind| kind as u8));
            put_text(out, service_name);
            put_text(out, span_name);
            remote_service_name.iter().for_each(|name| put_text(out, name));
        }
    }
}

fn put_cell(out: &mut Vec<u8>, key: usize, cell: &Cell) {
    put(out, key as u64);
    put_signed(out, cell.calls);
    put_signed(out, cell.errors);
    put(out, cell.durations.counts().len() as u64);
    let mut before = 0;
    for (bucket, count) in cell.durations.counts() {
        put(out, u64::from(bucket - before));
        put_signed(out, *count);
        before = *bucket;
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn key(&mut self) -> Option<Key> {
        let tag = self.byte()?;
        if tag == 0 {
            return Some(Key::Link { parent: self.text()?.to_owned(), child: self.text()?.to_owned() });
        }
        let kind = Kind::from_number(self.byte()?);
        let (service_name, span_name) = (self.text()?.to_owned(), self.text()?.to_owned());
        let remote_service_name = if tag == 2 { Some(self.text()?.to_owned()) } else { None };
        Some(Key::Operation(OperationKey { service_name, span_name, remote_service_name, kind }))
    }

    fn cell(&mut self) -> Option<(usize, Cell)> {
        let key = self.number()? as usize;
        let (calls, errors) = (self.signed()?, self.signed()?);
        let mut cell = Cell { calls, errors, ..Cell::default() };
        let mut bucket = 0_u16;
        for _ in 0..self.number()? {
            bucket = bucket.checked_add(u16::try_from(self.number()?).ok()?)?;
            cell.durations.add(bucket, self.signed()?);
        }
        Some((key, cell))
    }
}
