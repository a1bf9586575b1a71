//! Spans from a short notation, and from Zipkin's JSON as it stands in `testdata/`.

use model::endpoint::Endpoint;
use model::id::{SpanId, TraceId};
use model::span::{Annotation, Kind, Span};
use serde_json::Value;

/// Reads spans parted by `;`, each `id[/parent]` in hexadecimal and then any of: a kind in upper case,
/// `local[>remote]` (an endpoint is `name[@ip[:port]]`), `t5` and `d3` (timestamp and duration in microseconds), `+shared`,
/// `+debug`, `=name`, `#key=value` (a tag), `!7=value` (an annotation at 7), `*id` (another trace id).
pub fn spans(text: &str) -> Vec<Span> {
    text.split(';').map(str::trim).filter(|span| !span.is_empty()).map(span).collect()
}

/// Reads one span of that notation.
pub fn span(text: &str) -> Span {
    let mut words = text.split_whitespace();
    let ids = words.next().expect("ids");
    let (id, parent) = ids.split_once('/').map_or((ids, None), |(id, parent)| (id, Some(parent)));
    let mut span = Span::new(TraceId::new(1).unwrap(), hex(id));
    span.parent_id = parent.map(hex);
    for word in words {
        let (first, rest) = word.split_at(1);
        let number = rest.parse::<u64>().ok();
        match (first, number) {
            ("t", Some(us)) => span.timestamp_us = Some(us),
            ("d", Some(us)) => span.duration_us = Some(us),
            ("+", _) if rest == "shared" => span.shared = true,
            ("+", _) if rest == "debug" => span.debug = true,
            ("=", _) => span.name = Some(rest.into()),
            ("*", _) => span.trace_id = TraceId::from_lower_hex(rest).unwrap(),
            ("#", _) => {
                let (key, value) = rest.split_once('=').expect("a tag");
                span.tags.push((key.into(), value.into()));
            }
            ("!", _) => {
                let (us, value) = rest.split_once('=').expect("an annotation");
                let timestamp_us = us.parse().expect("a time");
                span.annotations.push(Annotation { timestamp_us, value: value.into() });
            }
            _ if Kind::from_name(word).is_some() => span.kind = Kind::from_name(word),
            _ => {
                let (local, remote) = word.split_once('>').unwrap_or((word, ""));
                span.local_endpoint = endpoint(local);
                span.remote_endpoint = endpoint(remote);
            }
        }
    }
    span
}

/// Writes ids, flags and services, to compare shapes.
pub fn brief(span: &Span) -> String {
    let shared = if span.shared { "'" } else { "" };
    format!("{:x}{shared}", span.id.get())
}

/// Reads Zipkin's v2 JSON; only what `testdata/` uses.
pub fn from_json(list: &Value) -> Vec<Span> {
    let text = |span: &Value, key: &str| span[key].as_str().map(str::to_owned);
    let endpoint = |json: &Value| {
        json.is_object().then(|| Endpoint {
            service_name: text(json, "serviceName"),
            ipv4: json["ipv4"].as_str().map(|ip| ip.parse().unwrap()),
            ipv6: json["ipv6"].as_str().map(|ip| ip.parse().unwrap()),
            port: json["port"].as_u64().map(|port| port as u16),
        })
    };
    let one = |json: &Value| Span {
        trace_id: TraceId::from_lower_hex(json["traceId"].as_str().unwrap()).unwrap(),
        id: hex(json["id"].as_str().unwrap()),
        parent_id: json["parentId"].as_str().map(hex),
        kind: json["kind"].as_str().map(|name| Kind::from_name(name).unwrap()),
        name: text(json, "name"),
        timestamp_us: json["timestamp"].as_u64(),
        duration_us: json["duration"].as_u64(),
        local_endpoint: endpoint(&json["localEndpoint"]),
        remote_endpoint: endpoint(&json["remoteEndpoint"]),
        annotations: json["annotations"].as_array().map_or(Vec::new(), |all| {
            let one = |json: &Value| Annotation {
                timestamp_us: json["timestamp"].as_u64().unwrap(),
                value: text(json, "value").unwrap(),
            };
            all.iter().map(one).collect()
        }),
        tags: json["tags"].as_object().map_or(Vec::new(), |all| {
            all.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
        }),
        debug: json["debug"] == true,
        shared: json["shared"] == true,
    };
    list.as_array().expect("a list of spans").iter().map(one).collect()
}

/// Reads a JSON file of `testdata/`.
pub fn testdata(path: &str) -> Value {
    let path = format!("{}/../../testdata/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads a file of `testdata/` with JSON in each line.
pub fn testdata_lines(path: &str) -> Vec<Value> {
    let path = format!("{}/../../testdata/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{path}: {error}")))
        .collect()
}

fn hex(text: &str) -> SpanId {
    SpanId::from_lower_hex(text).unwrap_or_else(|error| panic!("{text:?} {error}"))
}

fn endpoint(text: &str) -> Option<Endpoint> {
    let (name, address) = text.split_once('@').unwrap_or((text, ""));
    let (ip, port) = address.split_once(':').unwrap_or((address, ""));
    let endpoint = Endpoint {
        service_name: Some(name.to_owned()).filter(|name| !name.is_empty()),
        ipv4: ip.parse().ok(),
        ipv6: None,
        port: port.parse().ok(),
    };
    (endpoint != Endpoint::default()).then_some(endpoint)
}
