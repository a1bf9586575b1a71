//! Cuts a JSON list of any length into its objects, so that one span at a time is in memory.

use std::io::{self, BufRead};

/// A larger object is no span that any server took.
const OBJECT_BYTES_MAX: usize = 64 << 20;

/// The outermost objects of a text: of a list, of a list of lists, or one after the other.
pub struct Objects<R> {
    input: R,
    /// Lists that are open.
    lists: u64,
    /// Where the input is.
    at: Place,
    /// Where the last object, or what is wrong, starts.
    start: Place,
}

/// Counted from 1.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    byte: u64,
}

/// Why there are no more objects.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The file, or what compresses it.
    #[error("cannot read on: {0}")]
    Io(#[from] io::Error),
    #[error("here is no span: expected a list of Zipkin's v2 spans in JSON")]
    NoSpan,
    #[error("the file ends within a span")]
    EndsInSpan,
    #[error("the file ends within its list: it was cut off")]
    EndsInList,
    #[error("the span is larger than {OBJECT_BYTES_MAX} bytes")]
    TooLarge,
}

impl<R: BufRead> Objects<R> {
    /// Starts at the beginning.
    pub fn new(input: R) -> Self {
        let first = Place { line: 1, byte: 1 };
        Self { input, lists: 0, at: first, start: first }
    }

    /// Returns line and byte where the last object, or what is wrong, starts.
    pub fn place(&self) -> (u64, u64) {
        (self.start.line, self.start.byte)
    }

    /// Appends the next object's text. Returns false when there is none.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, Broken> {
        loop {
            self.start = self.at;
            let Some(&byte) = self.input.fill_buf()?.first() else {
                return if self.lists == 0 { Ok(false) } else { Err(Broken::EndsInList) };
            };
            match byte {
                b'{' => return self.object(out).map(|()| true),
                b'[' => self.lists += 1,
                b']' => self.lists = self.lists.checked_sub(1).ok_or(Broken::NoSpan)?,
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
                _ => return Err(Broken::NoSpan),
            }
            self.at.pass(&[byte]);
            self.input.consume(1);
        }
    }

    fn object(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut scan = Scan::default();
        let mut bytes = 0;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Err(Broken::EndsInSpan);
            }
            let end = buffer.iter().position(|byte| scan.ends_with(*byte)).map(|at| at + 1);
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            bytes += part.len();
            if bytes > OBJECT_BYTES_MAX {
                return Err(Broken::TooLarge);
            }
            out.extend_from_slice(part);
            self.at.pass(part);
            let used = part.len();
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

impl Place {
    fn pass(&mut self, bytes: &[u8]) {
        self.line += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.byte += bytes.len() as u64;
    }
}

/// Finds the end of an object.
#[derive(Default)]
struct Scan {
    depth: u64,
    in_text: bool,
    escaped: bool,
}

impl Scan {
    /// Takes the next byte. Says whether the object ends with it.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.escaped {
            self.escaped = false;
        } else if self.in_text {
            self.escaped = byte == b'\\';
            self.in_text = byte != b'"';
        } else {
            match byte {
                b'"' => self.in_text = true,
                b'{' => self.depth += 1,
                b'}' => self.depth -= 1,
                _ => {}
            }
        }
        self.depth == 0
    }
}
