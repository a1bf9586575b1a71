//! The bytes of a segment, checked: what Parquet reads and writes goes through here.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use disk::port::File;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use storage::meter::Meter;

use crate::segment::meta::CHECKSUM_BLOCK_BYTES;

/// Bytes written at once.
const WRITE_BYTES: usize = 1 << 20;

/// Bytes read at once when all are: a number of whole blocks.
const READ_BYTES: u64 = 128 * CHECKSUM_BLOCK_BYTES as u64;

/// Writes a file and takes the checksum of each block, then one of the tail.
#[derive(Debug)]
pub struct ChecksumWriter<'a> {
    file: &'a dyn File,
    buffer: Vec<u8>,
    hasher: crc32fast::Hasher,
    hashed: usize,
    /// Length so far.
    pub bytes: u64,
    /// Checksums of the blocks of the data.
    pub checksums: Vec<u32>,
    /// Whether the data has ended.
    in_tail: bool,
}

impl<'a> ChecksumWriter<'a> {
    /// Starts at the beginning of a new file.
    pub fn new(file: &'a dyn File) -> Self {
        Self {
            file,
            buffer: Vec::with_capacity(WRITE_BYTES),
            hasher: crc32fast::Hasher::new(),
            hashed: 0,
            bytes: 0,
            checksums: Vec::new(),
            in_tail: false,
        }
    }

    /// Ends the data: what follows is the tail. Returns the checksums of the data's blocks.
    pub fn end_data(&mut self) -> Vec<u32> {
        if self.hashed > 0 {
            self.end_block();
        }
        self.in_tail = true;
        std::mem::take(&mut self.checksums)
    }

    /// Ends the file. Returns its length and the checksum of the tail.
    pub fn finish(mut self) -> io::Result<(u64, u32)> {
        self.flush()?;
        Ok((self.bytes, self.hasher.finalize()))
    }

    fn end_block(&mut self) {
        self.checksums.push(std::mem::take(&mut self.hasher).finalize());
        self.hashed = 0;
    }

    fn hash(&mut self, mut bytes: &[u8]) {
        while !self.in_tail && !bytes.is_empty() {
            let (block, rest) = bytes.split_at(bytes.len().min(CHECKSUM_BLOCK_BYTES - self.hashed));
            self.hasher.update(block);
            self.hashed += block.len();
            if self.hashed == CHECKSUM_BLOCK_BYTES {
                self.end_block();
            }
            bytes = rest;
        }
        self.hasher.update(bytes);
    }
}

impl Write for ChecksumWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash(bytes);
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// A segment's file for reading. Every byte it gives was checked. Clones are the same file.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: Box<dyn File>,
    data_bytes: u64,
    /// Checksums of the blocks of the data; none are known while the footer is being read.
    checksums: Vec<u32>,
    tail: Bytes,
}

impl CheckedFile {
    /// Takes a file whose tail is in memory and has been checked.
    pub fn new(file: Box<dyn File>, data_bytes: u64, checksums: Vec<u32>, tail: Bytes) -> Self {
        Self { inner: Arc::new(Inner { file, data_bytes, checksums, tail }) }
    }

    /// Returns the same file, now with the checksums of its data.
    pub fn with_checksums(self, checksums: Vec<u32>) -> Option<Self> {
        let inner = Arc::into_inner(self.inner)?;
        Some(Self { inner: Arc::new(Inner { checksums, ..inner }) })
    }

    /// Reads all of the data and returns the ranges of bytes whose checksums do not hold; says how many bytes it has
    /// read.
    pub fn damage(&self, progress: &mut dyn FnMut(u64)) -> io::Result<Vec<Range<u64>>> {
        let Inner { file, data_bytes, checksums, .. } = &*self.inner;
        let mut damage: Vec<Range<u64>> = Vec::new();
        let mut stored = checksums.iter();
        let mut at = 0;
        while at < *data_bytes {
            let mut bytes = vec![0; (data_bytes - at).min(READ_BYTES) as usize];
            file.read_at(&mut bytes, at)?;
            for block in bytes.chunks(CHECKSUM_BLOCK_BYTES) {
                let end = at + block.len() as u64;
                if stored.next() != Some(&crc32fast::hash(block)) {
                    match damage.last_mut() {
                        Some(last) if last.end == at => last.end = end,
                        _ => damage.push(at..end),
                    }
                }
                at = end;
            }
            progress(bytes.len() as u64);
        }
        Ok(damage)
    }

    /// Reads bytes, checked.
    pub fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.saturating_add(length as u64);
        if end > self.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("ends before byte {end}")));
        }
        let Inner { data_bytes, tail, .. } = &*self.inner;
        let in_tail = |offset: u64| (offset.saturating_sub(*data_bytes)) as usize;
        if start >= *data_bytes {
            return Ok(tail.slice(in_tail(start)..in_tail(end)));
        }
        let data = self.read_data(start, end.min(*data_bytes))?;
        if end <= *data_bytes {
            return Ok(data);
        }
        Ok([&data[..], tail.get(..in_tail(end)).unwrap_or_default()].concat().into())
    }

    fn read_data(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let block = CHECKSUM_BLOCK_BYTES as u64;
        let first = start / block;
        let base = first * block;
        let last = end.div_ceil(block).saturating_mul(block).min(self.inner.data_bytes);
        let mut bytes = vec![0; (last - base) as usize];
        self.inner.file.read_at(&mut bytes, base)?;
        Meter::current().add_bytes(last - base);
        let stored = self.inner.checksums.iter().skip(first as usize);
        let blocks = bytes.chunks(CHECKSUM_BLOCK_BYTES);
        let checked = blocks.len();
        let sound = blocks.zip(stored).filter(|(block, stored)| crc32fast::hash(block) == **stored).count();
        if sound < checked {
            let what = format!("checksum does not hold in bytes {base} to {last}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(Bytes::from(bytes).slice((start - base) as usize..(end - base) as usize))
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.inner.data_bytes + self.inner.tail.len() as u64
    }
}

impl ChunkReader for CheckedFile {
    type T = CheckedReader;

    fn get_read(&self, start: u64) -> ParquetResult<CheckedReader> {
        Ok(CheckedReader { file: self.clone(), at: start, block: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.read(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads on from an offset, several blocks at a time.
#[derive(Debug)]
pub struct CheckedReader {
    file: CheckedFile,
    at: u64,
    block: Bytes,
}

impl Read for CheckedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            let left = self.file.len().saturating_sub(self.at);
            let length = (left as usize).min(4 * CHECKSUM_BLOCK_BYTES);
            self.block = self.file.read(self.at, length)?;
            self.at += length as u64;
        }
        let length = buffer.len().min(self.block.len());
        let read = self.block.split_to(length);
        for (to, from) in buffer.chunks_mut(length.max(1)).zip(read.chunks(length.max(1))) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }
}
