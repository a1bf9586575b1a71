//! Writes a memtable as one segment.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::ArrowError;
use disk::port::{Disk, File};
use model::batch::Batch;
use model::id::TraceId;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use crate::config::Config;
use crate::memtable::Memtable;
use crate::segment::columns::Columns;
use crate::segment::file::ChecksumWriter;
use crate::segment::meta::{Entry, Extent, FOOTER_KEY, Footer, file_name};
use crate::segment::schema::{SPANS, properties};

/// Version of the format, in every footer.
pub const VERSION: u32 = 1;

/// Writes a segment under its own name. On return it is safe, but does not count until the manifest names it.
pub fn write(disk: &dyn Disk, config: &Config, memtable: &Memtable) -> io::Result<Entry> {
    let name = file_name(memtable.journal().start);
    let temporary = config.data_dir.join(format!("{name}.tmp"));
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&temporary)?;
    let written = write_file(&*file, config, memtable, name.clone()).and_then(|entry| {
        file.sync_data()?;
        disk.rename(&temporary, &config.data_dir.join(name))?;
        disk.sync_dir(&config.data_dir)?;
        Ok(entry)
    });
    written.inspect_err(|_| remove_quietly(disk, &temporary))
}

/// What is left over is removed at the next start at the latest.
fn remove_quietly(disk: &dyn Disk, path: &Path) {
    let _ = disk.remove(path);
}

fn write_file(file: &dyn File, config: &Config, memtable: &Memtable, name: String) -> io::Result<Entry> {
    let blocks = memtable.blocks();
    let order = sorted(&blocks);
    let extent = extent(&blocks, &order, memtable);
    let page_trace_ids = order.iter().step_by(config.page_rows).map(|row| hex128(row.trace_id)).collect();
    let properties = properties(config, extent.traces as usize);
    let mut writer = ArrowWriter::try_new(ChecksumWriter::new(file), SPANS.clone(), Some(properties))
        .map_err(of_parquet)?;
    for group in order.chunks(config.row_group_rows) {
        let mut columns = Columns::with_capacity(group.len());
        for place in group {
            let row = blocks.get(place.block as usize).and_then(|block| block.row_at(place.at as usize));
            columns.push(&row.ok_or_else(lost_row)?).map_err(of_arrow)?;
        }
        let batch = columns.finish().map_err(of_arrow)?;
        writer.write(&batch).map_err(of_parquet)?;
    }
    writer.flush().map_err(of_parquet)?;
    writer.sync()?;
    let data_bytes = writer.inner().bytes;
    let checksums = writer.inner_mut().end_data();
    let footer = Footer {
        version: VERSION,
        extent: extent.clone(),
        page_rows: config.page_rows as u64,
        page_trace_ids,
        data_bytes,
        checksums: checksums.iter().map(|checksum| format!("{checksum:08x}")).collect(),
        names: memtable.names(),
        values: memtable.values(),
    };
    let footer = serde_json::to_string(&footer)?;
    writer.append_key_value_metadata(KeyValue::new(FOOTER_KEY.to_owned(), footer));
    let (bytes, tail_crc32) = writer.into_inner().map_err(of_parquet)?.finish()?;
    Ok(Entry { name, bytes, data_bytes, tail_crc32, extent })
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

fn extent(blocks: &[Arc<Batch>], order: &[Place], memtable: &Memtable) -> Extent {
    let timestamps = || blocks.iter().flat_map(|block| block.rows()).filter_map(|row| row.timestamp_us);
    let id = |place: Option<&Place>| place.map_or_else(String::new, |place| hex128(place.trace_id));
    let journal = memtable.journal();
    Extent {
        rows: order.len() as u64,
        traces: order.chunk_by(|left, right| left.trace_id == right.trace_id).count() as u64,
        trace_id_min: id(order.first()),
        trace_id_max: id(order.last()),
        timestamp_min_us: timestamps().min(),
        timestamp_max_us: timestamps().max(),
        journal_first: journal.start,
        journal_end: journal.end,
    }
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
