//! Reads lists of spans in protocol buffers: ListOfSpans of zipkin.proto.
//!
//! Rules: openzipkin/zipkin `zipkin2.internal.Proto3ZipkinFields`, except that unknown fields of every wire type are
//! skipped by their own length (upstream swallows what follows them).

use std::net::{Ipv4Addr, Ipv6Addr};

use model::batch::Batch;
use model::draft::Draft;
use model::endpoint::EndpointRef;
use model::id::{SpanId, TraceId};
use model::span::Kind;

use crate::detect::Format;
use crate::error::{DecodeError, Read, missing_ids};
use crate::list;
use crate::protobuf::{Field, ProtoReader};
use crate::text::text;

/// Appends the spans of a proto3 list to a batch: all of them, or none. Bytes that start as no list are refused.
pub fn decode_list(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    list::decode(Format::Proto3, bytes, batch, |batch| read_list(bytes, batch))
}

/// Does the same for a message that is known to be a list: one that starts with an unknown field is one too.
pub fn decode_message(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    list::all_or_nothing(Format::Proto3, batch, |batch| read_list(bytes, batch))
}

fn read_list(bytes: &[u8], batch: &mut Batch) -> Read<()> {
    let mut list = ProtoReader::new(bytes);
    let mut draft = Draft::new(TraceId::MIN, SpanId::MIN);
    while let Some(field) = list.field()? {
        if let (1, Field::Bytes(_, span)) = field {
            draft.clear(TraceId::MIN, SpanId::MIN);
            read_span(span, &mut draft)?;
            draft.push_into(batch)?;
        }
    }
    Ok(())
}

fn read_span<'a>(mut span: ProtoReader<'a>, draft: &mut Draft<'a>) -> Read<()> {
    let (mut trace_id, mut id) = (None, None);
    while let Some(field) = span.field()? {
        match field {
            (1, Field::Bytes(bytes, _)) => trace_id = read_id(&span, "traceId", bytes, 16, TraceId::new)?,
            (2, Field::Bytes(bytes, _)) => {
                draft.parent_id = SpanId::new(read_number(&span, "parentId", bytes, 8)? as u64)
            }
            (3, Field::Bytes(bytes, _)) => id = read_id(&span, "id", bytes, 8, |id| SpanId::new(id as u64))?,
            (4, Field::Varint(number)) => {
                draft.kind = u8::try_from(number).ok().and_then(Kind::from_number).or(draft.kind);
            }
            (5, Field::Bytes(bytes, _)) => draft.name = Some(text(bytes)),
            (6, Field::Fixed64(time_us)) => draft.timestamp_us = us(time_us),
            (7, Field::Varint(time_us)) => draft.duration_us = us(time_us),
            (8, Field::Bytes(_, endpoint)) => draft.local_endpoint = read_endpoint(endpoint)?,
            (9, Field::Bytes(_, endpoint)) => draft.remote_endpoint = read_endpoint(endpoint)?,
            (10, Field::Bytes(_, annotation)) => read_annotation(annotation, draft)?,
            (11, Field::Bytes(_, tag)) => read_tag(tag, draft)?,
            (12, Field::Varint(flag)) => draft.debug = flag != 0,
            (13, Field::Varint(flag)) => draft.shared = flag != 0,
            _ => {}
        }
    }
    (draft.trace_id, draft.id) = trace_id.zip(id).ok_or_else(|| span.wrong(missing_ids(trace_id, id)))?;
    Ok(())
}

/// Reads an id from its bytes, most significant first. No bytes are no id; zero is refused.
fn read_id<T>(
    span: &ProtoReader<'_>,
    name: &str,
    bytes: &[u8],
    bytes_max: usize,
    id: impl Fn(u128) -> Option<T>,
) -> Read<Option<T>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let number = read_number(span, name, bytes, bytes_max)?;
    id(number).map(Some).ok_or_else(|| span.wrong(format!("{name} is all zeros")))
}

fn read_number(span: &ProtoReader<'_>, name: &str, bytes: &[u8], bytes_max: usize) -> Read<u128> {
    if bytes.len() > bytes_max {
        return Err(span.wrong(format!("{name}.length > {}", 2 * bytes_max)));
    }
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// Returns a time; one with its top bit set is negative in Zipkin, which counts as none.
fn us(time_us: u64) -> u64 {
    if time_us >> 63 == 0 { time_us } else { 0 }
}

fn read_endpoint(mut message: ProtoReader<'_>) -> Read<EndpointRef<'_>> {
    let mut endpoint = EndpointRef::default();
    while let Some(field) = message.field()? {
        match field {
            (1, Field::Bytes(bytes, _)) => {
                endpoint.service_name = Some(text(bytes)).filter(|name| !name.is_empty());
            }
            // Bytes of another length are no address; each field takes both kinds.
            (2 | 3, Field::Bytes(bytes, _)) => {
                if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
                    endpoint.set_ip(Ipv4Addr::from(octets).into());
                } else if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
                    endpoint.set_ip(Ipv6Addr::from(octets).into());
                }
            }
            // An int32: a negative one fills all 64 bits, and counts as none.
            (4, Field::Varint(number)) => endpoint.port = port(&message, number as i32)?,
            _ => {}
        }
    }
    Ok(endpoint)
}

fn port(message: &ProtoReader<'_>, number: i32) -> Read<Option<u16>> {
    if number > i32::from(u16::MAX) {
        return Err(message.wrong(format!("invalid port {number}")));
    }
    Ok(u16::try_from(number).ok().filter(|port| *port > 0))
}

/// Adds an annotation, if it has a time and a value; an empty value is none, as everywhere in proto3.
fn read_annotation<'a>(mut message: ProtoReader<'a>, draft: &mut Draft<'a>) -> Read<()> {
    let (mut timestamp_us, mut value) = (0, None);
    while let Some(field) = message.field()? {
        match field {
            (1, Field::Fixed64(time_us)) => timestamp_us = us(time_us),
            (2, Field::Bytes(bytes, _)) => value = Some(text(bytes)).filter(|value| !value.is_empty()),
            _ => {}
        }
    }
    draft.annotations.extend(value.filter(|_| timestamp_us != 0).map(|value| (timestamp_us, value)));
    Ok(())
}

/// Adds a tag, if it has a key.
fn read_tag<'a>(mut entry: ProtoReader<'a>, draft: &mut Draft<'a>) -> Read<()> {
    let (mut key, mut value) = (None, Default::default());
    while let Some(field) = entry.field()? {
        match field {
            (1, Field::Bytes(bytes, _)) => key = Some(text(bytes)).filter(|key| !key.is_empty()),
            (2, Field::Bytes(bytes, _)) => value = text(bytes),
            _ => {}
        }
    }
    draft.tags.extend(key.map(|key| (key, value)));
    Ok(())
}
