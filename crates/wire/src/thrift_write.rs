//! Writes a v2 span as a v1 thrift struct (zipkinCore.thrift), as senders over scribe do.
//!
//! Rules: openzipkin/zipkin `zipkin2.v1.V2SpanConverter`.

use model::draft::Draft;
use model::endpoint::EndpointRef;
use model::span::{Kind, Span};

use crate::tbinary::{BOOL, I16, I32, I64, LIST, STRING, STRUCT};

/// Thrift's numbers of the types of binary annotations that are written.
const TYPE_BOOL: i32 = 0;
const TYPE_STRING: i32 = 6;

/// Appends a finished span as one struct.
pub fn write_span(out: &mut Vec<u8>, span: &Span) {
    write_draft(out, &Draft::from_span(span));
}

/// Appends a span as one struct.
pub fn write_draft(out: &mut Vec<u8>, span: &Draft<'_>) {
    // Every annotation names who made it, so its bytes are made once.
    let local = endpoint(&span.local_endpoint);
    i64_field(out, 1, span.trace_id.low() as i64);
    text_field(out, 3, span.name.as_deref().unwrap_or(""));
    i64_field(out, 4, span.id.get() as i64);
    if let Some(parent) = span.parent_id {
        i64_field(out, 5, parent.get() as i64);
    }
    let core = core_annotations(span);
    list_field(out, 6, core.iter().flatten().count() + span.annotations.len());
    let plain = span.annotations.iter().map(|(timestamp_us, value)| (*timestamp_us, value.as_ref()));
    for (timestamp_us, value) in core.into_iter().flatten().chain(plain) {
        i64_field(out, 1, timestamp_us as i64);
        text_field(out, 2, value);
        endpoint_field(out, 3, &local);
        out.push(0);
    }
    write_binary_annotations(out, span, &local);
    if span.debug {
        field(out, BOOL, 9);
        out.push(1);
    }
    if !span.shared {
        for (id, value) in [(10, span.timestamp_us), (11, span.duration_us)] {
            if value != 0 {
                i64_field(out, id, value as i64);
            }
        }
    }
    if span.trace_id.high() != 0 {
        i64_field(out, 12, span.trace_id.high() as i64);
    }
    out.push(0);
}

/// Returns what stands before the structs of a list.
pub fn list_head(length: usize) -> [u8; 5] {
    let [a, b, c, d] = (length as u32).to_be_bytes();
    [STRUCT, a, b, c, d]
}

/// Returns the annotations that say the kind: at the start, and at the end when the duration is known.
fn core_annotations(span: &Draft<'_>) -> [Option<(u64, &'static str)>; 2] {
    let start = span.timestamp_us;
    let Some(kind) = span.kind.filter(|_| start != 0) else { return [None, None] };
    let end = Some(start.saturating_add(span.duration_us)).filter(|_| span.duration_us != 0);
    match kind {
        Kind::Client => [Some((start, "cs")), end.map(|end| (end, "cr"))],
        Kind::Server => [Some((start, "sr")), end.map(|end| (end, "ss"))],
        Kind::Producer => [Some((start, "ms")), end.map(|end| (end, "ws"))],
        Kind::Consumer => match end {
            Some(end) => [Some((start, "wr")), Some((end, "mr"))],
            None => [Some((start, "mr")), None],
        },
    }
}

fn write_binary_annotations(out: &mut Vec<u8>, span: &Draft<'_>, local: &[u8]) {
    let address = match span.kind {
        Some(Kind::Server) => "ca",
        Some(Kind::Producer | Kind::Consumer) => "ma",
        Some(Kind::Client) | None => "sa",
    };
    let remote = endpoint(&span.remote_endpoint);
    let bare = span.annotations.is_empty() && span.tags.is_empty() && core_annotations(span)[0].is_none();
    let local_only = bare && !local.is_empty();
    let count = span.tags.len() + usize::from(!remote.is_empty()) + usize::from(local_only);
    list_field(out, 8, count);
    for (key, value) in &span.tags {
        binary_annotation(out, key, value.as_bytes(), TYPE_STRING, local);
    }
    if local_only {
        binary_annotation(out, "lc", b"", TYPE_STRING, local);
    }
    if !remote.is_empty() {
        binary_annotation(out, address, &[1], TYPE_BOOL, &remote);
    }
}

fn binary_annotation(out: &mut Vec<u8>, key: &str, value: &[u8], kind: i32, endpoint: &[u8]) {
    text_field(out, 1, key);
    bytes_field(out, 2, value);
    i32_field(out, 3, kind);
    endpoint_field(out, 4, endpoint);
    out.push(0);
}

fn endpoint_field(out: &mut Vec<u8>, id: i16, endpoint: &[u8]) {
    if !endpoint.is_empty() {
        field(out, STRUCT, id);
        out.extend_from_slice(endpoint);
    }
}

/// Returns an endpoint as a struct, or no bytes when nothing is known.
fn endpoint(endpoint: &EndpointRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    if endpoint.is_empty() {
        return out;
    }
    i32_field(&mut out, 1, endpoint.ipv4.map_or(0, |ip| ip.to_bits() as i32));
    field(&mut out, I16, 2);
    // Ports above 32767 are negative on the wire.
    out.extend_from_slice(&endpoint.port.unwrap_or(0).to_be_bytes());
    text_field(&mut out, 3, endpoint.service_name.as_deref().unwrap_or(""));
    if let Some(ip) = endpoint.ipv6 {
        bytes_field(&mut out, 4, &ip.octets());
    }
    out.push(0);
    out
}

fn field(out: &mut Vec<u8>, kind: u8, id: i16) {
    out.push(kind);
    out.extend_from_slice(&id.to_be_bytes());
}

fn i32_field(out: &mut Vec<u8>, id: i16, value: i32) {
    field(out, I32, id);
    out.extend_from_slice(&value.to_be_bytes());
}

fn i64_field(out: &mut Vec<u8>, id: i16, value: i64) {
    field(out, I64, id);
    out.extend_from_slice(&value.to_be_bytes());
}

fn text_field(out: &mut Vec<u8>, id: i16, text: &str) {
    bytes_field(out, id, text.as_bytes());
}

fn bytes_field(out: &mut Vec<u8>, id: i16, bytes: &[u8]) {
    field(out, STRING, id);
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn list_field(out: &mut Vec<u8>, id: i16, length: usize) {
    field(out, LIST, id);
    out.push(STRUCT);
    out.extend_from_slice(&(length as u32).to_be_bytes());
}
