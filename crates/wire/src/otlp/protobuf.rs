//! Reads requests in protocol buffers; text is borrowed.

use std::borrow::Cow;

use model::id::{SpanId, TraceId};

use super::map::{Event, Link, OtlpSpan, Parent, Resource, Scope};
use super::value::{Members, Scalar, push_key};
use super::{Sink, VALUE_DEPTH_MAX};
use crate::error::Read;
use crate::protobuf::{Field, ProtoReader};
use crate::text::text;

pub(super) fn read_request(mut request: ProtoReader<'_>, sink: &mut Sink<'_>) -> Read<()> {
    while let Some(field) = request.field()? {
        if let (1, Field::Bytes(_, resource_spans)) = field {
            read_resource_spans(resource_spans, sink)?;
        }
    }
    Ok(())
}

/// Fields may come in any order, so that the resource is looked for first. Moving past a field costs next to nothing.
fn read_resource_spans(message: ProtoReader<'_>, sink: &mut Sink<'_>) -> Read<()> {
    let mut resource = Resource::default();
    let mut first_pass = message.clone();
    while let Some(field) = first_pass.field()? {
        if let (1, Field::Bytes(_, message)) = field {
            read_resource(message, &mut resource)?;
        }
    }
    let mut second_pass = message;
    while let Some(field) = second_pass.field()? {
        if let (2, Field::Bytes(_, scope_spans)) = field {
            read_scope_spans(scope_spans, &resource, sink)?;
        }
    }
    Ok(())
}

fn read_resource<'a>(mut message: ProtoReader<'a>, resource: &mut Resource<'a>) -> Read<()> {
    while let Some(field) = message.field()? {
        if let (1, Field::Bytes(_, attribute)) = field {
            let (key, value) = read_attribute(attribute)?;
            resource.attribute(key, value);
        }
    }
    Ok(())
}

fn read_scope_spans(message: ProtoReader<'_>, resource: &Resource<'_>, sink: &mut Sink<'_>) -> Read<()> {
    let mut scope = Scope::default();
    let mut first_pass = message.clone();
    while let Some(field) = first_pass.field()? {
        if let (1, Field::Bytes(_, message)) = field {
            read_scope(message, &mut scope)?;
        }
    }
    let shared = scope.with(resource);
    let mut span = OtlpSpan::new();
    let mut second_pass = message;
    while let Some(field) = second_pass.field()? {
        if let (2, Field::Bytes(_, message)) = field {
            span.clear();
            read_span(message, &mut span)?;
            span.finish(&shared, sink)?;
        }
    }
    Ok(())
}

fn read_scope<'a>(mut message: ProtoReader<'a>, scope: &mut Scope<'a>) -> Read<()> {
    while let Some(field) = message.field()? {
        match field {
            (1, Field::Bytes(bytes, _)) => scope.name = text(bytes),
            (2, Field::Bytes(bytes, _)) => scope.version = text(bytes),
            (3, Field::Bytes(_, attribute)) => {
                let (key, value) = read_attribute(attribute)?;
                scope.attribute(key, value);
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_span<'a>(mut message: ProtoReader<'a>, span: &mut OtlpSpan<'a>) -> Read<()> {
    while let Some(field) = message.field()? {
        match field {
            (1, Field::Bytes(bytes, _)) => span.trace_id = trace_id(bytes),
            (2, Field::Bytes(bytes, _)) => span.span_id = span_id(bytes),
            (3, Field::Bytes(bytes, _)) => span.trace_state = text(bytes),
            (4, Field::Bytes(bytes, _)) => {
                span.parent_id = match bytes {
                    [] => Parent::None,
                    _ if bytes.len() != 8 => Parent::Invalid,
                    _ => span_id(bytes).map_or(Parent::None, Parent::Id),
                }
            }
            (5, Field::Bytes(bytes, _)) => span.name = text(bytes),
            (6, Field::Varint(kind)) => span.kind = kind,
            (7, Field::Fixed64(time_ns)) => span.start_ns = time_ns,
            (8, Field::Fixed64(time_ns)) => span.end_ns = time_ns,
            (9, Field::Bytes(_, attribute)) => {
                let (key, value) = read_attribute(attribute)?;
                span.attribute(key, value);
            }
            (10, Field::Varint(count)) => span.dropped_attributes = uint32(count),
            (11, Field::Bytes(_, event)) => span.event(read_event(event)?),
            (12, Field::Varint(count)) => span.dropped_events = uint32(count),
            (13, Field::Bytes(_, link)) => span.link(read_link(link)?),
            (14, Field::Varint(count)) => span.dropped_links = uint32(count),
            (15, Field::Bytes(_, status)) => read_status(status, span)?,
            _ => {}
        }
    }
    Ok(())
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    TraceId::new(u128::from_be_bytes(bytes.try_into().ok()?))
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::new(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// A varint in a field of 32 bits loses what is above them.
fn uint32(number: u64) -> u64 {
    u64::from(number as u32)
}

fn read_status<'a>(mut message: ProtoReader<'a>, span: &mut OtlpSpan<'a>) -> Read<()> {
    while let Some(field) = message.field()? {
        match field {
            (2, Field::Bytes(bytes, _)) => span.status_message = text(bytes),
            (3, Field::Varint(code)) => span.status_code = code,
            _ => {}
        }
    }
    Ok(())
}

fn read_event<'a>(mut message: ProtoReader<'a>) -> Read<Event<'a>> {
    let mut event = Event::default();
    while let Some(field) = message.field()? {
        match field {
            (1, Field::Fixed64(time_ns)) => event.time_ns = time_ns,
            (2, Field::Bytes(bytes, _)) => event.name = text(bytes),
            (3, Field::Bytes(_, attribute)) => push_attribute(attribute, &mut event.attributes)?,
            (4, Field::Varint(count)) => event.dropped = uint32(count),
            _ => {}
        }
    }
    Ok(event)
}

fn read_link<'a>(mut message: ProtoReader<'a>) -> Read<Link<'a>> {
    let mut link = Link::default();
    while let Some(field) = message.field()? {
        match field {
            (1, Field::Bytes(bytes, _)) => link.trace_id = hex(bytes),
            (2, Field::Bytes(bytes, _)) => link.span_id = hex(bytes),
            (3, Field::Bytes(bytes, _)) => link.trace_state = text(bytes),
            (4, Field::Bytes(_, attribute)) => push_attribute(attribute, &mut link.attributes)?,
            (5, Field::Varint(count)) => link.dropped = uint32(count),
            _ => {}
        }
    }
    Ok(link)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a KeyValue as a tag.
fn read_attribute<'a>(message: ProtoReader<'a>) -> Read<(Cow<'a, str>, Cow<'a, str>)> {
    let (key, value) = read_key_value(message)?;
    let value = value.map_or(Ok(Cow::Borrowed("")), read_text)?;
    Ok((key, value))
}

/// Appends a KeyValue to a JSON object.
fn push_attribute(message: ProtoReader<'_>, members: &mut Members) -> Read<()> {
    let (key, value) = read_key_value(message)?;
    if !key.is_empty() {
        push_value(value, members.key(&key), VALUE_DEPTH_MAX)?;
    }
    Ok(())
}

fn read_key_value<'a>(mut message: ProtoReader<'a>) -> Read<(Cow<'a, str>, Option<ProtoReader<'a>>)> {
    let (mut key, mut value) = (Cow::Borrowed(""), None);
    while let Some(field) = message.field()? {
        match field {
            (1, Field::Bytes(bytes, _)) => key = text(bytes),
            (2, Field::Bytes(_, message)) => value = Some(message),
            _ => {}
        }
    }
    Ok((key, value))
}

/// What an AnyValue holds.
enum Value<'a> {
    Scalar(Scalar<'a>),
    List(ProtoReader<'a>),
    Map(ProtoReader<'a>),
}

/// Reads an AnyValue; of several values the last one holds.
fn read_value<'a>(mut message: ProtoReader<'a>) -> Read<Value<'a>> {
    let mut value = Value::Scalar(Scalar::Empty);
    while let Some(field) = message.field()? {
        value = match field {
            (1, Field::Bytes(bytes, _)) => Value::Scalar(Scalar::Text(text(bytes))),
            (2, Field::Varint(flag)) => Value::Scalar(Scalar::Bool(flag != 0)),
            (3, Field::Varint(number)) => Value::Scalar(Scalar::Int(number as i64)),
            (4, Field::Fixed64(bits)) => Value::Scalar(Scalar::Double(f64::from_bits(bits))),
            (5, Field::Bytes(_, list)) => Value::List(list),
            (6, Field::Bytes(_, map)) => Value::Map(map),
            (7, Field::Bytes(bytes, _)) => Value::Scalar(Scalar::Bytes(Cow::Borrowed(bytes))),
            _ => value,
        };
    }
    Ok(value)
}

fn read_text<'a>(message: ProtoReader<'a>) -> Read<Cow<'a, str>> {
    match read_value(message.clone())? {
        Value::Scalar(scalar) => Ok(scalar.into_text()),
        Value::List(_) | Value::Map(_) => {
            let mut out = String::new();
            push_value(Some(message), &mut out, VALUE_DEPTH_MAX)?;
            Ok(Cow::Owned(out))
        }
    }
}

fn push_value(message: Option<ProtoReader<'_>>, out: &mut String, depth_left: u32) -> Read<()> {
    let Some(message) = message else {
        Scalar::Empty.push_json(out);
        return Ok(());
    };
    let Some(deeper) = depth_left.checked_sub(1) else {
        return Err(message.deep(VALUE_DEPTH_MAX));
    };
    match read_value(message)? {
        Value::Scalar(scalar) => scalar.push_json(out),
        Value::List(list) => {
            out.push('[');
            push_list(list, out, deeper)?;
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            push_map(map, out, deeper)?;
            out.push('}');
        }
    }
    Ok(())
}

fn push_list(mut list: ProtoReader<'_>, out: &mut String, depth_left: u32) -> Read<()> {
    let mut first = true;
    while let Some(field) = list.field()? {
        if let (1, Field::Bytes(_, value)) = field {
            if !first {
                out.push(',');
            }
            first = false;
            push_value(Some(value), out, depth_left)?;
        }
    }
    Ok(())
}

fn push_map(mut map: ProtoReader<'_>, out: &mut String, depth_left: u32) -> Read<()> {
    while let Some(field) = map.field()? {
        if let (1, Field::Bytes(_, entry)) = field {
            let (key, value) = read_key_value(entry)?;
            push_key(out, &key);
            push_value(value, out, depth_left)?;
        }
    }
    Ok(())
}
