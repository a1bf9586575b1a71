//! Requests as OpenTelemetry SDKs send them: a batch of one resource and scope.

const SERVICES: [&str; 3] = ["front", "cart", "stock"];

/// Returns a request of so many spans, in protocol buffers.
pub fn request(spans: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let resource: Vec<u8> = [
        ("service.name", "front"),
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.version", "1.45.2"),
    ]
    .into_iter()
    .flat_map(|(key, value)| attribute(1, key, text(value)))
    .collect();
    let scope = [field(1, b"opentelemetry.instrumentation.wsgi"), field(2, b"0.66b2")].concat();
    let mut scope_spans = field(1, &scope);
    let trace_id = random.u128(1..).to_be_bytes();
    for number in 0..spans {
        let span = span(&mut random, &trace_id, 1_700_000_000_000_000_000 + number as u64 * 1_000_000);
        scope_spans.extend(field(2, &span));
    }
    field(1, &[field(1, &resource), field(2, &scope_spans)].concat())
}

fn span(random: &mut fastrand::Rng, trace_id: &[u8], start_ns: u64) -> Vec<u8> {
    let mut out = [
        field(1, trace_id),
        field(2, &random.u64(1..).to_be_bytes()),
        field(4, &random.u64(1..).to_be_bytes()),
        field(5, b"GET /items/{id}"),
        vec![6 << 3, random.u8(2..4)],
        fixed(7, start_ns),
        fixed(8, start_ns + random.u64(1_000..500_000_000)),
    ]
    .concat();
    out.extend(attribute(9, "http.request.method", text("GET")));
    out.extend(attribute(9, "url.path", text(&format!("/items/{}", random.u32(..100_000)))));
    out.extend(attribute(9, "server.address", text(SERVICES[random.usize(..3)])));
    out.extend(attribute(9, "server.port", vec![3 << 3, 0x90, 0x3f]));
    out.extend(attribute(9, "http.response.status_code", vec![3 << 3, 0xc8, 1]));
    let event =
        [fixed(1, start_ns + 500), field(2, b"cache miss"), attribute(3, "key", text("item"))].concat();
    out.extend(field(11, &event));
    out
}

fn attribute(number: u8, key: &str, value: Vec<u8>) -> Vec<u8> {
    field(number, &[field(1, key.as_bytes()), field(2, &value)].concat())
}

fn text(value: &str) -> Vec<u8> {
    field(1, value.as_bytes())
}

fn fixed(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}
