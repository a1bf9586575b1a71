//! Reads requests in JSON: protocol buffers' own mapping, but ids are hexadecimal and enums are numbers.
//!
//! Rules: OpenTelemetry protocol specification, "JSON Protobuf Encoding". Null is the same as nothing, numbers may be
//! text, unknown names are passed over. Names of enums are read too: senders that use a stock encoder write them.

use std::borrow::Cow;

use model::id::{SpanId, TraceId};

use super::map::{Event, Link, OtlpSpan, Parent, Resource, Scope};
use super::value::{Members, Scalar, push_key};
use super::{Sink, VALUE_DEPTH_MAX};
use crate::error::Read;
use crate::json::JsonReader;
use crate::json_list::each;

pub(super) fn read_request(reader: &mut JsonReader<'_>, sink: &mut Sink<'_>) -> Read<()> {
    members(reader, |reader, key| match key {
        "resourceSpans" => each(reader, |reader| read_resource_spans(reader, sink)),
        _ => reader.skip(),
    })
}

/// Reads an object, with `read` for each member that is not null.
fn members<'a>(
    reader: &mut JsonReader<'a>,
    mut read: impl FnMut(&mut JsonReader<'a>, &str) -> Read<()>,
) -> Read<()> {
    reader.begin_object()?;
    let mut first = true;
    while let Some(key) = reader.next_key(&mut first)? {
        if !reader.null()? {
            read(reader, &key)?;
        }
    }
    Ok(())
}

/// Members may come in any order, so that the place of the spans is kept until the resource is known.
fn read_resource_spans(reader: &mut JsonReader<'_>, sink: &mut Sink<'_>) -> Read<()> {
    let (mut resource, mut spans) = (Resource::default(), None);
    members(reader, |reader, key| match key {
        "resource" => read_resource(reader, &mut resource),
        "scopeSpans" => {
            spans = Some(reader.clone());
            reader.skip()
        }
        _ => reader.skip(),
    })?;
    match spans {
        Some(mut reader) => each(&mut reader, |reader| read_scope_spans(reader, &resource, sink)),
        None => Ok(()),
    }
}

fn read_resource<'a>(reader: &mut JsonReader<'a>, resource: &mut Resource<'a>) -> Read<()> {
    members(reader, |reader, key| match key {
        "attributes" => each(reader, |reader| {
            let (key, value) = read_attribute(reader)?;
            resource.attribute(key, value);
            Ok(())
        }),
        _ => reader.skip(),
    })
}

fn read_scope_spans(reader: &mut JsonReader<'_>, resource: &Resource<'_>, sink: &mut Sink<'_>) -> Read<()> {
    let (mut scope, mut spans) = (Scope::default(), None);
    members(reader, |reader, key| match key {
        "scope" => read_scope(reader, &mut scope),
        "spans" => {
            spans = Some(reader.clone());
            reader.skip()
        }
        _ => reader.skip(),
    })?;
    let shared = scope.with(resource);
    let Some(mut reader) = spans else { return Ok(()) };
    let mut span = OtlpSpan::new();
    each(&mut reader, |reader| {
        span.clear();
        read_span(reader, &mut span)?;
        span.finish(&shared, sink)
    })
}

fn read_scope<'a>(reader: &mut JsonReader<'a>, scope: &mut Scope<'a>) -> Read<()> {
    members(reader, |reader, key| {
        match key {
            "name" => scope.name = reader.string()?,
            "version" => scope.version = reader.string()?,
            "attributes" => each(reader, |reader| {
                let (key, value) = read_attribute(reader)?;
                scope.attribute(key, value);
                Ok(())
            })?,
            _ => reader.skip()?,
        }
        Ok(())
    })
}

fn read_span<'a>(reader: &mut JsonReader<'a>, span: &mut OtlpSpan<'a>) -> Read<()> {
    members(reader, |reader, key| {
        match key {
            "traceId" => span.trace_id = hex(&reader.string()?, 32).and_then(TraceId::new),
            "spanId" => span.span_id = hex(&reader.string()?, 16).and_then(|id| SpanId::new(id as u64)),
            "parentSpanId" => span.parent_id = parent_id(&reader.string()?),
            "traceState" => span.trace_state = reader.string()?,
            "name" => span.name = reader.string()?,
            "kind" => span.kind = read_enum(reader, "SPAN_KIND_", &KINDS)?,
            "startTimeUnixNano" => span.start_ns = read_unsigned(reader)?,
            "endTimeUnixNano" => span.end_ns = read_unsigned(reader)?,
            "attributes" => each(reader, |reader| {
                let (key, value) = read_attribute(reader)?;
                span.attribute(key, value);
                Ok(())
            })?,
            "droppedAttributesCount" => span.dropped_attributes = read_count(reader)?,
            "events" => each(reader, |reader| {
                span.event(read_event(reader)?);
                Ok(())
            })?,
            "droppedEventsCount" => span.dropped_events = read_count(reader)?,
            "links" => each(reader, |reader| {
                span.link(read_link(reader)?);
                Ok(())
            })?,
            "droppedLinksCount" => span.dropped_links = read_count(reader)?,
            "status" => read_status(reader, span)?,
            _ => reader.skip()?,
        }
        Ok(())
    })
}

const KINDS: [&str; 6] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const STATUS_CODES: [&str; 3] = ["UNSET", "OK", "ERROR"];

/// Reads the number of an enum. A number that is none of it means nothing, as in protocol buffers.
fn read_enum(reader: &mut JsonReader<'_>, prefix: &str, names: &[&str]) -> Read<u64> {
    let text = reader.string()?;
    let named = || names.iter().position(|name| text.strip_prefix(prefix) == Some(name)).map(|at| at as u64);
    Ok(text.parse().ok().or_else(named).unwrap_or(0))
}

/// Reads exactly this many hexadecimal digits of either case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let valid = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| valid)
}

fn parent_id(text: &str) -> Parent {
    match hex(text, 16) {
        _ if text.is_empty() => Parent::None,
        None => Parent::Invalid,
        Some(id) => SpanId::new(id as u64).map_or(Parent::None, Parent::Id),
    }
}

/// Reads a number of 64 bits, which is usually text. Nanoseconds fit 63 bits until the year 2262.
fn read_unsigned(reader: &mut JsonReader<'_>) -> Read<u64> {
    Ok(u64::try_from(reader.long()?).unwrap_or(0))
}

fn read_count(reader: &mut JsonReader<'_>) -> Read<u64> {
    Ok(u64::from(u32::try_from(read_unsigned(reader)?).unwrap_or(u32::MAX)))
}

fn read_status<'a>(reader: &mut JsonReader<'a>, span: &mut OtlpSpan<'a>) -> Read<()> {
    members(reader, |reader, key| {
        match key {
            "message" => span.status_message = reader.string()?,
            "code" => span.status_code = read_enum(reader, "STATUS_CODE_", &STATUS_CODES)?,
            _ => reader.skip()?,
        }
        Ok(())
    })
}

fn read_event<'a>(reader: &mut JsonReader<'a>) -> Read<Event<'a>> {
    let mut event = Event::default();
    members(reader, |reader, key| {
        match key {
            "timeUnixNano" => event.time_ns = read_unsigned(reader)?,
            "name" => event.name = reader.string()?,
            "attributes" => each(reader, |reader| push_attribute(reader, &mut event.attributes))?,
            "droppedAttributesCount" => event.dropped = read_count(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(event)
}

fn read_link<'a>(reader: &mut JsonReader<'a>) -> Read<Link<'a>> {
    let mut link = Link::default();
    members(reader, |reader, key| {
        match key {
            "traceId" => link.trace_id = reader.string()?.to_ascii_lowercase(),
            "spanId" => link.span_id = reader.string()?.to_ascii_lowercase(),
            "traceState" => link.trace_state = reader.string()?,
            "attributes" => each(reader, |reader| push_attribute(reader, &mut link.attributes))?,
            "droppedAttributesCount" => link.dropped = read_count(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(link)
}

/// Reads a KeyValue as a tag.
fn read_attribute<'a>(reader: &mut JsonReader<'a>) -> Read<(Cow<'a, str>, Cow<'a, str>)> {
    let (mut name, mut value) = (Cow::Borrowed(""), Cow::Borrowed(""));
    members(reader, |reader, key| {
        match key {
            "key" => name = reader.string()?,
            "value" => {
                value = match read_value(reader, VALUE_DEPTH_MAX)? {
                    Value::Scalar(scalar) => scalar.into_text(),
                    Value::Json(json) => Cow::Owned(json),
                }
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok((name, value))
}

/// Appends a KeyValue to a JSON object.
fn push_attribute(reader: &mut JsonReader<'_>, members: &mut Members) -> Read<()> {
    let (key, value) = read_key_value(reader, VALUE_DEPTH_MAX)?;
    if !key.is_empty() {
        value.push_json(members.key(&key));
    }
    Ok(())
}

fn read_key_value<'a>(reader: &mut JsonReader<'a>, depth_left: u32) -> Read<(Cow<'a, str>, Value<'a>)> {
    let (mut name, mut value) = (Cow::Borrowed(""), Value::Scalar(Scalar::Empty));
    members(reader, |reader, key| {
        match key {
            "key" => name = reader.string()?,
            "value" => value = read_value(reader, depth_left)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok((name, value))
}

/// What an AnyValue holds: lists and maps are written as soon as they are read, so that a small message never becomes a
/// large tree.
enum Value<'a> {
    Scalar(Scalar<'a>),
    Json(String),
}

impl Value<'_> {
    fn push_json(self, out: &mut String) {
        match self {
            Self::Scalar(scalar) => scalar.push_json(out),
            Self::Json(json) => out.push_str(&json),
        }
    }
}

/// Reads an AnyValue; of several values the last one holds.
fn read_value<'a>(reader: &mut JsonReader<'a>, depth_left: u32) -> Read<Value<'a>> {
    let Some(deeper) = depth_left.checked_sub(1) else {
        return Err(reader.deep(VALUE_DEPTH_MAX));
    };
    let mut value = Value::Scalar(Scalar::Empty);
    members(reader, |reader, key| {
        value = match key {
            "stringValue" => Value::Scalar(Scalar::Text(reader.string()?)),
            "boolValue" => Value::Scalar(Scalar::Bool(reader.boolean()?)),
            "intValue" => Value::Scalar(Scalar::Int(reader.long()?)),
            "doubleValue" => Value::Scalar(Scalar::Double(reader.double()?)),
            "bytesValue" => Value::Scalar(Scalar::Bytes(Cow::Owned(read_base64(reader)?))),
            "arrayValue" => Value::Json(read_list(reader, deeper)?),
            "kvlistValue" => Value::Json(read_map(reader, deeper)?),
            _ => return reader.skip(),
        };
        Ok(())
    })?;
    Ok(value)
}

fn read_list(reader: &mut JsonReader<'_>, depth_left: u32) -> Read<String> {
    let mut out = String::from("[");
    members(reader, |reader, key| match key {
        "values" => each(reader, |reader| {
            if out.len() > 1 {
                out.push(',');
            }
            match reader.null()? {
                true => Scalar::Empty.push_json(&mut out),
                false => read_value(reader, depth_left)?.push_json(&mut out),
            }
            Ok(())
        }),
        _ => reader.skip(),
    })?;
    out.push(']');
    Ok(out)
}

fn read_map(reader: &mut JsonReader<'_>, depth_left: u32) -> Read<String> {
    let mut out = String::from("{");
    members(reader, |reader, key| match key {
        "values" => each(reader, |reader| {
            let (key, value) = read_key_value(reader, depth_left)?;
            push_key(&mut out, &key);
            value.push_json(&mut out);
            Ok(())
        }),
        _ => reader.skip(),
    })?;
    out.push('}');
    Ok(out)
}

/// Reads bytes in base64 of either alphabet, with or without padding.
fn read_base64(reader: &mut JsonReader<'_>) -> Read<Vec<u8>> {
    let text = reader.string()?;
    let usual = text.bytes().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    });
    let usual: Vec<u8> = usual.collect();
    base64_simd::forgiving_decode_to_vec(&usual).map_err(|_| reader.bad("Expected base64"))
}
