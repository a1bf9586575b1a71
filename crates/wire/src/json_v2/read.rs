//! Reads lists of JSON v2 spans.
//!
//! Rules: openzipkin/zipkin `zipkin2.internal.V2SpanReader` and the checks of `zipkin2.Span.Builder`.

use model::batch::Batch;
use model::draft::Draft;
use model::id::{IdError, SpanId, TraceId, lower_hex};
use model::span::Kind;

use crate::detect::Format;
use crate::error::{DecodeError, Excerpt, Fault, Read, missing_ids};
use crate::json::JsonReader;
use crate::json_list;

/// Appends the spans of a JSON v2 list to a batch: all of them, or none.
pub fn decode_list(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    json_list::decode(Format::JsonV2, bytes, batch, |reader, batch| {
        let mut draft = Draft::new(TraceId::MIN, SpanId::MIN);
        json_list::each(reader, |reader| {
            draft.clear(TraceId::MIN, SpanId::MIN);
            read_span(reader, &mut draft)?;
            Ok(draft.push_into(batch)?)
        })
    })
}

fn read_span<'a>(reader: &mut JsonReader<'a>, draft: &mut Draft<'a>) -> Read<()> {
    let (mut trace_id, mut id) = (None, None);
    reader.begin_object()?;
    let mut first = true;
    while let Some(key) = reader.next_key(&mut first)? {
        match &*key {
            "traceId" => trace_id = Some(read_trace_id(reader)?),
            "id" => id = Some(read_id(reader)?),
            // From here on null is the same as nothing.
            _ if reader.null()? => {}
            "parentId" => draft.parent_id = read_parent_id(reader)?,
            "kind" => draft.kind = Some(read_kind(reader)?),
            "name" => draft.name = Some(reader.string()?),
            "timestamp" => draft.timestamp_us = read_us(reader)?,
            "duration" => draft.duration_us = read_us(reader)?,
            "localEndpoint" => draft.local_endpoint = json_list::read_endpoint(reader)?,
            "remoteEndpoint" => draft.remote_endpoint = json_list::read_endpoint(reader)?,
            "annotations" => read_annotations(reader, draft)?,
            "tags" => read_tags(reader, draft)?,
            // Once true it stays: upstream's reader only ever sets these two.
            "debug" => draft.debug |= reader.boolean()?,
            "shared" => draft.shared |= reader.boolean()?,
            _ => reader.skip()?,
        }
    }
    let ids = trace_id.zip(id);
    (draft.trace_id, draft.id) = ids.ok_or_else(|| reader.wrong(missing_ids(trace_id, id)))?;
    Ok(())
}

fn read_trace_id(reader: &mut JsonReader<'_>) -> Read<TraceId> {
    let text = reader.string()?;
    TraceId::from_lower_hex(&text).map_err(|error| bad_id(reader, "traceId", &text, error))
}

fn read_id(reader: &mut JsonReader<'_>) -> Read<SpanId> {
    let text = reader.string()?;
    SpanId::from_lower_hex(&text).map_err(|error| bad_id(reader, "id", &text, error))
}

/// All zeros mean no parent.
fn read_parent_id(reader: &mut JsonReader<'_>) -> Read<Option<SpanId>> {
    let text = reader.string()?;
    let value = lower_hex(text.as_bytes(), 16).map_err(|error| bad_id(reader, "parentId", &text, error))?;
    Ok(SpanId::new(value as u64))
}

#[cold]
fn bad_id(reader: &JsonReader<'_>, field: &str, text: &str, error: IdError) -> Box<Fault> {
    reader.wrong(match error {
        IdError::Empty | IdError::AllZeros => format!("{field} {error}"),
        IdError::TooLong(_) => format!("{field}.{error}"),
        IdError::NotLowerHex => format!("{} {error}", Excerpt(text)),
    })
}

fn read_kind(reader: &mut JsonReader<'_>) -> Read<Kind> {
    let name = reader.string()?;
    Kind::from_name(&name)
        .ok_or_else(|| reader.wrong(format!("No enum constant zipkin2.Span.Kind.{}", Excerpt(&name))))
}

/// Reads a time; a negative one counts as none.
fn read_us(reader: &mut JsonReader<'_>) -> Read<u64> {
    Ok(u64::try_from(reader.long()?).unwrap_or(0))
}

fn read_annotations<'a>(reader: &mut JsonReader<'a>, draft: &mut Draft<'a>) -> Read<()> {
    json_list::each(reader, |reader| {
        let (mut timestamp_us, mut value) = (None, None);
        reader.begin_object()?;
        let mut first = true;
        while let Some(key) = reader.next_key(&mut first)? {
            match &*key {
                "timestamp" => timestamp_us = Some(read_us(reader)?),
                "value" => value = Some(reader.string()?),
                _ => reader.skip()?,
            }
        }
        let (Some(timestamp_us), Some(value)) = (timestamp_us, value) else {
            return Err(reader.bad_inside("Incomplete annotation"));
        };
        draft.annotations.push((timestamp_us, value));
        Ok(())
    })
}

fn read_tags<'a>(reader: &mut JsonReader<'a>, draft: &mut Draft<'a>) -> Read<()> {
    reader.begin_object()?;
    let mut first = true;
    while let Some(key) = reader.next_key(&mut first)? {
        if reader.null()? {
            return Err(reader.bad_inside("No value"));
        }
        draft.tags.push((key, reader.string()?));
    }
    Ok(())
}
