//! Writes spans as tracers hold them, whose text is borrowed and which are not in normal form yet.

use model::draft::Draft;
use model::endpoint::EndpointRef;

use super::write::{push_id, push_shown, push_text};

/// Appends one span.
pub fn write_draft(out: &mut String, span: &Draft<'_>) {
    out.push_str("{\"traceId\":\"");
    push_id(out, span.trace_id.high(), span.trace_id.low());
    if let Some(parent_id) = span.parent_id {
        out.push_str("\",\"parentId\":\"");
        push_id(out, 0, parent_id.get());
    }
    out.push_str("\",\"id\":\"");
    push_id(out, 0, span.id.get());
    out.push('"');
    if let Some(kind) = span.kind {
        push_shown(out, format_args!(",\"kind\":\"{}\"", kind.name()));
    }
    if let Some(name) = span.name.as_deref().filter(|name| !name.is_empty()) {
        out.push_str(",\"name\":");
        push_text(out, name);
    }
    for (key, value) in [("timestamp", span.timestamp_us), ("duration", span.duration_us)] {
        if value != 0 {
            push_shown(out, format_args!(",\"{key}\":{value}"));
        }
    }
    push_endpoint(out, ",\"localEndpoint\":{", &span.local_endpoint);
    push_endpoint(out, ",\"remoteEndpoint\":{", &span.remote_endpoint);
    let mut separator = ",\"annotations\":[";
    for (timestamp_us, value) in &span.annotations {
        push_shown(out, format_args!("{separator}{{\"timestamp\":{timestamp_us},\"value\":"));
        push_text(out, value);
        out.push('}');
        separator = ",";
    }
    if !span.annotations.is_empty() {
        out.push(']');
    }
    let mut separator = ",\"tags\":{";
    for (key, value) in &span.tags {
        out.push_str(separator);
        push_text(out, key);
        out.push(':');
        push_text(out, value);
        separator = ",";
    }
    if !span.tags.is_empty() {
        out.push('}');
    }
    for (flag, text) in [(span.debug, ",\"debug\":true"), (span.shared, ",\"shared\":true")] {
        if flag {
            out.push_str(text);
        }
    }
    out.push('}');
}

fn push_endpoint(out: &mut String, key: &str, endpoint: &EndpointRef<'_>) {
    if endpoint.is_empty() {
        return;
    }
    out.push_str(key);
    let mut separator = "";
    if let Some(name) = &endpoint.service_name {
        out.push_str("\"serviceName\":");
        push_text(out, name);
        separator = ",";
    }
    if let Some(ip) = endpoint.ipv4 {
        push_shown(out, format_args!("{separator}\"ipv4\":\"{ip}\""));
        separator = ",";
    }
    if let Some(ip) = endpoint.ipv6 {
        push_shown(out, format_args!("{separator}\"ipv6\":\"{ip}\""));
        separator = ",";
    }
    if let Some(port) = endpoint.port {
        push_shown(out, format_args!("{separator}\"port\":{port}"));
    }
    out.push('}');
}
