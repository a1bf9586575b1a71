//! Writes zipkin.proto `ListOfSpans`, as reporters send it to `POST /api/v2/spans`.

use model::batch::Row;
use model::endpoint::EndpointRef;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

/// Appends spans as a list: lists one after the other are one list.
pub fn write_list<'a>(out: &mut Vec<u8>, rows: impl Iterator<Item = Row<'a>>) {
    let mut span = Vec::new();
    for row in rows {
        span.clear();
        write_span(&mut span, &row);
        bytes_field(out, 1, &span);
    }
}

fn write_span(out: &mut Vec<u8>, row: &Row<'_>) {
    match row.trace_id.high() {
        0 => bytes_field(out, 1, &row.trace_id.low().to_be_bytes()),
        _ => bytes_field(out, 1, &row.trace_id.get().to_be_bytes()),
    }
    if let Some(parent_id) = row.parent_id {
        bytes_field(out, 2, &parent_id.get().to_be_bytes());
    }
    bytes_field(out, 3, &row.id.get().to_be_bytes());
    if let Some(kind) = row.kind {
        varint_field(out, 4, kind as u64);
    }
    if let Some(name) = row.name {
        bytes_field(out, 5, name.as_bytes());
    }
    if let Some(timestamp_us) = row.timestamp_us {
        fixed64_field(out, 6, timestamp_us);
    }
    if let Some(duration_us) = row.duration_us {
        varint_field(out, 7, duration_us);
    }
    let mut part = Vec::new();
    for (number, side) in [(8, &row.local_endpoint), (9, &row.remote_endpoint)] {
        if let Some(side) = side {
            part.clear();
            write_endpoint(&mut part, side);
            bytes_field(out, number, &part);
        }
    }
    for (timestamp_us, value) in row.annotations() {
        part.clear();
        fixed64_field(&mut part, 1, timestamp_us);
        bytes_field(&mut part, 2, value.as_bytes());
        bytes_field(out, 10, &part);
    }
    for (key, value) in row.tags() {
        part.clear();
        bytes_field(&mut part, 1, key.as_bytes());
        bytes_field(&mut part, 2, value.as_bytes());
        bytes_field(out, 11, &part);
    }
    for (number, set) in [(12, row.debug), (13, row.shared)] {
        if set {
            varint_field(out, number, 1);
        }
    }
}

pub(crate) fn write_endpoint(out: &mut Vec<u8>, endpoint: &EndpointRef<'_>) {
    if let Some(name) = &endpoint.service_name {
        bytes_field(out, 1, name.as_bytes());
    }
    if let Some(ip) = endpoint.ipv4 {
        bytes_field(out, 2, &ip.octets());
    }
    if let Some(ip) = endpoint.ipv6 {
        bytes_field(out, 3, &ip.octets());
    }
    if let Some(port) = endpoint.port {
        varint_field(out, 4, u64::from(port));
    }
}

fn bytes_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | BYTES);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint_field(out: &mut Vec<u8>, number: u8, value: u64) {
    out.push(number << 3 | VARINT);
    push_varint(out, value);
}

fn fixed64_field(out: &mut Vec<u8>, number: u8, value: u64) {
    out.push(number << 3 | FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::batch::Batch;

    #[test]
    fn what_is_written_is_read_back() {
        let json = r#"[{"traceId":"00000000000000070000000000000001","parentId":"2","id":"3","kind":"SERVER","name":"get /",
            "timestamp":1700000000000000,"duration":12,"localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1",
            "ipv6":"2001:db8::c001","port":8080},"remoteEndpoint":{"port":1},"annotations":[{"timestamp":5,"value":"a"},
            {"timestamp":6,"value":"b"}],"tags":{"k":"","l":"v"},"debug":true,"shared":true},{"traceId":"1","id":"1"}]"#;
        let mut batch = Batch::new();
        crate::json_v2::decode_list(json.as_bytes(), &mut batch).unwrap();
        let (mut bytes, mut again) = (Vec::new(), Batch::new());
        write_list(&mut bytes, batch.rows());
        crate::proto3::decode_list(&bytes, &mut again).unwrap();
        assert_eq!(again.len(), 2);
        assert_eq!(again, batch);
    }
}
