//! Writes spans as OpenTelemetry's protocol has them: elements of ExportTraceServiceRequest, one resource each, which
//! may simply follow each other.
//!
//! Field numbers: open-telemetry/opentelemetry-proto `trace/v1/trace.proto`. Names of attributes: its semantic
//! conventions for exporters to and from Zipkin.

use model::draft::Draft;
use model::endpoint::EndpointRef;
use model::span::Kind;

use crate::protobuf_write::{bytes_field, fixed64_field, message_field, varint_field};

/// OpenTelemetry's numbers of SpanKind.
const INTERNAL: u64 = 1;
/// OpenTelemetry's number of StatusCode ERROR.
const ERROR: u64 = 2;

/// Appends a span as one ResourceSpans.
pub fn write_draft(out: &mut Vec<u8>, span: &Draft<'_>) {
    message_field(out, 1, |out| {
        message_field(out, 1, |out| {
            if let Some(name) = &span.local_endpoint.service_name {
                attribute(out, 1, "service.name", name);
            }
        });
        message_field(out, 2, |out| {
            message_field(out, 1, |out| bytes_field(out, 1, b"spanlet"));
            message_field(out, 2, |out| write_span(out, span));
        });
    });
}

fn write_span(out: &mut Vec<u8>, span: &Draft<'_>) {
    bytes_field(out, 1, &span.trace_id.get().to_be_bytes());
    bytes_field(out, 2, &span.id.get().to_be_bytes());
    if let Some(parent_id) = span.parent_id {
        bytes_field(out, 4, &parent_id.get().to_be_bytes());
    }
    bytes_field(out, 5, span.name.as_deref().unwrap_or_default().as_bytes());
    varint_field(out, 6, kind(span.kind));
    let end_us = span.timestamp_us.saturating_add(span.duration_us);
    fixed64_field(out, 7, span.timestamp_us.saturating_mul(1000));
    fixed64_field(out, 8, end_us.saturating_mul(1000));
    for (key, value) in &span.tags {
        attribute(out, 9, key, value);
    }
    address(out, &span.remote_endpoint, ["network.peer.address", "network.peer.port", "peer.service"]);
    address(out, &span.local_endpoint, ["network.local.address", "network.local.port", ""]);
    for (timestamp_us, value) in &span.annotations {
        message_field(out, 11, |out| {
            fixed64_field(out, 1, timestamp_us.saturating_mul(1000));
            bytes_field(out, 2, value.as_bytes());
        });
    }
    if let Some((_, text)) = span.tags.iter().find(|(key, _)| key == "error") {
        message_field(out, 15, |out| {
            bytes_field(out, 2, text.as_bytes());
            varint_field(out, 3, ERROR);
        });
    }
}

fn kind(kind: Option<Kind>) -> u64 {
    match kind {
        None => INTERNAL,
        Some(Kind::Server) => 2,
        Some(Kind::Client) => 3,
        Some(Kind::Producer) => 4,
        Some(Kind::Consumer) => 5,
    }
}

fn address(out: &mut Vec<u8>, endpoint: &EndpointRef<'_>, [ip, port, service]: [&str; 3]) {
    if let Some(found) = endpoint.ipv4 {
        attribute(out, 9, ip, &found.to_string());
    } else if let Some(found) = endpoint.ipv6 {
        attribute(out, 9, ip, &found.to_string());
    }
    if let Some(found) = endpoint.port {
        message_field(out, 9, |out| {
            bytes_field(out, 1, port.as_bytes());
            message_field(out, 2, |out| varint_field(out, 3, u64::from(found)));
        });
    }
    if let Some(found) = endpoint.service_name.as_deref().filter(|_| !service.is_empty()) {
        attribute(out, 9, service, found);
    }
}

/// Appends a KeyValue whose value is a string.
fn attribute(out: &mut Vec<u8>, number: u32, key: &str, value: &str) {
    message_field(out, number, |out| {
        bytes_field(out, 1, key.as_bytes());
        message_field(out, 2, |out| bytes_field(out, 1, value.as_bytes()));
    });
}
