//! Writes columns: a head in JSON, then each column as an array of the narrowest little-endian type that holds it.

use model::columns::Texts;
use serde_json::{Map, Value, json};

/// First bytes of every answer.
const MAGIC: &[u8; 8] = b"SPANCOL1";

/// Every part starts at a multiple of so many bytes, as readers want for typed arrays.
const ALIGN: usize = 8;

/// Columns, being written.
#[derive(Debug, Default)]
pub struct Packed {
    columns: Map<String, Value>,
    texts: Map<String, Value>,
    bytes: Vec<u8>,
}

impl Packed {
    /// Adds whole numbers.
    pub fn numbers(&mut self, name: &str, values: Vec<u64>) {
        let most = values.iter().copied().max().unwrap_or(0);
        if most <= u64::from(u8::MAX) {
            self.array(name, "u8", values.iter().map(|value| [*value as u8]));
        } else if most <= u64::from(u16::MAX) {
            self.array(name, "u16", values.iter().map(|value| (*value as u16).to_le_bytes()));
        } else if most <= u64::from(u32::MAX) {
            self.array(name, "u32", values.iter().map(|value| (*value as u32).to_le_bytes()));
        } else {
            self.array(name, "f64", values.iter().map(|value| (*value as f64).to_le_bytes()));
        }
    }

    /// Adds numbers of which some may be missing: then all are floating point, and those are NaN.
    pub fn numbers_or_none(&mut self, name: &str, values: Vec<Option<u64>>) {
        if let Some(values) = values.iter().copied().collect() {
            return self.numbers(name, values);
        }
        self.array(
            name,
            "f64",
            values.iter().map(|value| value.map_or(f64::NAN, |it| it as f64).to_le_bytes()),
        );
    }

    /// Adds a table of texts, and the number of each row's.
    pub fn texts(&mut self, name: &str, texts: Texts) {
        self.numbers(name, texts.at.iter().map(|number| u64::from(*number)).collect());
        self.texts.insert(name.to_owned(), texts.of.into());
    }

    /// Adds bytes as they are.
    pub fn bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.array(name, "u8", bytes.iter().map(|byte| [*byte]));
    }

    /// Returns all bytes, with this head before the columns.
    pub fn finish(self, mut head: Map<String, Value>) -> Vec<u8> {
        head.insert("texts".to_owned(), Value::Object(self.texts));
        head.insert("columns".to_owned(), Value::Object(self.columns));
        let mut head = Value::Object(head).to_string();
        head.extend(std::iter::repeat_n(' ', missing(head.len())));
        let mut out = Vec::with_capacity(2 * ALIGN + head.len() + self.bytes.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&(head.len() as u64).to_le_bytes());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&self.bytes);
        out
    }

    fn array<const N: usize>(
        &mut self,
        name: &str,
        kind: &str,
        values: impl ExactSizeIterator<Item = [u8; N]>,
    ) {
        let column = json!({"type": kind, "at": self.bytes.len(), "length": values.len()});
        self.columns.insert(name.to_owned(), column);
        self.bytes.reserve(values.len() * N + ALIGN);
        values.for_each(|value| self.bytes.extend_from_slice(&value));
        self.bytes.extend(std::iter::repeat_n(0, missing(self.bytes.len())));
    }
}

/// Returns how many bytes are missing to the next part.
fn missing(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGN) - bytes
}
