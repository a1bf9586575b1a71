//! What is known of a segment without reading its spans: the manifest's entry, and the file's own footer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{NameSets, TagValues};

/// Key of the footer in the Parquet file's key-value metadata.
pub const FOOTER_KEY: &str = "spanlet.segment";

/// Checksums are over blocks of this many bytes.
pub const CHECKSUM_BLOCK_BYTES: usize = 8192;

/// What a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Spans.
    pub rows: u64,
    /// Traces.
    pub traces: u64,
    /// Smallest trace id, 32 hexadecimal digits.
    pub trace_id_min: String,
    /// Largest trace id.
    pub trace_id_max: String,
    /// Oldest start of a span; absent when no span has one.
    pub timestamp_min_us: Option<u64>,
    /// Newest start of a span.
    pub timestamp_max_us: Option<u64>,
    /// Number of the first journal record that it holds.
    pub journal_first: u64,
    /// One past the number of the last one.
    pub journal_end: u64,
}

/// Where in the file bytes are that no column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Offset of the first one.
    pub at: u64,
    /// How many.
    pub bytes: u64,
}

/// What the file says about itself, as JSON under [`FOOTER_KEY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// Version of the format.
    pub version: u32,
    /// What it holds.
    #[serde(flatten)]
    pub extent: Extent,
    /// Rows of every page but the last of a row group.
    pub page_rows: u64,
    /// Trace id of the first row of each stretch of `page_rows` rows: 32 hexadecimal digits each.
    pub page_trace_ids: String,
    /// Bytes before the page indexes and this footer.
    pub data_bytes: u64,
    /// CRC-32 of each block of the data: 8 hexadecimal digits each.
    pub checksums: String,
    /// Where bytes that are no columns are, by their name; they are data.
    #[serde(default)]
    pub blobs: BTreeMap<String, Blob>,
    /// Names by service.
    pub names: NameSets,
    /// Values of tags to complete, by key; of the keys that were set when the spans came.
    #[serde(default)]
    pub values: TagValues,
}

/// What the manifest says about a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// File name.
    pub name: String,
    /// Length of the file.
    pub bytes: u64,
    /// Bytes before the page indexes and the footer.
    pub data_bytes: u64,
    /// CRC-32 of the rest.
    pub tail_crc32: u32,
    /// What it holds.
    #[serde(flatten)]
    pub extent: Extent,
}

/// Returns the name of the segment whose first journal record has this number.
pub fn file_name(journal_first: u64) -> String {
    format!("segment-{journal_first:020}.parquet")
}

/// Says whether a file bears the name of a segment.
pub fn is_segment(name: &str) -> bool {
    name.starts_with("segment-") && name.ends_with(".parquet")
}
