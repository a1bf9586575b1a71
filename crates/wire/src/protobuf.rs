//! Reads fields of protocol buffers; bytes are borrowed, and nothing is ever read past the message's end.

use crate::error::{Fault, Read};

/// Reads one message from the front to the back. A clone is a place to come back to.
#[derive(Clone)]
pub(crate) struct ProtoReader<'a> {
    /// The whole input up to this message's end, so that places in faults count from its start.
    bytes: &'a [u8],
    at: usize,
}

/// What a field holds, by its wire type.
pub(crate) enum Field<'a> {
    /// int32, uint64, bool, enum.
    Varint(u64),
    /// fixed64, double.
    Fixed64(u64),
    /// bytes, string, or a message.
    Bytes(&'a [u8], ProtoReader<'a>),
    /// fixed32, which holds nothing that a span needs.
    Fixed32,
}

impl<'a> ProtoReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Reads the next field's number and value, or nothing at the end of the message.
    pub(crate) fn field(&mut self) -> Read<Option<(u64, Field<'a>)>> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                let start = self.at;
                let bytes = self.take(length)?;
                let message = self.bytes.get(..self.at).unwrap_or_default();
                Field::Bytes(bytes, Self { bytes: message, at: start })
            }
            5 => self.array::<4>().map(|_| Field::Fixed32)?,
            // Groups went away with proto3; 6 and 7 never were.
            other => {
                return Err(self.wrong(format!("Malformed: invalid wire type {other} at byte {}", self.at)));
            }
        };
        Ok(Some((key >> 3, field)))
    }

    /// Returns a fault at the place reached so far.
    #[cold]
    pub(crate) fn wrong(&self, what: impl Into<String>) -> Box<Fault> {
        Fault::new(self.at, what)
    }

    /// Returns the fault of a message that is nested deeper than this.
    #[cold]
    pub(crate) fn deep(&self, depth_max: u32) -> Box<Fault> {
        Fault::deep(self.at, format!("Nested deeper than {depth_max} at byte {}", self.at))
    }

    fn varint(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.wrong(format!("Malformed: varint of more than 10 bytes at byte {}", self.at)))
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let array = *found.ok_or_else(|| self.truncated(N as u64))?;
        self.at += N;
        Ok(array)
    }

    fn take(&mut self, length: u64) -> Read<&'a [u8]> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = found.ok_or_else(|| self.truncated(length))?;
        self.at += bytes.len();
        Ok(bytes)
    }

    #[cold]
    fn truncated(&self, length: u64) -> Box<Fault> {
        let available = self.bytes.len() - self.at;
        self.wrong(format!("Truncated: length {length} > bytes available {available}"))
    }
}

/// Appends a field of varint.
pub(crate) fn push_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    varint(out, number << 3);
    varint(out, value);
}

/// Appends a field of bytes, text, or a message.
pub(crate) fn push_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
