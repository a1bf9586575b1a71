//! The journal itself: appends groups of records, each group with one write and one sync.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use disk::port::{Disk, File};

use crate::error::JournalError;
use crate::record::{Head, Record};
use crate::replay::{Replayed, file_name, replay, survey};

/// A buffer that a large group has made larger is given back.
const BUFFER_BYTES_KEPT: usize = 16 << 20;

/// A log of numbered records in files of one directory. Only what [`append`](Self::append) returned counts.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Closed files, oldest first.
    closed: Vec<Closed>,
    open: Option<Open>,
    /// Number of the next record.
    next: u64,
    /// All records below were acknowledged or replayed.
    acknowledged: u64,
    buffer: Vec<u8>,
    syncs: u64,
}

/// Which records a file holds, and in how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Number of its first record.
    pub first: u64,
    /// One past the number of its last record.
    pub end: u64,
    /// Bytes that may be read.
    pub bytes: u64,
}

#[derive(Debug)]
struct Closed {
    name: String,
    first: u64,
    end: u64,
    bytes: u64,
    damaged: bool,
}

#[derive(Debug)]
struct Open {
    file: Box<dyn File>,
    first: u64,
    bytes: u64,
    checksum: u32,
}

impl Journal {
    /// Opens the journal of a directory, giving every record numbered `from` or higher to the visitor.
    ///
    /// Files that were there are never written again. Returns what was found in them.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        from: u64,
        visit: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(Self, Vec<Replayed>), JournalError> {
        let files = replay(&*disk, &dir, from, visit)?;
        Ok((Self::over(disk, dir, from, &files), files))
    }

    /// Opens the journal of a directory without reading the files that sound ones follow: a
    /// [`Reader`](crate::read::Reader) reads them later. Every record of the files that are read now is given to the
    /// visitor, in order within a file, the last file first.
    pub fn resume(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        from: u64,
        visit: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(Self, Vec<Replayed>), JournalError> {
        let files = survey(&*disk, &dir, visit)?;
        Ok((Self::over(disk, dir, from, &files), files))
    }

    fn over(disk: Arc<dyn Disk>, dir: PathBuf, from: u64, files: &[Replayed]) -> Self {
        let end = files.iter().map(|file| file.end).max().unwrap_or(0).max(from);
        // Higher than any file's first record, so that no name is used twice.
        let next = files.iter().map(|file| file.first + 1).max().unwrap_or(0).max(end);
        let closed = files
            .iter()
            .map(|file| Closed {
                name: file.name.clone(),
                first: file.first,
                end: file.end,
                bytes: file.bytes,
                damaged: file.damage.is_some(),
            })
            .collect();
        Self { disk, dir, closed, open: None, next, acknowledged: end, buffer: Vec::new(), syncs: 0 }
    }

    /// Writes records and syncs them all at once. Returns their numbers: now they are safe.
    ///
    /// After an error none of them counts, and the file is never written again: a failed sync may have lost
    /// bytes that a second sync would claim to be safe.
    pub fn append(&mut self, payloads: &[&[u8]]) -> Result<Range<u64>, JournalError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        let numbers = self.next..self.next + payloads.len() as u64;
        self.buffer.clear();
        for (sequence, payload) in numbers.clone().zip(payloads) {
            open.checksum = Record::write(&mut self.buffer, sequence, numbers.start, open.checksum, payload);
        }
        open.bytes += self.buffer.len() as u64;
        let written = open.file.append(&self.buffer).and_then(|()| open.file.sync_data());
        self.syncs += 1;
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        if let Err(error) = written {
            let path = self.dir.join(file_name(open.first));
            self.close(open);
            // One number is skipped, so that the next file has another name.
            self.next += 1;
            return Err(JournalError::new("write", &path, error));
        }
        self.open = Some(open);
        self.next = numbers.end;
        self.acknowledged = numbers.end;
        Ok(numbers)
    }

    /// Ends the file: the next record starts another, so that files can be removed one by one.
    pub fn roll(&mut self) {
        if let Some(open) = self.open.take() {
            self.close(open);
        }
    }

    /// Removes closed files all of whose records are numbered below; damaged ones are kept aside.
    pub fn remove_below(&mut self, sequence: u64) -> Result<(), JournalError> {
        let mut removed = false;
        while let Some(file) = self.closed.first().filter(|file| file.end <= sequence) {
            let path = self.dir.join(&file.name);
            let gone = if file.damaged {
                self.disk.rename(&path, &self.dir.join(format!("{}.quarantined", file.name)))
            } else {
                self.disk.remove(&path)
            };
            if let Err(error) = gone
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(JournalError::new("remove", &path, error));
            }
            self.closed.remove(0);
            removed = true;
        }
        if removed {
            self.disk.sync_dir(&self.dir).map_err(|error| JournalError::new("sync", &self.dir, error))?;
        }
        Ok(())
    }

    /// Returns what each file holds, oldest first.
    pub fn extents(&self) -> impl Iterator<Item = Extent> + '_ {
        let closed =
            self.closed.iter().map(|file| Extent { first: file.first, end: file.end, bytes: file.bytes });
        closed.chain(self.newest_open())
    }

    /// Returns what the file that is being written holds.
    pub fn newest_open(&self) -> Option<Extent> {
        let open = self.open.as_ref()?;
        Some(Extent { first: open.first, end: self.acknowledged.max(open.first), bytes: open.bytes })
    }

    /// Has the closed file whose first record has this number kept aside when it would be removed.
    pub fn mark_damaged(&mut self, first: u64) {
        for file in self.closed.iter_mut().filter(|file| file.first == first) {
            file.damaged = true;
        }
    }

    /// Returns the number of the next record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns the bytes of all files.
    pub fn bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |open| open.bytes);
        self.closed.iter().map(|file| file.bytes).sum::<u64>() + open
    }

    /// Returns how often a group was synced.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    fn close(&mut self, open: Open) {
        let name = file_name(open.first);
        self.closed.push(Closed {
            name,
            first: open.first,
            end: self.acknowledged.max(open.first),
            bytes: open.bytes,
            damaged: false,
        });
    }

    /// Makes a new file whose name is safe; its head is synced with its first records.
    fn create(&mut self) -> Result<Open, JournalError> {
        let first = self.next;
        let path = self.dir.join(file_name(first));
        let made = self.disk.create(&path).and_then(|file| {
            let mut head = Vec::new();
            let checksum = Head { first, acknowledged: self.acknowledged }.write(&mut head);
            file.append(&head)?;
            self.disk.sync_dir(&self.dir)?;
            Ok(Open { file, first, bytes: head.len() as u64, checksum })
        });
        made.map_err(|error| {
            // What is left of it holds no record; if it cannot be removed now it is removed with the others.
            if self.disk.remove(&path).is_err() {
                let name = file_name(first);
                self.closed.push(Closed { name, first, end: first, bytes: 0, damaged: false });
            }
            self.next += 1;
            JournalError::new("create", &path, error)
        })
    }
}
