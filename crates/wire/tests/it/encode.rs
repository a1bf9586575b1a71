//! Writes spans in the formats that this crate only reads, so that reading can be held against writing.

use model::endpoint::Endpoint;
use model::span::{Kind, Span};
use serde_json::{Value, json};

/// ListOfSpans of zipkin.proto.
pub fn proto3(spans: &[Span]) -> Vec<u8> {
    spans.iter().flat_map(|span| proto_bytes(1, &proto_span(span))).collect()
}

fn proto_span(span: &Span) -> Vec<u8> {
    let mut out = match span.trace_id.high() {
        0 => proto_bytes(1, &span.trace_id.low().to_be_bytes()),
        _ => proto_bytes(1, &span.trace_id.get().to_be_bytes()),
    };
    out.extend(span.parent_id.iter().flat_map(|id| proto_bytes(2, &id.get().to_be_bytes())));
    out.extend(proto_bytes(3, &span.id.get().to_be_bytes()));
    out.extend(span.kind.iter().flat_map(|kind| proto_varint(4, *kind as u64)));
    out.extend(span.name.iter().flat_map(|name| proto_bytes(5, name.as_bytes())));
    out.extend(span.timestamp_us.iter().flat_map(|us| proto_fixed(6, *us)));
    out.extend(span.duration_us.iter().flat_map(|us| proto_varint(7, *us)));
    out.extend(span.local_endpoint.iter().flat_map(|end| proto_bytes(8, &proto_endpoint(end))));
    out.extend(span.remote_endpoint.iter().flat_map(|end| proto_bytes(9, &proto_endpoint(end))));
    for annotation in &span.annotations {
        let value = proto_bytes(2, annotation.value.as_bytes());
        out.extend(proto_bytes(10, &[proto_fixed(1, annotation.timestamp_us), value].concat()));
    }
    for (key, value) in &span.tags {
        out.extend(proto_bytes(
            11,
            &[proto_bytes(1, key.as_bytes()), proto_bytes(2, value.as_bytes())].concat(),
        ));
    }
    out.extend(proto_varint(12, span.debug.into()));
    out.extend(proto_varint(13, span.shared.into()));
    out
}

fn proto_endpoint(endpoint: &Endpoint) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(endpoint.service_name.iter().flat_map(|name| proto_bytes(1, name.as_bytes())));
    out.extend(endpoint.ipv4.iter().flat_map(|ip| proto_bytes(2, &ip.octets())));
    out.extend(endpoint.ipv6.iter().flat_map(|ip| proto_bytes(3, &ip.octets())));
    out.extend(endpoint.port.iter().flat_map(|port| proto_varint(4, (*port).into())));
    out
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

pub fn proto_varint(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

pub fn proto_fixed(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

pub fn proto_bytes(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A span in v1 form: its data as the tracers of that time wrote them, every one with the local endpoint.
struct V1<'a> {
    span: &'a Span,
    /// Event and time.
    events: Vec<(u64, &'a str)>,
    /// The key of the remote endpoint.
    address: &'static str,
}

fn v1(span: &Span) -> V1<'_> {
    let (start, end) =
        (span.timestamp_us.unwrap_or(0), span.timestamp_us.unwrap_or(0) + span.duration_us.unwrap_or(0));
    let (mut events, address) = match span.kind {
        Some(Kind::Client) => (vec![(start, "cs"), (end, "cr")], "sa"),
        Some(Kind::Server) => (vec![(start, "sr"), (end, "ss")], "ca"),
        Some(Kind::Producer) => (vec![(start, "ms"), (end, "ws")], "ma"),
        Some(Kind::Consumer) => (vec![(start, "wr"), (end, "mr")], "ma"),
        None => (Vec::new(), "sa"),
    };
    events.extend(span.annotations.iter().map(|a| (a.timestamp_us, a.value.as_str())));
    V1 { span, events, address }
}

/// A list of JSON v1 spans.
pub fn json_v1(spans: &[Span]) -> Vec<u8> {
    let endpoint = |end: &Option<Endpoint>| -> Value {
        end.as_ref().map_or(Value::Null, |end| {
            json!({ "serviceName": end.service_name, "ipv4": end.ipv4.map(|ip| ip.to_string()),
                "ipv6": end.ipv6.map(|ip| ip.to_string()), "port": end.port })
        })
    };
    let list: Vec<_> = spans.iter().map(v1).map(|V1 { span, events, address }| {
        let local = endpoint(&span.local_endpoint);
        let mut binary: Vec<_> = span.tags.iter()
            .map(|(key, value)| json!({ "key": key, "value": value, "endpoint": local })).collect();
        binary.push(json!({ "key": "lc", "value": "", "endpoint": local }));
        binary.push(json!({ "key": address, "value": true, "endpoint": endpoint(&span.remote_endpoint) }));
        json!({
            "traceId": span.trace_id.to_string(), "id": span.id.to_string(),
            "parentId": span.parent_id.map(|id| id.to_string()), "name": span.name, "debug": span.debug,
            "timestamp": span.timestamp_us, "duration": span.duration_us, "binaryAnnotations": binary,
            "annotations": events.iter()
                .map(|(us, value)| json!({ "timestamp": us, "value": value, "endpoint": local })).collect::<Vec<_>>(),
        })
    }).collect();
    serde_json::to_vec(&list).unwrap()
}

/// A list of thrift spans.
pub fn thrift(spans: &[Span]) -> Vec<u8> {
    let mut out = vec![12];
    out.extend((spans.len() as u32).to_be_bytes());
    out.extend(spans.iter().flat_map(thrift_span));
    out
}

/// One thrift span, as scribe carries it.
pub fn thrift_span(span: &Span) -> Vec<u8> {
    let V1 { span, events, address } = v1(span);
    let local = thrift_endpoint(&span.local_endpoint);
    let host = |number, end: &[u8]| {
        if end.len() > 1 { [field(12, number), end.to_vec()].concat() } else { Vec::new() }
    };
    let annotations: Vec<_> = events
        .iter()
        .map(|(us, value)| {
            [thrift_i64(1, *us), thrift_bytes(2, value.as_bytes()), host(3, &local), vec![0]].concat()
        })
        .collect();
    let binary = |key: &str, value: &[u8], kind: u32, end: &[u8]| {
        let kind = [field(8, 3), kind.to_be_bytes().to_vec()].concat();
        [thrift_bytes(1, key.as_bytes()), thrift_bytes(2, value), kind, host(4, end), vec![0]].concat()
    };
    let mut tags: Vec<_> =
        span.tags.iter().map(|(key, value)| binary(key, value.as_bytes(), 6, &local)).collect();
    tags.push(binary("lc", b"", 6, &local));
    tags.push(binary(address, &[1], 0, &thrift_endpoint(&span.remote_endpoint)));
    let list = |number, items: &[Vec<u8>]| {
        [field(15, number), vec![12], (items.len() as u32).to_be_bytes().to_vec(), items.concat()].concat()
    };
    [
        thrift_i64(1, span.trace_id.low()),
        thrift_bytes(3, span.name.as_deref().unwrap_or("").as_bytes()),
        thrift_i64(4, span.id.get()),
        thrift_i64(5, span.parent_id.map_or(0, |id| id.get())),
        list(6, &annotations),
        list(8, &tags),
        [field(2, 9), vec![span.debug.into()]].concat(),
        thrift_i64(10, span.timestamp_us.unwrap_or(0)),
        thrift_i64(11, span.duration_us.unwrap_or(0)),
        thrift_i64(12, span.trace_id.high()),
        vec![0],
    ]
    .concat()
}

fn thrift_endpoint(endpoint: &Option<Endpoint>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(end) = endpoint {
        let ipv4 = end.ipv4.map_or(0, |ip| ip.to_bits());
        out.extend([field(8, 1), ipv4.to_be_bytes().to_vec()].concat());
        out.extend([field(6, 2), end.port.unwrap_or(0).to_be_bytes().to_vec()].concat());
        out.extend(thrift_bytes(3, end.service_name.as_deref().unwrap_or("").as_bytes()));
        out.extend(end.ipv6.iter().flat_map(|ip| thrift_bytes(4, &ip.octets())));
    }
    out.push(0);
    out
}

pub fn field(kind: u8, number: i16) -> Vec<u8> {
    [vec![kind], number.to_be_bytes().to_vec()].concat()
}

pub fn thrift_i64(number: i16, value: u64) -> Vec<u8> {
    [field(10, number), value.to_be_bytes().to_vec()].concat()
}

pub fn thrift_bytes(number: i16, bytes: &[u8]) -> Vec<u8> {
    [field(11, number), (bytes.len() as u32).to_be_bytes().to_vec(), bytes.to_vec()].concat()
}
