//! Rows to columns: builds the arrays of one row group.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, FixedSizeBinaryBuilder, PrimitiveBuilder, StringBuilder, TimestampMicrosecondBuilder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, ListArray, MapArray, RecordBatch, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType};
use model::batch::Row;
use model::endpoint::EndpointRef;
use model::span::Kind;

use crate::segment::schema::{self, annotation_fields, annotation_item, tag_entries, tag_fields};

/// Arrays that grow row by row.
#[derive(Debug)]
pub struct Columns {
    trace_id: FixedSizeBinaryBuilder,
    id: UInt64Builder,
    parent_id: UInt64Builder,
    kind: StringBuilder,
    name: StringBuilder,
    timestamp: TimestampMicrosecondBuilder,
    duration: UInt64Builder,
    local: Endpoint,
    remote: Endpoint,
    annotation_offsets: Vec<i32>,
    annotation_timestamps: TimestampMicrosecondBuilder,
    annotation_values: StringBuilder,
    tag_offsets: Vec<i32>,
    tag_keys: StringBuilder,
    tag_values: StringBuilder,
    debug: BooleanBuilder,
    shared: BooleanBuilder,
}

#[derive(Debug)]
struct Endpoint {
    service: StringBuilder,
    ipv4: UInt32Builder,
    ipv6: FixedSizeBinaryBuilder,
    port: UInt16Builder,
}

impl Columns {
    /// Returns empty columns with room for so many rows.
    pub fn with_capacity(rows: usize) -> Self {
        let instants = || TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(schema::instant());
        Self {
            trace_id: FixedSizeBinaryBuilder::with_capacity(rows, 16),
            id: PrimitiveBuilder::with_capacity(rows),
            parent_id: PrimitiveBuilder::with_capacity(rows),
            kind: StringBuilder::new(),
            name: StringBuilder::new(),
            timestamp: instants(),
            duration: PrimitiveBuilder::with_capacity(rows),
            local: Endpoint::new(),
            remote: Endpoint::new(),
            annotation_offsets: vec![0],
            annotation_timestamps: instants(),
            annotation_values: StringBuilder::new(),
            tag_offsets: vec![0],
            tag_keys: StringBuilder::new(),
            tag_values: StringBuilder::new(),
            debug: BooleanBuilder::with_capacity(rows),
            shared: BooleanBuilder::with_capacity(rows),
        }
    }

    /// Appends a row.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), ArrowError> {
        self.trace_id.append_value(row.trace_id.get().to_be_bytes())?;
        self.id.append_value(row.id.get());
        self.parent_id.append_option(row.parent_id.map(|id| id.get()));
        self.kind.append_option(row.kind.map(Kind::name));
        self.name.append_option(row.name);
        // Instants past the year 294,000 keep their 64 bits; only other readers see them as negative.
        self.timestamp.append_option(row.timestamp_us.map(|us| us as i64));
        self.duration.append_option(row.duration_us);
        self.local.push(row.local_endpoint.as_ref())?;
        self.remote.push(row.remote_endpoint.as_ref())?;
        for (timestamp_us, value) in row.annotations() {
            self.annotation_timestamps.append_value(timestamp_us as i64);
            self.annotation_values.append_value(value);
        }
        self.annotation_offsets.push(self.annotation_values.len_i32()?);
        for (key, value) in row.tags() {
            self.tag_keys.append_value(key);
            self.tag_values.append_value(value);
        }
        self.tag_offsets.push(self.tag_values.len_i32()?);
        self.debug.append_value(row.debug);
        self.shared.append_value(row.shared);
        Ok(())
    }

    /// Returns the rows so far and starts anew.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let offsets = |offsets: &mut Vec<i32>| OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
        let annotations = StructArray::try_new(
            annotation_fields(),
            vec![Arc::new(self.annotation_timestamps.finish()), Arc::new(self.annotation_values.finish())],
            None,
        )?;
        let tags = StructArray::try_new(
            tag_fields(DataType::Utf8),
            vec![Arc::new(self.tag_keys.finish()), Arc::new(self.tag_values.finish())],
            None,
        )?;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.trace_id.finish()),
            Arc::new(self.id.finish()),
            Arc::new(self.parent_id.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.name.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(self.duration.finish()),
        ];
        columns.extend(self.local.finish());
        columns.extend(self.remote.finish());
        let annotation_offsets = offsets(&mut self.annotation_offsets);
        let tag_offsets = offsets(&mut self.tag_offsets);
        columns.extend([
            Arc::new(ListArray::try_new(annotation_item(), annotation_offsets, Arc::new(annotations), None)?)
                as ArrayRef,
            Arc::new(MapArray::try_new(tag_entries(DataType::Utf8), tag_offsets, tags, None, false)?),
            Arc::new(self.debug.finish()),
            Arc::new(self.shared.finish()),
        ]);
        RecordBatch::try_new(schema::SPANS.clone(), columns)
    }
}

impl Endpoint {
    fn new() -> Self {
        Self {
            service: StringBuilder::new(),
            ipv4: UInt32Builder::new(),
            ipv6: FixedSizeBinaryBuilder::new(16),
            port: UInt16Builder::new(),
        }
    }

    fn push(&mut self, endpoint: Option<&EndpointRef<'_>>) -> Result<(), ArrowError> {
        self.service.append_option(endpoint.and_then(|it| it.service_name.as_deref()));
        self.ipv4.append_option(endpoint.and_then(|it| it.ipv4).map(|ip| ip.to_bits()));
        match endpoint.and_then(|it| it.ipv6) {
            Some(ip) => self.ipv6.append_value(ip.octets())?,
            None => self.ipv6.append_null(),
        }
        self.port.append_option(endpoint.and_then(|it| it.port));
        Ok(())
    }

    fn finish(&mut self) -> [ArrayRef; 4] {
        [
            Arc::new(self.service.finish()),
            Arc::new(self.ipv4.finish()),
            Arc::new(self.ipv6.finish()),
            Arc::new(self.port.finish()),
        ]
    }
}

/// Lengths as list offsets.
trait LenI32 {
    fn len_i32(&self) -> Result<i32, ArrowError>;
}

impl LenI32 for StringBuilder {
    fn len_i32(&self) -> Result<i32, ArrowError> {
        let length = arrow_array::builder::ArrayBuilder::len(self);
        i32::try_from(length).map_err(|_| ArrowError::OffsetOverflowError(length))
    }
}
