//! Opens a segment and reads traces from it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::Path;

use arrow_array::{Array, FixedSizeBinaryArray, RecordBatch};
use bytes::Bytes;
use disk::port::Disk;
use model::id::TraceId;
use model::span::Span;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection,
};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::PageIndexPolicy;
use serde::Deserialize;
use storage::meter::Meter;
use storage::port::Names;

use crate::names::{NAMES_MAX, NameSets, TagValues};
use crate::rollup::Cached;
use crate::segment::error::{SegmentError, still_wanted};
use crate::segment::file::CheckedFile;
use crate::segment::marks::{BLOCK_BYTES, Mark};
use crate::segment::meta::{Blob, Entry, FOOTER_KEY, Footer, marks_blob};
use crate::segment::rows::{self, BadColumns};
use crate::segment::schema::{SCAN, SPANS};
use crate::segment::write::VERSION;

/// Rows decoded at once when only some columns are looked at.
const BATCH_ROWS: usize = 8192;

/// Rows decoded at once with all columns: large spans take memory twice for a moment.
const SPANS_AT_ONCE: usize = 1024;

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    entry: Entry,
    file: CheckedFile,
    spans: ArrowReaderMetadata,
    scan: ArrowReaderMetadata,
    page_rows: usize,
    /// Trace id of the first row of each stretch of `page_rows` rows.
    pages: Vec<TraceId>,
    /// First row of each row group, and of the one after the last.
    group_rows: Vec<usize>,
    /// Filter of trace ids of each row group.
    blooms: Vec<Option<Sbbf>>,
    /// Filter of marks of each row group.
    filters: Vec<Option<Blob>>,
    blobs: BTreeMap<String, Blob>,
    rollup: Cached,
    names: NameSets,
    values: TagValues,
    /// Whether the lists of names and values may lack some.
    lists_full: bool,
}

impl Segment {
    /// Opens a segment that the manifest names, checking all but its data.
    pub fn open(disk: &dyn Disk, dir: &Path, entry: Entry) -> Result<Self, SegmentError> {
        let name = entry.name.clone();
        let of_io = |error| SegmentError::of_io(&name, error);
        let file = disk.open(&dir.join(&name)).map_err(of_io)?;
        let bytes = file.len().map_err(of_io)?;
        if bytes != entry.bytes || entry.data_bytes > bytes {
            return Err(damaged(&name, format!("has {bytes} bytes, the manifest says {}", entry.bytes)));
        }
        let mut tail = vec![0; (bytes - entry.data_bytes) as usize];
        file.read_at(&mut tail, entry.data_bytes).map_err(of_io)?;
        if crc32fast::hash(&tail) != entry.tail_crc32 {
            return Err(damaged(&name, "checksum of the footer does not hold".to_owned()));
        }
        let file = CheckedFile::new(file, entry.data_bytes, Vec::new(), Bytes::from(tail));
        Self::load(file, entry)
    }

    /// Finds out what the manifest would say about a segment, trusting its footer: for when the manifest is lost.
    pub fn adopt(disk: &dyn Disk, dir: &Path, name: &str) -> Result<Entry, SegmentError> {
        let of_io = |error| SegmentError::of_io(name, error);
        let path = dir.join(name);
        let bytes = Bytes::from(disk::port::read_all(disk, &path).map_err(of_io)?);
        let metadata = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new())
            .map_err(|error| SegmentError::of_parquet(name, error))?;
        let footer = footer(name, &metadata)?;
        let tail = bytes.get(footer.data_bytes as usize..);
        let tail_crc32 = tail.map(crc32fast::hash).ok_or_else(|| damaged(name, "is cut".to_owned()))?;
        let (bytes, data_bytes) = (bytes.len() as u64, footer.data_bytes);
        Ok(Entry { name: name.to_owned(), bytes, data_bytes, tail_crc32, extent: footer.extent })
    }

    fn load(file: CheckedFile, entry: Entry) -> Result<Self, SegmentError> {
        let name = entry.name.clone();
        let of_parquet = |error| SegmentError::of_parquet(&name, error);
        let options = |schema: &arrow_schema::SchemaRef| {
            ArrowReaderOptions::new()
                .with_schema(schema.clone())
                .with_column_index_policy(PageIndexPolicy::Skip)
                .with_offset_index_policy(PageIndexPolicy::Required)
        };
        let spans = ArrowReaderMetadata::load(&file, options(&SPANS)).map_err(of_parquet)?;
        let scan =
            ArrowReaderMetadata::try_new(spans.metadata().clone(), options(&SCAN)).map_err(of_parquet)?;
        let footer = footer(&name, &spans)?;
        let pages = hex_chunks(&footer.page_trace_ids, 32)
            .map(|hex| TraceId::new(u128::from_str_radix(hex?, 16).ok()?))
            .collect::<Option<Vec<_>>>();
        let checksums = hex_chunks(&footer.checksums, 8).map(|hex| u32::from_str_radix(hex?, 16).ok());
        let checksums = checksums.collect::<Option<Vec<_>>>();
        let (Some(pages), Some(checksums)) = (pages, checksums) else {
            return Err(damaged(&name, "footer cannot be read".to_owned()));
        };
        let Some(file) = file.with_checksums(checksums) else {
            return Err(damaged(&name, "footer is in use".to_owned()));
        };
        let mut group_rows = vec![0];
        let mut blooms = Vec::new();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), spans.clone());
        for (index, group) in spans.metadata().row_groups().iter().enumerate() {
            group_rows.push(group_rows.last().copied().unwrap_or(0) + group.num_rows() as usize);
            blooms.push(builder.get_row_group_column_bloom_filter(index, 0).map_err(of_parquet)?);
        }
        let page_rows = footer.page_rows.max(1) as usize;
        let Footer { blobs, names, values, .. } = footer;
        let filters = (0..blooms.len()).map(|group| blobs.get(&marks_blob(group)).copied()).collect();
        Ok(Self {
            entry,
            file,
            spans,
            scan,
            page_rows,
            pages,
            group_rows,
            blooms,
            filters,
            lists_full: names.len() + values.len() >= NAMES_MAX,
            blobs,
            rollup: Cached::default(),
            names,
            values,
        })
    }

    /// Returns what the manifest says about it.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Says whether a span of this service, or of any, may have such a name and such a remote service.
    pub fn may_have(&self, service: Option<&str>, name: Option<&str>, remote: Option<&str>) -> bool {
        self.lists_full || self.names.may_have(service, name, remote)
    }

    /// Reads the bytes that the file keeps under a name; nothing when it keeps none, as older ones do.
    pub fn blob(&self, name: &str) -> Result<Option<Bytes>, SegmentError> {
        let Some(blob) = self.blobs.get(name) else { return Ok(None) };
        self.read_blob(blob, 0..blob.bytes).map(Some)
    }

    /// Says whether the file keeps bytes under a name.
    pub fn has_blob(&self, name: &str) -> bool {
        self.blobs.contains_key(name)
    }

    /// Reads some of the bytes that the file keeps under a name.
    pub fn blob_part(&self, name: &str, part: Range<u64>) -> Result<Bytes, SegmentError> {
        let blob = self.blobs.get(name).filter(|blob| part.start <= part.end && part.end <= blob.bytes);
        self.read_blob(blob.ok_or_else(|| self.bad_blob(name))?, part)
    }

    fn read_blob(&self, blob: &Blob, part: Range<u64>) -> Result<Bytes, SegmentError> {
        let length = part.end.saturating_sub(part.start) as usize;
        let bytes = self.file.read(blob.at.saturating_add(part.start), length);
        bytes.map_err(|error| SegmentError::of_io(&self.entry.name, error))
    }

    /// Says that bytes under a name are not those of the format.
    pub fn bad_blob(&self, name: &str) -> SegmentError {
        damaged(&self.entry.name, format!("{name} cannot be read"))
    }

    /// Returns what was read of its figures.
    pub fn rollup(&self) -> &Cached {
        &self.rollup
    }

    /// Returns the row groups that may have a mark: all of them when the file has no filters, as older ones have not.
    pub fn groups_with(&self, mark: Mark) -> Result<Vec<usize>, SegmentError> {
        let mut groups = Vec::new();
        for group in self.groups() {
            let filter = self.filters.get(group).and_then(Option::as_ref);
            let may = match filter {
                Some(filter) => {
                    let at = mark.block(filter.bytes / BLOCK_BYTES as u64) * BLOCK_BYTES as u64;
                    mark.may_be_in(&self.read_blob(filter, at..at + BLOCK_BYTES as u64)?)
                }
                None => true,
            };
            groups.extend(may.then_some(group));
        }
        Ok(groups)
    }

    /// Returns the numbers of all row groups.
    pub fn groups(&self) -> Range<usize> {
        0..self.group_rows.len().saturating_sub(1)
    }

    /// Returns how many rows a row group has.
    pub fn group_len(&self, group: usize) -> usize {
        let first = |group: usize| self.group_rows.get(group).copied().unwrap_or(0);
        first(group + 1).saturating_sub(first(group))
    }

    /// Returns all spans, by trace id, then in order of arrival.
    pub fn spans(&self) -> Result<impl Iterator<Item = Result<Span, SegmentError>> + '_, SegmentError> {
        let rows = 0..self.rows();
        let batches = self.read(&self.spans, &[rows], ProjectionMask::all())?;
        Ok(batches.flat_map(move |batch| {
            let mut spans = Vec::new();
            let read =
                batch.and_then(|batch| rows::to_spans(&batch, &mut spans).map_err(|error| self.bad(error)));
            spans.into_iter().map(Ok).chain(read.err().map(Err))
        }))
    }

    /// Adds names to those of other parts.
    pub fn collect_names(&self, names: &Names, out: &mut BTreeSet<String>) {
        self.names.collect(names, out);
        self.values.collect(names, out);
    }

    /// Says whether a span may belong to the trace; wrong once in 100,000 times.
    pub fn may_hold(&self, id: TraceId) -> bool {
        self.stretches_of(id).is_some()
    }

    /// Calls for each span of these traces, by trace id, then in order of arrival.
    pub fn traces<E: From<SegmentError>>(
        &self,
        ids: &BTreeSet<TraceId>,
        call: &mut impl FnMut(Span) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stretches: Vec<Range<usize>> = Vec::new();
        for id in ids {
            let Some(found) = self.stretches_of(*id) else { continue };
            match stretches.last_mut() {
                Some(last) if found.start <= last.end => last.end = last.end.max(found.end),
                _ => stretches.push(found),
            }
        }
        if stretches.is_empty() {
            return Ok(());
        }
        let rows = self.rows_of(ids, &stretches)?;
        let mut spans = Vec::new();
        for batch in self.read(&self.spans, &rows, ProjectionMask::all())? {
            let batch = batch?;
            rows::to_spans(&batch, &mut spans).map_err(|error| self.bad(error))?;
            spans.drain(..).try_for_each(&mut *call)?;
        }
        Ok(())
    }

    /// Returns what its own footer says.
    pub fn footer(&self) -> Result<Footer, SegmentError> {
        footer(&self.entry.name, &self.spans)
    }

    /// Returns the ranges of bytes of its data whose checksums do not hold; says how many bytes it has read.
    pub fn damage(&self, progress: &mut dyn FnMut(u64)) -> io::Result<Vec<Range<u64>>> {
        self.file.damage(progress)
    }

    /// Calls for each row's trace id.
    pub fn for_each_trace_id(&self, call: &mut impl FnMut(TraceId)) -> Result<(), SegmentError> {
        for batch in self.scan(&Vec::from_iter(self.groups()), &["trace_id"])? {
            let batch = batch?;
            trace_ids(&batch).map_err(|error| self.bad(error))?.for_each(&mut *call);
        }
        Ok(())
    }

    /// Reads some columns of all rows of some row groups, repeated text as dictionaries.
    pub fn scan(&self, groups: &[usize], columns: &[&str]) -> Result<Batches<'_>, SegmentError> {
        self.count_groups(groups.iter().copied());
        let roots = columns.iter().filter_map(|name| self.scan.schema().index_of(name).ok());
        let mask = ProjectionMask::roots(self.scan.parquet_schema(), roots);
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.scan.clone())
            .with_row_groups(groups.to_vec())
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map(|reader| Batches { segment: self, reader })
            .map_err(|error| SegmentError::of_parquet(&self.entry.name, error))
    }

    fn count_groups(&self, groups: impl IntoIterator<Item = usize>) {
        let meter = Meter::current();
        let segment = std::ptr::from_ref(self).addr();
        groups.into_iter().for_each(|group| meter.add_row_group(segment, group));
    }

    /// Says that the columns are not those of the format.
    pub fn bad(&self, error: BadColumns) -> SegmentError {
        damaged(&self.entry.name, error.to_string())
    }

    /// Returns the rows among which those of the trace must be; nothing when it cannot be there.
    fn stretches_of(&self, id: TraceId) -> Option<Range<usize>> {
        let start = self.pages.partition_point(|first| *first < id).saturating_sub(1);
        let end = self.pages.partition_point(|first| *first <= id);
        let rows = start * self.page_rows..(end * self.page_rows).min(self.rows());
        let maybe = self.groups_of(&rows).any(|group| {
            let bloom = self.blooms.get(group).and_then(Option::as_ref);
            bloom.is_none_or(|bloom| bloom.check(&id.get().to_be_bytes()[..]))
        });
        (!rows.is_empty() && maybe).then_some(rows)
    }

    fn rows(&self) -> usize {
        self.group_rows.last().copied().unwrap_or(0)
    }

    fn groups_of(&self, rows: &Range<usize>) -> Range<usize> {
        let group_of = |row: usize| self.group_rows.partition_point(|first| *first <= row).saturating_sub(1);
        if rows.is_empty() { 0..0 } else { group_of(rows.start)..group_of(rows.end - 1) + 1 }
    }

    /// Returns the exact rows of traces, looked up among these.
    fn rows_of(
        &self,
        ids: &BTreeSet<TraceId>,
        among: &[Range<usize>],
    ) -> Result<Vec<Range<usize>>, SegmentError> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut numbers = among.iter().cloned().flatten();
        let mask = ProjectionMask::roots(self.spans.parquet_schema(), [0]);
        for batch in self.read(&self.spans, among, mask)? {
            let batch = batch?;
            for id in trace_ids(&batch).map_err(|error| self.bad(error))? {
                let Some(row) = numbers.next() else { break };
                if !ids.contains(&id) {
                    continue;
                }
                match found.last_mut() {
                    Some(last) if last.end == row => last.end += 1,
                    _ => found.push(row..row + 1),
                }
            }
        }
        Ok(found)
    }

    /// Reads columns of some rows, opening only the row groups they are in.
    fn read(
        &self,
        metadata: &ArrowReaderMetadata,
        rows: &[Range<usize>],
        columns: ProjectionMask,
    ) -> Result<Batches<'_>, SegmentError> {
        let groups: BTreeSet<usize> = rows.iter().flat_map(|rows| self.groups_of(rows)).collect();
        // Rows are counted among those of the chosen row groups only.
        let mut chosen_rows = 0;
        let mut chosen: Vec<Range<usize>> = Vec::new();
        for group in &groups {
            let bounds = self.group_rows.get(*group).copied().unwrap_or(0)
                ..self.group_rows.get(group + 1).copied().unwrap_or(0);
            for rows in rows {
                let part = rows.start.max(bounds.start)..rows.end.min(bounds.end);
                if !part.is_empty() {
                    let start = chosen_rows + part.start - bounds.start;
                    chosen.push(start..start + part.len());
                }
            }
            chosen_rows += bounds.len();
        }
        self.count_groups(groups.iter().copied());
        let selection = RowSelection::from_consecutive_ranges(chosen.into_iter(), chosen_rows);
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), metadata.clone())
            .with_row_groups(groups.into_iter().collect())
            .with_row_selection(selection)
            .with_projection(columns)
            .with_batch_size(SPANS_AT_ONCE)
            .build()
            .map(|reader| Batches { segment: self, reader })
            .map_err(|error| SegmentError::of_parquet(&self.entry.name, error))
    }
}

/// Rows of a segment, a few thousand at a time, as long as somebody waits for them.
pub struct Batches<'a> {
    segment: &'a Segment,
    reader: ParquetRecordBatchReader,
}

impl Iterator for Batches<'_> {
    type Item = Result<RecordBatch, SegmentError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = still_wanted() {
            return Some(Err(error));
        }
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| SegmentError::of_arrow(&self.segment.entry.name, error)))
    }
}

/// Returns the trace ids in the first column.
pub fn trace_ids(batch: &RecordBatch) -> Result<impl Iterator<Item = TraceId> + '_, BadColumns> {
    let ids = rows::column::<FixedSizeBinaryArray>(batch, "trace_id")?;
    let ids = ids.value_data().chunks_exact(16).skip(ids.offset()).take(ids.len());
    Ok(ids.filter_map(|bytes| TraceId::new(u128::from_be_bytes(bytes.try_into().ok()?))))
}

fn footer(name: &str, metadata: &ArrowReaderMetadata) -> Result<Footer, SegmentError> {
    let pairs = metadata.metadata().file_metadata().key_value_metadata();
    let text = pairs.into_iter().flatten().find(|pair| pair.key == FOOTER_KEY);
    let text = text.and_then(|pair| pair.value.as_deref());
    let text = text.ok_or_else(|| damaged(name, format!("has no {FOOTER_KEY} in its footer")))?;
    // The version first: a newer footer may look different.
    let said: Version = serde_json::from_str(text).map_err(|error| damaged(name, error.to_string()))?;
    if said.version > VERSION {
        return Err(SegmentError::Newer { name: name.to_owned(), version: said.version });
    }
    serde_json::from_str(text).map_err(|error| damaged(name, error.to_string()))
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn hex_chunks(hex: &str, digits: usize) -> impl Iterator<Item = Option<&str>> {
    hex.as_bytes().chunks(digits).map(|chunk| std::str::from_utf8(chunk).ok())
}

fn damaged(name: &str, why: String) -> SegmentError {
    SegmentError::Damaged { name: name.to_owned(), why }
}
