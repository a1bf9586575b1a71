//! The payload of a journal record: when its spans came, which ones they are, and the spans. Bytes: `docs/formats/relay.md`.

use crate::body::{Body, Form};

/// Most bytes of spans in one entry, so that any call can be put together from whole ones.
pub const ENTRY_BYTES_MAX: usize = 256 << 10;
/// Bytes before the spans.
pub const HEAD_BYTES: usize = 21;

/// What is known of an entry without reading its spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// When it was accepted, milliseconds since the epoch.
    pub arrival_ms: u64,
    /// Spans accepted before it since the journal began: the difference of two heads says how many lie between.
    pub spans_before: u64,
    /// Its spans.
    pub spans: u32,
    /// Their form.
    pub form: Form,
}

impl Head {
    /// Reads an entry's head and the bytes of its spans.
    pub fn read(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (arrival_ms, rest) = payload.split_first_chunk()?;
        let (spans_before, rest) = rest.split_first_chunk()?;
        let (spans, rest) = rest.split_first_chunk()?;
        let ([form], rest) = rest.split_first_chunk()?;
        let head = Self {
            arrival_ms: u64::from_le_bytes(*arrival_ms),
            spans_before: u64::from_le_bytes(*spans_before),
            spans: u32::from_le_bytes(*spans),
            form: Form::from_number(*form)?,
        };
        Some((head, rest))
    }

    /// Returns one past the number of its last span.
    pub fn spans_end(&self) -> u64 {
        self.spans_before + u64::from(self.spans)
    }
}

/// An entry that waits to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    payload: Vec<u8>,
    spans: u32,
}

impl Entry {
    /// Returns the entries of a body: as few as [`ENTRY_BYTES_MAX`] allows.
    pub fn of(body: &Body) -> Vec<Self> {
        if body.as_bytes().len() <= ENTRY_BYTES_MAX {
            return vec![Self::whole(body)];
        }
        body.parts(ENTRY_BYTES_MAX).iter().map(Self::whole).collect()
    }

    fn whole(body: &Body) -> Self {
        let mut payload = Vec::with_capacity(HEAD_BYTES + body.as_bytes().len());
        payload.resize(HEAD_BYTES - 1, 0);
        payload.push(body.form() as u8);
        payload.extend_from_slice(body.as_bytes());
        Self { payload, spans: body.len() as u32 }
    }

    /// Writes when it came and which spans it holds. Returns the number of spans up to its end.
    pub fn stamp(&mut self, arrival_ms: u64, spans_before: u64) -> u64 {
        let fields = arrival_ms.to_le_bytes().into_iter().chain(spans_before.to_le_bytes());
        for (to, from) in self.payload.iter_mut().zip(fields.chain(self.spans.to_le_bytes())) {
            *to = from;
        }
        spans_before + u64::from(self.spans)
    }

    /// Returns its bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns its number of spans.
    pub fn spans(&self) -> u32 {
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::messages::Messages;

    #[test]
    fn an_entry_says_what_it_holds() {
        let mut messages = Messages::default();
        (0..3).for_each(|_| messages.push(&[b'a'; 100_000]));
        let body = Body::from(messages);
        let mut entries = Entry::of(&body);
        assert_eq!(entries.iter().map(Entry::spans).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(entries[0].stamp(7, 40), 42);
        let (head, bytes) = Head::read(entries[0].payload()).unwrap();
        assert_eq!(head, Head { arrival_ms: 7, spans_before: 40, spans: 2, form: Form::Messages });
        assert_eq!(bytes, &body.as_bytes()[..200_008]);
        assert!(Head::read(&entries[0].payload()[..20]).is_none());
    }
}
