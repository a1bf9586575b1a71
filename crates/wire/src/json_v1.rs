//! Reads lists of JSON v1 spans.
//!
//! Rules: openzipkin/zipkin `zipkin2.internal.V1JsonSpanReader`.

use model::batch::Batch;
use model::endpoint::EndpointRef;
use model::id::lower_hex;

use crate::detect::Format;
use crate::error::{DecodeError, Excerpt, Read};
use crate::json::JsonReader;
use crate::json_list;
use crate::v1::{Converter, V1Annotation, V1BinaryAnnotation, V1Span};

/// Appends what the spans of a JSON v1 list stand for to a batch: all of it, or nothing.
pub fn decode_list(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    json_list::decode(Format::JsonV1, bytes, batch, |reader, batch| {
        let (mut span, mut converter) = (V1Span::default(), Converter::new());
        json_list::each(reader, |reader| {
            span.clear();
            read_span(reader, &mut span)?;
            converter.convert(&mut span, reader.at(), batch)
        })
    })
}

fn read_span<'a>(reader: &mut JsonReader<'a>, span: &mut V1Span<'a>) -> Read<()> {
    reader.begin_object()?;
    let mut first = true;
    while let Some(key) = reader.next_key(&mut first)? {
        match &*key {
            "traceId" => {
                let trace_id = read_id(reader)?;
                span.trace_id_high = (trace_id >> 64) as u64;
                span.trace_id = trace_id as u64;
            }
            // Of more than 16 digits the right-most 16 count.
            "id" => span.id = read_id(reader)? as u64,
            _ if reader.null()? => {}
            "parentId" => span.parent_id = read_id(reader)? as u64,
            "name" => span.name = Some(reader.string()?),
            "timestamp" => span.timestamp_us = reader.long()?,
            "duration" => span.duration_us = reader.long()?,
            "annotations" => json_list::each(reader, |reader| {
                span.annotations.push(read_annotation(reader)?);
                Ok(())
            })?,
            "binaryAnnotations" => json_list::each(reader, |reader| {
                span.binary_annotations.extend(read_binary_annotation(reader)?);
                Ok(())
            })?,
            "debug" => span.debug |= reader.boolean()?,
            _ => reader.skip()?,
        }
    }
    Ok(())
}

fn read_id(reader: &mut JsonReader<'_>) -> Read<u128> {
    let text = reader.string()?;
    lower_hex(text.as_bytes(), 32).map_err(|_| {
        let found = Excerpt(&text);
        reader.wrong(format!("{found} should be a 1 to 32 character lower-hex string with no prefix"))
    })
}

fn read_annotation<'a>(reader: &mut JsonReader<'a>) -> Read<V1Annotation<'a>> {
    let (mut timestamp_us, mut value, mut endpoint) = (None, None, None);
    reader.begin_object()?;
    let mut first = true;
    while let Some(key) = reader.next_key(&mut first)? {
        match &*key {
            "timestamp" => timestamp_us = Some(reader.long()?),
            "value" => value = Some(reader.string()?),
            "endpoint" => endpoint = read_endpoint(reader)?,
            _ => reader.skip()?,
        }
    }
    match (timestamp_us, value) {
        (Some(timestamp_us), Some(value)) => Ok(V1Annotation { timestamp_us, value, endpoint }),
        _ => Err(reader.bad_inside("Incomplete annotation")),
    }
}

/// Returns nothing for what has no place in v2: numbers, other booleans, addresses without endpoint.
fn read_binary_annotation<'a>(reader: &mut JsonReader<'a>) -> Read<Option<V1BinaryAnnotation<'a>>> {
    let (mut key, mut value, mut yes, mut endpoint) = (None, None, false, None);
    reader.begin_object()?;
    let mut first = true;
    while let Some(field) = reader.next_key(&mut first)? {
        match &*field {
            _ if reader.null()? => {}
            "key" => key = Some(reader.string()?),
            "value" if reader.at_string()? => value = Some(reader.string()?),
            "value" if reader.at_boolean()? => yes = reader.boolean()?,
            "endpoint" => endpoint = read_endpoint(reader)?,
            _ => reader.skip()?,
        }
    }
    let Some(key) = key else {
        return Err(reader.bad_inside("No key"));
    };
    let address = yes && endpoint.is_some() && matches!(&*key, "ca" | "sa" | "ma");
    Ok((value.is_some() || address).then_some(V1BinaryAnnotation { key, value, endpoint }))
}

fn read_endpoint<'a>(reader: &mut JsonReader<'a>) -> Read<Option<EndpointRef<'a>>> {
    if reader.null()? {
        return Ok(None);
    }
    Ok(Some(json_list::read_endpoint(reader)?).filter(|endpoint| !endpoint.is_empty()))
}
