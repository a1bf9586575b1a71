//! Writes spans as tracers hold them in protocol buffers: elements of ListOfSpans of zipkin.proto, which may simply follow each other.

use model::draft::Draft;

use crate::proto3_write::write_endpoint;
use crate::protobuf_write::{bytes_field, fixed64_field, message_field, varint_field};

/// Appends a span as one element of a list.
pub fn write_draft(out: &mut Vec<u8>, span: &Draft<'_>) {
    message_field(out, 1, |out| write_span(out, span));
}

fn write_span(out: &mut Vec<u8>, span: &Draft<'_>) {
    match span.trace_id.high() {
        0 => bytes_field(out, 1, &span.trace_id.low().to_be_bytes()),
        _ => bytes_field(out, 1, &span.trace_id.get().to_be_bytes()),
    }
    if let Some(parent_id) = span.parent_id {
        bytes_field(out, 2, &parent_id.get().to_be_bytes());
    }
    bytes_field(out, 3, &span.id.get().to_be_bytes());
    if let Some(kind) = span.kind {
        varint_field(out, 4, kind as u64);
    }
    if let Some(name) = span.name.as_deref().filter(|name| !name.is_empty()) {
        bytes_field(out, 5, name.as_bytes());
    }
    if span.timestamp_us != 0 {
        fixed64_field(out, 6, span.timestamp_us);
    }
    if span.duration_us != 0 {
        varint_field(out, 7, span.duration_us);
    }
    for (number, endpoint) in [(8, &span.local_endpoint), (9, &span.remote_endpoint)] {
        if !endpoint.is_empty() {
            message_field(out, number, |out| write_endpoint(out, endpoint));
        }
    }
    for (timestamp_us, value) in &span.annotations {
        message_field(out, 10, |out| {
            fixed64_field(out, 1, *timestamp_us);
            bytes_field(out, 2, value.as_bytes());
        });
    }
    for (key, value) in &span.tags {
        message_field(out, 11, |out| {
            bytes_field(out, 1, key.as_bytes());
            bytes_field(out, 2, value.as_bytes());
        });
    }
    for (number, flag) in [(12, span.debug), (13, span.shared)] {
        if flag {
            varint_field(out, number, 1);
        }
    }
}
