//! Writes JSON v2 with Zipkin's order of keys and its escapes, compact.

use std::fmt::{Display, Write};

use model::endpoint::Endpoint;
use model::span::Span;

/// Appends one span.
pub fn write_span(out: &mut String, span: &Span) {
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
        out.push_str(",\"kind\":\"");
        out.push_str(kind.name());
        out.push('"');
    }
    if let Some(name) = &span.name {
        out.push_str(",\"name\":");
        push_text(out, name);
    }
    if let Some(timestamp_us) = span.timestamp_us {
        out.push_str(",\"timestamp\":");
        push_shown(out, timestamp_us);
    }
    if let Some(duration_us) = span.duration_us {
        out.push_str(",\"duration\":");
        push_shown(out, duration_us);
    }
    if let Some(endpoint) = &span.local_endpoint {
        out.push_str(",\"localEndpoint\":");
        push_endpoint(out, endpoint);
    }
    if let Some(endpoint) = &span.remote_endpoint {
        out.push_str(",\"remoteEndpoint\":");
        push_endpoint(out, endpoint);
    }
    if !span.annotations.is_empty() {
        out.push_str(",\"annotations\":");
        push_list(out, &span.annotations, |out, annotation| {
            out.push_str("{\"timestamp\":");
            push_shown(out, annotation.timestamp_us);
            out.push_str(",\"value\":");
            push_text(out, &annotation.value);
            out.push('}');
        });
    }
    if !span.tags.is_empty() {
        let mut separator = ",\"tags\":{";
        for (key, value) in &span.tags {
            out.push_str(separator);
            push_text(out, key);
            out.push(':');
            push_text(out, value);
            separator = ",";
        }
        out.push('}');
    }
    if span.debug {
        out.push_str(",\"debug\":true");
    }
    if span.shared {
        out.push_str(",\"shared\":true");
    }
    out.push('}');
}

/// Appends a list of spans.
pub fn write_list(out: &mut String, spans: &[Span]) {
    push_list(out, spans, write_span);
}

/// Appends a list of traces, each a list of spans.
pub fn write_traces(out: &mut String, traces: &[Vec<Span>]) {
    push_list(out, traces, |out, trace| write_list(out, trace));
}

/// Appends text in quotes. Escapes what Zipkin escapes: openzipkin/zipkin `zipkin2.internal.JsonEscaper`.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut copied = 0;
    // 0xe2 starts U+2028 and U+2029, which end a line in JavaScript.
    let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\' | 0xe2);
    // Most text has nothing to escape; this test compiles to vector code because it does not stop early.
    if text.as_bytes().iter().fold(false, |any, byte| any | special(byte)) {
        for (at, found) in
            text.char_indices().filter(|(_, c)| *c < ' ' || matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}'))
        {
            out.push_str(text.get(copied..at).unwrap_or_default());
            copied = at + found.len_utf8();
            match found {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                _ => push_shown(out, format_args!("\\u{:04x}", u32::from(found))),
            }
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out.push('"');
}

fn push_endpoint(out: &mut String, endpoint: &Endpoint) {
    let mut separator = '{';
    let mut push_key = |out: &mut String, key| {
        out.push(separator);
        out.push_str(key);
        separator = ',';
    };
    if let Some(name) = &endpoint.service_name {
        push_key(out, "\"serviceName\":");
        push_text(out, name);
    }
    if let Some(ip) = endpoint.ipv4 {
        push_key(out, "\"ipv4\":");
        push_shown(out, format_args!("\"{ip}\""));
    }
    if let Some(ip) = endpoint.ipv6 {
        push_key(out, "\"ipv6\":");
        push_shown(out, format_args!("\"{ip}\""));
    }
    if let Some(port) = endpoint.port {
        push_key(out, "\"port\":");
        push_shown(out, port);
    }
    // An empty endpoint has no place in a span, but should one come it is still JSON.
    if separator == '{' {
        out.push('{');
    }
    out.push('}');
}

fn push_list<T>(out: &mut String, items: &[T], push: impl Fn(&mut String, &T)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(']');
}

/// Appends an id with 16 digits, or with 32 when its upper half is not zero.
pub(super) fn push_id(out: &mut String, high: u64, low: u64) {
    let digits = |half: u64| {
        (0..16).rev().map(move |place| {
            let digit = (half >> (4 * place)) as u8 & 15;
            char::from(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit })
        })
    };
    if high != 0 {
        out.extend(digits(high));
    }
    out.extend(digits(low));
}

pub(super) fn push_shown(out: &mut String, value: impl Display) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}
