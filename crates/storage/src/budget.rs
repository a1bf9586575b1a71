//! Bounds the memory that an answer takes.

use std::borrow::Borrow;

use model::span::Span;

use crate::error::ReadError;

/// Usual limit of an answer: room for some hundred thousand spans.
pub const ANSWER_BYTES_MAX: usize = 256 << 20;

/// What an answer may still take.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    bytes_max: usize,
    left: usize,
}

impl Budget {
    /// Returns an unspent one.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, left: bytes_max }
    }

    /// Takes so many bytes, or says that they are too many.
    pub fn take(&mut self, bytes: usize) -> Result<(), ReadError> {
        let left = self.left.checked_sub(bytes).ok_or(ReadError::TooLarge { bytes_max: self.bytes_max })?;
        self.left = left;
        Ok(())
    }

    /// Takes back what was taken for something that is not kept.
    pub fn give_back(&mut self, bytes: usize) {
        self.left = (self.left + bytes).min(self.bytes_max);
    }

    /// Takes what these spans need.
    pub fn take_spans<S: Borrow<Span>>(&mut self, spans: &[S]) -> Result<(), ReadError> {
        self.take(spans.iter().map(|span| span.borrow().memory_bytes()).sum())
    }
}
