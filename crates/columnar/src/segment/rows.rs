//! Columns back to spans.

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, BooleanArray, FixedSizeBinaryArray, ListArray, MapArray, PrimitiveArray, RecordBatch, StringArray,
};
use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};

/// The file has other columns than the format says.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("column {0} is missing or has another type")]
pub struct BadColumns(pub &'static str);

/// Returns a column.
pub fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a T, BadColumns> {
    batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref()).ok_or(BadColumns(name))
}

/// Appends the spans of a batch.
pub fn to_spans(batch: &RecordBatch, spans: &mut Vec<Span>) -> Result<(), BadColumns> {
    let columns = Columns::of(batch)?;
    for row in 0..batch.num_rows() {
        spans.push(columns.span(row)?);
    }
    Ok(())
}

struct Columns<'a> {
    trace_id: &'a FixedSizeBinaryArray,
    id: &'a PrimitiveArray<UInt64Type>,
    parent_id: &'a PrimitiveArray<UInt64Type>,
    kind: &'a StringArray,
    name: &'a StringArray,
    timestamp: &'a PrimitiveArray<TimestampMicrosecondType>,
    duration: &'a PrimitiveArray<UInt64Type>,
    local: Ends<'a>,
    remote: Ends<'a>,
    annotations: &'a ListArray,
    annotation_timestamps: &'a PrimitiveArray<TimestampMicrosecondType>,
    annotation_values: &'a StringArray,
    tags: &'a MapArray,
    tag_keys: &'a StringArray,
    tag_values: &'a StringArray,
    debug: &'a BooleanArray,
    shared: &'a BooleanArray,
}

struct Ends<'a> {
    service: &'a StringArray,
    ipv4: &'a PrimitiveArray<UInt32Type>,
    ipv6: &'a FixedSizeBinaryArray,
    port: &'a PrimitiveArray<UInt16Type>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, BadColumns> {
        let annotations = column::<ListArray>(batch, "annotations")?;
        let fields = annotations.values().as_struct_opt().map(|list| list.columns());
        let Some([annotation_timestamps, annotation_values]) = fields else {
            return Err(BadColumns("annotations"));
        };
        let tags = column::<MapArray>(batch, "tags")?;
        Ok(Self {
            trace_id: column(batch, "trace_id")?,
            id: column(batch, "id")?,
            parent_id: column(batch, "parent_id")?,
            kind: column(batch, "kind")?,
            name: column(batch, "name")?,
            timestamp: column(batch, "timestamp")?,
            duration: column(batch, "duration")?,
            local: Ends::of(batch, ["local_service", "local_ipv4", "local_ipv6", "local_port"])?,
            remote: Ends::of(batch, ["remote_service", "remote_ipv4", "remote_ipv6", "remote_port"])?,
            annotations,
            annotation_timestamps: annotation_timestamps
                .as_primitive_opt()
                .ok_or(BadColumns("annotations"))?,
            annotation_values: annotation_values.as_string_opt().ok_or(BadColumns("annotations"))?,
            tags,
            tag_keys: tags.keys().as_string_opt().ok_or(BadColumns("tags"))?,
            tag_values: tags.values().as_string_opt().ok_or(BadColumns("tags"))?,
            debug: column(batch, "debug")?,
            shared: column(batch, "shared")?,
        })
    }

    fn span(&self, row: usize) -> Result<Span, BadColumns> {
        let trace_id = self.trace_id.value(row).try_into().ok().map(u128::from_be_bytes);
        let trace_id = trace_id.and_then(TraceId::new).ok_or(BadColumns("trace_id"))?;
        let mut span = Span::new(trace_id, SpanId::new(self.id.value(row)).ok_or(BadColumns("id"))?);
        span.parent_id = some(self.parent_id, row).and_then(SpanId::new);
        span.kind = text(self.kind, row).and_then(Kind::from_name);
        span.name = text(self.name, row).map(str::to_owned);
        span.timestamp_us = some(self.timestamp, row).map(|us| us as u64);
        span.duration_us = some(self.duration, row);
        span.local_endpoint = self.local.endpoint(row);
        span.remote_endpoint = self.remote.endpoint(row);
        span.annotations = range(self.annotations.value_offsets(), row)
            .map(|at| Annotation {
                timestamp_us: self.annotation_timestamps.value(at) as u64,
                value: self.annotation_values.value(at).to_owned(),
            })
            .collect();
        span.tags = range(self.tags.value_offsets(), row)
            .map(|at| (self.tag_keys.value(at).to_owned(), self.tag_values.value(at).to_owned()))
            .collect();
        span.debug = self.debug.value(row);
        span.shared = self.shared.value(row);
        Ok(span)
    }
}

impl<'a> Ends<'a> {
    fn of(
        batch: &'a RecordBatch,
        [service, ipv4, ipv6, port]: [&'static str; 4],
    ) -> Result<Self, BadColumns> {
        Ok(Self {
            service: column(batch, service)?,
            ipv4: column(batch, ipv4)?,
            ipv6: column(batch, ipv6)?,
            port: column(batch, port)?,
        })
    }

    fn endpoint(&self, row: usize) -> Option<Endpoint> {
        let ipv6 = self.ipv6.is_valid(row).then(|| <[u8; 16]>::try_from(self.ipv6.value(row)).ok()).flatten();
        let endpoint = Endpoint {
            service_name: text(self.service, row).map(str::to_owned),
            ipv4: some(self.ipv4, row).map(Into::into),
            ipv6: ipv6.map(Into::into),
            port: some(self.port, row),
        };
        (endpoint != Endpoint::default()).then_some(endpoint)
    }
}

fn text(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

fn some<T: arrow_array::ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

/// Returns the places of a row's values.
pub fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    let at = |index: usize| offsets.get(index).map_or(0, |offset| *offset as usize);
    at(row)..at(row + 1)
}
