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
    /// 0 as sealed, higher the later it was written anew. Of two files that hold the same records the higher counts.
    #[serde(default)]
    pub generation: u64,
    /// When all of its spans had arrived, milliseconds since the epoch; absent when that is not known.
    #[serde(default)]
    pub arrived_ms: Option<u64>,
    /// Spans without a start; absent when they were not counted.
    #[serde(default)]
    pub untimed: Option<u64>,
    /// Deletions up to this number were carried out in it.
    #[serde(default)]
    pub deletions: u64,
    /// Whether it holds what retention kept: spans of pinned traces only.
    #[serde(default)]
    pub pinned: bool,
}

impl Extent {
    /// Returns how new its newest span is, in milliseconds since the epoch: no newer than when it arrived, whatever
    /// the sender's clock said.
    pub fn newest_ms(&self) -> Option<u64> {
        let started_ms = self.timestamp_max_us.map(|us| us / 1000);
        match (started_ms, self.arrived_ms) {
            (Some(started), Some(arrived)) => Some(started.min(arrived)),
            (one, other) => one.or(other),
        }
    }
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

/// Returns the name of the segment whose first journal record has this number. No two files have the same name: a
/// generation is used once.
pub fn file_name(journal_first: u64, generation: u64) -> String {
    match generation {
        0 => format!("segment-{journal_first:020}.parquet"),
        _ => format!("segment-{journal_first:020}-{generation:06}.parquet"),
    }
}

/// Returns the generation in the name of a segment.
pub fn generation_of(name: &str) -> u64 {
    let stem = name.strip_suffix(".parquet").and_then(|stem| stem.strip_prefix("segment-"));
    stem.and_then(|stem| stem.split_once('-')).and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0)
}

/// Returns the name of the blob with the filter of a row group.
pub fn marks_blob(row_group: usize) -> String {
    format!("marks.{row_group}")
}

/// Says whether a file bears the name of a segment.
pub fn is_segment(name: &str) -> bool {
    name.starts_with("segment-") && name.ends_with(".parquet")
}
