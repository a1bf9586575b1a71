//! Reads thrift's binary protocol; bytes are borrowed, and no length is believed beyond the bytes that are there.

use crate::error::{Fault, Read};

/// How deep a field that nobody asked for may be nested.
const SKIP_DEPTH_MAX: u32 = 64;

pub(crate) const BOOL: u8 = 2;
pub(crate) const BYTE: u8 = 3;
pub(crate) const DOUBLE: u8 = 4;
pub(crate) const I16: u8 = 6;
pub(crate) const I32: u8 = 8;
pub(crate) const I64: u8 = 10;
pub(crate) const STRING: u8 = 11;
pub(crate) const STRUCT: u8 = 12;
pub(crate) const MAP: u8 = 13;
pub(crate) const SET: u8 = 14;
pub(crate) const LIST: u8 = 15;

/// Reads values from the front to the back.
pub(crate) struct TBinaryReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> TBinaryReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns how many bytes have been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns what has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Reads the type and the id of a struct's next field, or nothing at its end.
    #[inline]
    pub(crate) fn field(&mut self) -> Read<Option<(u8, i16)>> {
        match self.byte()? {
            0 => Ok(None),
            kind => Ok(Some((kind, self.i16()?))),
        }
    }

    /// Reads the head of a list and returns its length. The element type is not looked at, as upstream has it.
    pub(crate) fn list(&mut self) -> Read<usize> {
        self.byte()?;
        self.length()
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Read<u8> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn i16(&mut self) -> Read<i16> {
        self.array().map(i16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i32(&mut self) -> Read<i32> {
        self.array().map(i32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i64(&mut self) -> Read<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// Reads a string or a binary.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// Moves past a value of this type.
    pub(crate) fn skip(&mut self, kind: u8) -> Read<()> {
        self.skip_nested(kind, SKIP_DEPTH_MAX)
    }

    fn skip_nested(&mut self, kind: u8, depth_left: u32) -> Read<()> {
        let Some(deeper) = depth_left.checked_sub(1) else {
            return Err(Fault::deep(
                self.at,
                format!("Nested deeper than {SKIP_DEPTH_MAX} at byte {}", self.at),
            ));
        };
        match kind {
            BOOL | BYTE => drop(self.take(1)?),
            I16 => drop(self.take(2)?),
            I32 => drop(self.take(4)?),
            I64 | DOUBLE => drop(self.take(8)?),
            STRING => drop(self.bytes()?),
            STRUCT => {
                while let Some((kind, _)) = self.field()? {
                    self.skip_nested(kind, deeper)?;
                }
            }
            // Each element takes at least a byte, so the length is within the bytes that are there.
            LIST | SET => {
                let kind = self.byte()?;
                for _ in 0..self.length()? {
                    self.skip_nested(kind, deeper)?;
                }
            }
            MAP => {
                let (key, value) = (self.byte()?, self.byte()?);
                for _ in 0..self.length()? {
                    self.skip_nested(key, deeper)?;
                    self.skip_nested(value, deeper)?;
                }
            }
            _ => return Err(self.wrong(format!("Unknown field type {kind} at byte {}", self.at))),
        }
        Ok(())
    }

    #[inline]
    fn length(&mut self) -> Read<usize> {
        let length = self.i32()?;
        let available = self.bytes.len() - self.at;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= available)
            .ok_or_else(|| self.truncated(i64::from(length)))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let array = *found.ok_or_else(|| self.truncated(N as i64))?;
        self.at += N;
        Ok(array)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (head, _) = rest.split_at_checked(length).ok_or_else(|| self.truncated(length as i64))?;
        self.at += length;
        Ok(head)
    }

    #[cold]
    fn truncated(&self, length: i64) -> Box<Fault> {
        let available = self.bytes.len() - self.at;
        self.wrong(format!("Truncated: length {length} > bytes available {available}"))
    }

    #[cold]
    fn wrong(&self, what: impl Into<String>) -> Box<Fault> {
        Fault::new(self.at, what)
    }
}
