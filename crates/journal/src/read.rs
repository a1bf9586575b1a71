//! Reads records in order, a block at a time: a backlog of any size takes the memory of its largest record.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use disk::port::{Disk, File};

use crate::error::JournalError;
use crate::log::Extent;
use crate::record::{HEAD_BYTES, RECORD_HEAD_BYTES, Record};
use crate::replay::file_name;

/// Bytes read at once, unless a record is larger.
const BLOCK_BYTES: usize = 128 << 10;

/// A place in the files of a journal. It reads only what the journal says was acknowledged.
#[derive(Debug)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    next: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    first: u64,
    file: Box<dyn File>,
    buffer: Vec<u8>,
    /// Offset of the buffer's first byte in the file.
    buffer_at: u64,
    /// What of the buffer is already read.
    read: usize,
    /// Where in the buffer the last record given out began.
    given: Option<usize>,
}

/// What is found at a place.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The next record.
    Record(u64, &'a [u8]),
    /// Records with these numbers are damaged or missing; what follows may be sound.
    Lost(Range<u64>),
    /// This file has no more.
    End,
}

impl Reader {
    /// Returns a reader whose first record has this number.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, next: u64) -> Self {
        Self { disk, dir, next, open: None }
    }

    /// Returns the number of the next record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Goes to another record.
    pub fn seek(&mut self, next: u64) {
        if next < self.next {
            self.open = None;
        }
        self.next = next;
    }

    /// Takes back the record that was just given out: it is the next one again.
    pub fn put_back(&mut self) {
        let Some(open) = &mut self.open else { return };
        if let Some(given) = open.given.take() {
            open.read = given;
            self.next -= 1;
        }
    }

    /// Reads the next record from the file that holds it.
    pub fn step(&mut self, extent: &Extent) -> Result<Step<'_>, JournalError> {
        if self.next >= extent.end {
            return Ok(Step::End);
        }
        self.next = self.next.max(extent.first);
        match self.find(extent) {
            Ok(Some(record)) if record.sequence > self.next => {
                let lost = self.next..record.sequence;
                self.next = lost.end;
                Ok(Step::Lost(lost))
            }
            Ok(Some(record)) => {
                self.next += 1;
                let Some(open) = &mut self.open else { return Ok(Step::End) };
                open.given = Some(std::mem::replace(&mut open.read, record.payload.end));
                Ok(Step::Record(record.sequence, open.buffer.get(record.payload).unwrap_or_default()))
            }
            Ok(None) => {
                let lost = self.next..extent.end;
                self.next = lost.end;
                Ok(Step::Lost(lost))
            }
            Err(error) => {
                self.open = None;
                Err(JournalError::new("read", &self.dir.join(file_name(extent.first)), error))
            }
        }
    }

    /// Finds the first whole record that is numbered `next` or higher, and leaves it at the front.
    fn find(&mut self, extent: &Extent) -> std::io::Result<Option<Record>> {
        if self.open.as_ref().is_none_or(|open| open.first != extent.first) {
            let file = self.disk.open(&self.dir.join(file_name(extent.first)))?;
            let buffer_at = HEAD_BYTES as u64;
            self.open =
                Some(Open { first: extent.first, file, buffer: Vec::new(), buffer_at, read: 0, given: None });
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        while open.fill(RECORD_HEAD_BYTES, extent.bytes)? {
            match open.record(extent)? {
                Some(record) if record.sequence >= self.next => return Ok(Some(record)),
                Some(record) => open.read = record.payload.end,
                // Damage: the next record is looked for byte by byte.
                None => open.read += 1,
            }
        }
        Ok(None)
    }
}

impl Open {
    /// Makes so many unread bytes available. Says whether the file has them.
    fn fill(&mut self, bytes: usize, file_bytes: u64) -> std::io::Result<bool> {
        if self.buffer.len() - self.read >= bytes {
            return Ok(true);
        }
        let at = self.buffer_at + self.read as u64;
        let left = file_bytes.saturating_sub(at);
        if left < bytes as u64 {
            return Ok(false);
        }
        let block = left.min(bytes.max(BLOCK_BYTES) as u64) as usize;
        self.buffer.drain(..self.read);
        (self.buffer_at, self.read, self.given) = (at, 0, None);
        let kept = self.buffer.len();
        if self.buffer.capacity() > 4 * block.max(BLOCK_BYTES) {
            self.buffer.shrink_to(block);
        }
        self.buffer.resize(block.max(kept), 0);
        let rest = self.buffer.get_mut(kept..).unwrap_or_default();
        self.file.read_at(rest, at + kept as u64)?;
        Ok(true)
    }

    /// Returns the record at the front, if it is whole.
    fn record(&mut self, extent: &Extent) -> std::io::Result<Option<Record>> {
        let head = self.buffer.get(self.read..).unwrap_or_default();
        let length = head.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        let sequence =
            head.get(16..24).and_then(|bytes| bytes.try_into().ok()).map_or(u64::MAX, u64::from_le_bytes);
        // Cheap tests first: this runs at every byte behind a damaged record.
        let sequences = extent.first..extent.end;
        if !sequences.contains(&sequence) || !self.fill(RECORD_HEAD_BYTES + length, extent.bytes)? {
            return Ok(None);
        }
        Ok(Record::read(&self.buffer, self.read, &sequences))
    }
}
