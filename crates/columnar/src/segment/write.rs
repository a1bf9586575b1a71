//! Writes a segment row by row: from a memtable, or from whatever else brings rows sorted by trace id.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::ArrowError;
use disk::port::{Disk, File};
use model::batch::{Batch, Row};
use model::id::TraceId;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use crate::config::Config;
use crate::memtable::Memtable;
use crate::names::{NameSets, TagValues};
use crate::segment::columns::Columns;
use crate::segment::file::ChecksumWriter;
use crate::segment::marks::Marks;
use crate::segment::meta::{Blob, Entry, Extent, FOOTER_KEY, Footer, file_name, marks_blob};
use crate::segment::schema::{SPANS, properties};

/// Version of the format, in every footer.
pub const VERSION: u32 = 1;

/// What a segment's rows do not tell about it.
#[derive(Debug, Default)]
pub struct About {
    /// Numbers of the journal records that it holds.
    pub journal: Range<u64>,
    /// 0 as sealed; one that is written anew has its own.
    pub generation: u64,
    /// When all of its spans had arrived, milliseconds since the epoch.
    pub arrived_ms: Option<u64>,
    /// Deletions up to this number are carried out in it.
    pub deletions: u64,
    /// Whether it holds what retention kept.
    pub pinned: bool,
    /// Names by service.
    pub names: NameSets,
    /// Values of tags to complete.
    pub values: TagValues,
    /// What else is to be kept in the file, each under a name of its own.
    pub blobs: Vec<(&'static str, Vec<u8>)>,
}

/// A segment being written. Rows come sorted by trace id, and by arrival within a trace.
pub struct Writer<'a> {
    config: &'a Config,
    arrow: ArrowWriter<ChecksumWriter<'a>>,
    columns: Columns,
    /// Rows of the row group being filled.
    waiting: usize,
    extent: Extent,
    first: Option<TraceId>,
    last: Option<TraceId>,
    page_trace_ids: String,
    /// Of the row group being filled.
    marks: Marks,
    /// Of those before.
    filters: Vec<Vec<u8>>,
}

/// Writes a memtable that was folded as a segment under its own name. On return it is safe, but does not count until the manifest
/// names it. Written twice it is the same, byte for byte: after an error of the disk nobody knows which of two manifests
/// a start will find.
pub fn write(disk: &dyn Disk, config: &Config, memtable: &Memtable) -> io::Result<Option<Entry>> {
    let blocks = memtable.blocks();
    let journal = memtable.journal();
    let name = file_name(journal.start, 0);
    let about = About {
        journal,
        arrived_ms: memtable.sealed_ms(),
        names: memtable.names(),
        values: memtable.values(),
        blobs: memtable.blobs(),
        ..About::default()
    };
    write_file(disk, config, name, |mut writer| {
        for place in sorted(&blocks) {
            let row = blocks.get(place.block as usize).and_then(|block| block.row_at(place.at as usize));
            writer.push(&row.ok_or_else(lost_row)?)?;
        }
        writer.finish(about)
    })
}

/// Writes a segment under a name: `fill` is to push all rows and then to finish the writer. On return the file is
/// safe, but does not count until the manifest names it. Without rows there is no file.
pub fn write_file<E: From<io::Error>>(
    disk: &dyn Disk,
    config: &Config,
    name: String,
    fill: impl FnOnce(Writer<'_>) -> Result<Entry, E>,
) -> Result<Option<Entry>, E> {
    let temporary = config.data_dir.join(format!("{name}.tmp"));
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = disk.create(&temporary)?;
    let write = || {
        let entry = fill(Writer::new(&*file, config)?)?;
        if entry.extent.rows == 0 {
            remove_quietly(disk, &temporary);
            return Ok(None);
        }
        file.sync_data()?;
        disk.rename(&temporary, &config.data_dir.join(&name))?;
        disk.sync_dir(&config.data_dir)?;
        Ok(Some(Entry { name, ..entry }))
    };
    write().inspect_err(|_| remove_quietly(disk, &temporary))
}

/// What is left over is removed at the next start at the latest.
fn remove_quietly(disk: &dyn Disk, path: &Path) {
    let _ = disk.remove(path);
}

impl<'a> Writer<'a> {
    fn new(file: &'a dyn File, config: &'a Config) -> io::Result<Self> {
        let arrow = ArrowWriter::try_new(ChecksumWriter::new(file), SPANS.clone(), Some(properties(config)));
        Ok(Self {
            config,
            arrow: arrow.map_err(of_parquet)?,
            columns: Columns::with_capacity(config.row_group_rows.min(1 << 17)),
            waiting: 0,
            extent: Extent { untimed: Some(0), ..Extent::default() },
            first: None,
            last: None,
            page_trace_ids: String::new(),
            marks: Marks::default(),
            filters: Vec::new(),
        })
    }

    /// Adds a row. Its trace id must not be smaller than that of the row before.
    pub fn push(&mut self, row: &Row<'_>) -> io::Result<()> {
        let extent = &mut self.extent;
        if (extent.rows as usize).is_multiple_of(self.config.page_rows) {
            self.page_trace_ids.push_str(&hex128(row.trace_id));
        }
        extent.rows += 1;
        extent.traces += u64::from(self.last != Some(row.trace_id));
        extent.timestamp_min_us = extent.timestamp_min_us.into_iter().chain(row.timestamp_us).min();
        extent.timestamp_max_us = extent.timestamp_max_us.max(row.timestamp_us);
        extent.untimed = extent.untimed.map(|rows| rows + u64::from(row.timestamp_us.is_none()));
        self.first.get_or_insert(row.trace_id);
        self.last = Some(row.trace_id);
        self.columns.push(row).map_err(of_arrow)?;
        self.marks.insert(row);
        self.waiting += 1;
        if self.waiting == self.config.row_group_rows { self.end_row_group() } else { Ok(()) }
    }

    fn end_row_group(&mut self) -> io::Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.waiting = 0;
        self.filters.push(self.marks.take_filter());
        let batch = self.columns.finish().map_err(of_arrow)?;
        self.arrow.write(&batch).and_then(|()| self.arrow.flush()).map_err(of_parquet)
    }

    /// Ends the file. What it returns has no name yet.
    pub fn finish(mut self, about: About) -> io::Result<Entry> {
        self.end_row_group()?;
        let id = |id: Option<TraceId>| id.map_or_else(String::new, hex128);
        let extent = Extent {
            trace_id_min: id(self.first),
            trace_id_max: id(self.last),
            journal_first: about.journal.start,
            journal_end: about.journal.end,
            generation: about.generation,
            arrived_ms: about.arrived_ms,
            deletions: about.deletions,
            pinned: about.pinned,
            ..self.extent
        };
        let mut blobs = BTreeMap::new();
        let filters = std::mem::take(&mut self.filters).into_iter().enumerate();
        let filters = filters.map(|(group, filter)| (marks_blob(group), filter));
        let others = about.blobs.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
        for (name, bytes) in filters.chain(others) {
            let blob = Blob { at: self.arrow.bytes_written() as u64, bytes: bytes.len() as u64 };
            self.arrow.write_all(&bytes)?;
            blobs.insert(name, blob);
        }
        self.arrow.sync()?;
        let data_bytes = self.arrow.inner().bytes;
        let checksums = self.arrow.inner_mut().end_data();
        let footer = Footer {
            version: VERSION,
            extent: extent.clone(),
            page_rows: self.config.page_rows as u64,
            page_trace_ids: self.page_trace_ids,
            data_bytes,
            checksums: checksums.iter().map(|checksum| format!("{checksum:08x}")).collect(),
            blobs,
            names: about.names,
            values: about.values,
        };
        let footer = serde_json::to_string(&footer)?;
        self.arrow.append_key_value_metadata(KeyValue::new(FOOTER_KEY.to_owned(), footer));
        let (bytes, tail_crc32) = self.arrow.into_inner().map_err(of_parquet)?.finish()?;
        Ok(Entry { name: String::new(), bytes, data_bytes, tail_crc32, extent })
    }
}

/// A row of a memtable in the order of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    trace_id: TraceId,
    block: u32,
    at: u32,
}

/// Sorts by trace id, and by arrival within a trace.
fn sorted(blocks: &[Arc<Batch>]) -> Vec<Place> {
    let mut order = Vec::new();
    for (block, batch) in blocks.iter().enumerate() {
        let mut at = 0;
        for row in batch.rows() {
            order.push(Place { trace_id: row.trace_id, block: block as u32, at });
            at += row.bytes().len() as u32;
        }
    }
    order.sort_unstable();
    order
}

fn hex128(id: TraceId) -> String {
    format!("{:032x}", id.get())
}

fn lost_row() -> io::Error {
    io::Error::other("a row of the memtable cannot be read back")
}

fn of_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

fn of_arrow(error: ArrowError) -> io::Error {
    io::Error::other(error)
}
