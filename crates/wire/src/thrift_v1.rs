//! Reads v1 spans of zipkinCore.thrift: lists as the HTTP door takes them, single ones as scribe carries them.
//!
//! Rules: openzipkin/zipkin `zipkin2.internal.V1ThriftSpanReader`. A field counts only with its own type; all
//! others are skipped.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::batch::Batch;
use model::endpoint::EndpointRef;

use crate::detect::Format;
use crate::error::{DecodeError, Read};
use crate::list;
use crate::tbinary::{BOOL, I16, I32, I64, LIST, STRING, STRUCT, TBinaryReader};
use crate::text::text;
use crate::v1::{Converter, V1Annotation, V1BinaryAnnotation, V1Span};

/// Appends what the spans of a thrift list stand for to a batch: all of it, or nothing.
pub fn decode_list(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    list::decode(Format::Thrift, bytes, batch, |batch| {
        let mut reader = TBinaryReader::new(bytes);
        let count = reader.list()?;
        read_spans(&mut reader, count, batch)
    })
}

/// Appends what one thrift span stands for to a batch: all of it, or nothing. Bytes after it are not looked at.
pub fn decode_span(bytes: &[u8], batch: &mut Batch) -> Result<(), DecodeError> {
    list::all_or_nothing(Format::Thrift, batch, |batch| read_spans(&mut TBinaryReader::new(bytes), 1, batch))
}

fn read_spans(reader: &mut TBinaryReader<'_>, count: usize, batch: &mut Batch) -> Read<()> {
    let (mut span, mut converter) = (V1Span::default(), Converter::new());
    for _ in 0..count {
        span.clear();
        read_span(reader, &mut span)?;
        converter.convert(&mut span, reader.at(), batch)?;
    }
    Ok(())
}

fn read_span<'a>(reader: &mut TBinaryReader<'a>, span: &mut V1Span<'a>) -> Read<()> {
    while let Some(field) = reader.field()? {
        match field {
            (I64, 1) => span.trace_id = reader.i64()? as u64,
            (STRING, 3) => span.name = Some(text(reader.bytes()?)),
            (I64, 4) => span.id = reader.i64()? as u64,
            (I64, 5) => span.parent_id = reader.i64()? as u64,
            (LIST, 6) => {
                for _ in 0..reader.list()? {
                    span.annotations.extend(read_annotation(reader)?);
                }
            }
            (LIST, 8) => {
                for _ in 0..reader.list()? {
                    span.binary_annotations.extend(read_binary_annotation(reader)?);
                }
            }
            (BOOL, 9) => span.debug = reader.byte()? == 1,
            (I64, 10) => span.timestamp_us = reader.i64()?,
            (I64, 11) => span.duration_us = reader.i64()?,
            (I64, 12) => span.trace_id_high = reader.i64()? as u64,
            (kind, _) => reader.skip(kind)?,
        }
    }
    Ok(())
}

/// Returns nothing for an annotation without time or value.
fn read_annotation<'a>(reader: &mut TBinaryReader<'a>) -> Read<Option<V1Annotation<'a>>> {
    let (mut timestamp_us, mut value, mut endpoint) = (0, None, None);
    while let Some(field) = reader.field()? {
        match field {
            (I64, 1) => timestamp_us = reader.i64()?,
            (STRING, 2) => value = Some(text(reader.bytes()?)),
            (STRUCT, 3) => endpoint = read_endpoint(reader)?,
            (kind, _) => reader.skip(kind)?,
        }
    }
    let value = value.filter(|_| timestamp_us != 0);
    Ok(value.map(|value| V1Annotation { timestamp_us, value, endpoint }))
}

/// Returns nothing for what has no place in v2: numbers, bytes, booleans that are no address.
fn read_binary_annotation<'a>(reader: &mut TBinaryReader<'a>) -> Read<Option<V1BinaryAnnotation<'a>>> {
    const TYPE_BOOL: i32 = 0;
    const TYPE_STRING: i32 = 6;
    let (mut key, mut value, mut value_type, mut endpoint) = (None, None, None, None);
    while let Some(field) = reader.field()? {
        match field {
            (STRING, 1) => key = Some(text(reader.bytes()?)),
            (STRING, 2) => value = Some(reader.bytes()?),
            (I32, 3) => value_type = Some(reader.i32()?),
            (STRUCT, 4) => endpoint = read_endpoint(reader)?,
            (kind, _) => reader.skip(kind)?,
        }
    }
    let (Some(key), Some(value)) = (key, value) else { return Ok(None) };
    let value = match value_type {
        Some(TYPE_STRING) => Some(text(value)),
        Some(TYPE_BOOL) if value == [1] && endpoint.is_some() && matches!(&*key, "ca" | "sa" | "ma") => None,
        _ => return Ok(None),
    };
    Ok(Some(V1BinaryAnnotation { key, value, endpoint }))
}

fn read_endpoint<'a>(reader: &mut TBinaryReader<'a>) -> Read<Option<EndpointRef<'a>>> {
    let mut endpoint = EndpointRef::default();
    while let Some(field) = reader.field()? {
        match field {
            (I32, 1) => {
                let ipv4 = reader.i32()? as u32;
                if ipv4 != 0 {
                    endpoint.set_ip(Ipv4Addr::from_bits(ipv4).into());
                }
            }
            // Thrift has no unsigned numbers: ports above 32767 come as negative ones.
            (I16, 2) => endpoint.port = Some(reader.i16()? as u16).filter(|port| *port > 0),
            (STRING, 3) => {
                endpoint.service_name = Some(text(reader.bytes()?)).filter(|name| !name.is_empty());
            }
            // Bytes of another length are no address.
            (STRING, 4) => {
                if let Ok(octets) = <[u8; 16]>::try_from(reader.bytes()?) {
                    endpoint.set_ip(Ipv6Addr::from(octets).into());
                }
            }
            (kind, _) => reader.skip(kind)?,
        }
    }
    Ok(Some(endpoint).filter(|endpoint| !endpoint.is_empty()))
}
