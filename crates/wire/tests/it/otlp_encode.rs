//! Writes OTLP requests in both forms from one description, so that the two readers can be held against each other.

use serde_json::{Value, json};

use crate::encode::{proto_bytes, proto_fixed, proto_varint};

/// An attribute's value.
#[derive(Clone, Debug)]
pub enum Any {
    Empty,
    Text(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
    List(Vec<Any>),
    Map(Attributes),
}

/// Keys and values.
pub type Attributes = Vec<(String, Any)>;

/// A request with one resource and one scope.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub resource: Attributes,
    pub scope_name: String,
    pub scope_version: String,
    pub scope: Attributes,
    pub spans: Vec<Span>,
}

#[derive(Clone, Debug, Default)]
pub struct Span {
    pub trace_id: Vec<u8>,
    pub span_id: Vec<u8>,
    pub parent_id: Vec<u8>,
    pub trace_state: String,
    pub name: String,
    pub kind: u64,
    pub start_ns: u64,
    pub end_ns: u64,
    pub attributes: Attributes,
    pub events: Vec<Event>,
    pub links: Vec<Link>,
    pub dropped: [u32; 3],
    pub status: Option<(u64, String)>,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub time_ns: u64,
    pub name: String,
    pub attributes: Attributes,
    pub dropped: u32,
}

#[derive(Clone, Debug)]
pub struct Link {
    pub trace_id: Vec<u8>,
    pub span_id: Vec<u8>,
    pub trace_state: String,
    pub attributes: Attributes,
    pub dropped: u32,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn json_value(value: &Any) -> Value {
    match value {
        Any::Empty => json!({}),
        Any::Text(text) => json!({ "stringValue": text }),
        Any::Bool(flag) => json!({ "boolValue": flag }),
        Any::Int(number) => json!({ "intValue": number.to_string() }),
        Any::Double(number) if number.is_nan() => json!({"doubleValue": "NaN"}),
        Any::Double(number) if number.is_infinite() => {
            json!({ "doubleValue": if *number > 0.0 { "Infinity" } else { "-Infinity" } })
        }
        Any::Double(number) => json!({ "doubleValue": number }),
        Any::Bytes(bytes) => json!({ "bytesValue": base64(bytes) }),
        Any::List(values) => {
            json!({ "arrayValue": { "values": values.iter().map(json_value).collect::<Vec<_>>() } })
        }
        Any::Map(entries) => json!({ "kvlistValue": { "values": json_attributes(entries) } }),
    }
}

/// The reader does not care for the alphabet; the tests use the one that the others do not.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..=group.len() {
            out.push(char::from(DIGITS[(word >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    out
}

fn json_attributes(attributes: &Attributes) -> Value {
    attributes.iter().map(|(key, value)| json!({ "key": key, "value": json_value(value) })).collect()
}

/// The request in JSON, its members in the order that is hardest to read: what is shared comes last.
pub fn json(request: &Request) -> Vec<u8> {
    let spans: Vec<_> = request.spans.iter().map(json_span).collect();
    let scope = json!({
        "name": request.scope_name, "version": request.scope_version, "attributes": json_attributes(&request.scope),
    });
    let scope_spans = format!(r#"[{{"spans":{},"scope":{scope}}}]"#, Value::from(spans));
    let resource = json!({ "attributes": json_attributes(&request.resource) });
    format!(r#"{{"resourceSpans":[{{"scopeSpans":{scope_spans},"resource":{resource},"schemaUrl":null}}]}}"#)
        .into_bytes()
}

fn json_span(span: &Span) -> Value {
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| {
            json!({
                "timeUnixNano": event.time_ns.to_string(), "name": event.name,
                "attributes": json_attributes(&event.attributes), "droppedAttributesCount": event.dropped,
            })
        })
        .collect();
    let links: Vec<_> = span
        .links
        .iter()
        .map(|link| {
            json!({
                "traceId": hex(&link.trace_id), "spanId": hex(&link.span_id), "traceState": link.trace_state,
                "attributes": json_attributes(&link.attributes), "droppedAttributesCount": link.dropped,
            })
        })
        .collect();
    json!({
        "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id), "parentSpanId": hex(&span.parent_id),
        "traceState": span.trace_state, "name": span.name, "kind": span.kind,
        "startTimeUnixNano": span.start_ns.to_string(), "endTimeUnixNano": span.end_ns.to_string(),
        "attributes": json_attributes(&span.attributes), "droppedAttributesCount": span.dropped[0],
        "events": events, "droppedEventsCount": span.dropped[1], "links": links, "droppedLinksCount": span.dropped[2],
        "status": span.status.as_ref().map(|(code, message)| json!({ "code": code, "message": message })),
    })
}

fn proto_value(value: &Any) -> Vec<u8> {
    match value {
        Any::Empty => Vec::new(),
        Any::Text(text) => proto_bytes(1, text.as_bytes()),
        Any::Bool(flag) => proto_varint(2, u64::from(*flag)),
        Any::Int(number) => proto_varint(3, *number as u64),
        Any::Double(number) => proto_fixed(4, number.to_bits()),
        Any::List(values) => {
            proto_bytes(5, &values.iter().flat_map(|v| proto_bytes(1, &proto_value(v))).collect::<Vec<_>>())
        }
        Any::Map(entries) => proto_bytes(6, &proto_attributes(1, entries)),
        Any::Bytes(bytes) => proto_bytes(7, bytes),
    }
}

fn proto_attributes(number: u64, attributes: &Attributes) -> Vec<u8> {
    let entry = |(key, value): &(String, Any)| {
        // The value first: fields may come in any order.
        proto_bytes(number, &[proto_bytes(2, &proto_value(value)), proto_bytes(1, key.as_bytes())].concat())
    };
    attributes.iter().flat_map(entry).collect()
}

/// The request in protocol buffers.
pub fn proto(request: &Request) -> Vec<u8> {
    let scope = [
        proto_bytes(1, request.scope_name.as_bytes()),
        proto_bytes(2, request.scope_version.as_bytes()),
        proto_attributes(3, &request.scope),
    ]
    .concat();
    let spans: Vec<u8> = request.spans.iter().flat_map(|span| proto_bytes(2, &proto_span(span))).collect();
    let scope_spans = [spans, proto_bytes(1, &scope)].concat();
    let resource = proto_attributes(1, &request.resource);
    proto_bytes(1, &[proto_bytes(2, &scope_spans), proto_bytes(1, &resource)].concat())
}

fn proto_span(span: &Span) -> Vec<u8> {
    let mut out = [
        proto_bytes(1, &span.trace_id),
        proto_bytes(2, &span.span_id),
        proto_bytes(3, span.trace_state.as_bytes()),
        proto_bytes(4, &span.parent_id),
        proto_bytes(5, span.name.as_bytes()),
        proto_varint(6, span.kind),
        proto_fixed(7, span.start_ns),
        proto_fixed(8, span.end_ns),
        proto_attributes(9, &span.attributes),
        proto_varint(10, span.dropped[0].into()),
        proto_varint(12, span.dropped[1].into()),
        proto_varint(14, span.dropped[2].into()),
    ]
    .concat();
    for event in &span.events {
        let name = proto_bytes(2, event.name.as_bytes());
        let attributes = proto_attributes(3, &event.attributes);
        let dropped = proto_varint(4, event.dropped.into());
        out.extend(proto_bytes(11, &[attributes, proto_fixed(1, event.time_ns), name, dropped].concat()));
    }
    for link in &span.links {
        let ids = [proto_bytes(1, &link.trace_id), proto_bytes(2, &link.span_id)].concat();
        let state = proto_bytes(3, link.trace_state.as_bytes());
        let dropped = proto_varint(5, link.dropped.into());
        out.extend(proto_bytes(13, &[ids, state, proto_attributes(4, &link.attributes), dropped].concat()));
    }
    if let Some((code, message)) = &span.status {
        out.extend(proto_bytes(15, &[proto_varint(3, *code), proto_bytes(2, message.as_bytes())].concat()));
    }
    out
}
