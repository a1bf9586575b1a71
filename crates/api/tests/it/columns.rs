//! A trace as columns, read as a page reads them; and what they leave out.

use api::config::Config;
use model::id::SpanId;
use model::span::{Kind, Span};
use serde_json::{Value, json};

use crate::support::{Answer, NOW_MS, Server, span, tagged};

/// The columns of an answer.
struct Read {
    head: Value,
    bytes: Vec<u8>,
}

impl Read {
    fn of(answer: &Answer) -> Self {
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/vnd.spanlet.columns.v1")
        );
        let bytes = answer.bytes.clone();
        assert_eq!(&bytes[..8], b"SPANCOL1");
        let length = u64::from_le_bytes(bytes[8..16].try_into().unwrap()) as usize;
        assert_eq!((length % 8, bytes.len() % 8), (0, 0), "parts start at multiples of 8");
        let head = serde_json::from_slice(&bytes[16..16 + length]).unwrap();
        Self { head, bytes: bytes[16 + length..].to_vec() }
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        let column = &self.head["columns"][name];
        let number = |key: &str| column[key].as_u64().unwrap() as usize;
        let wide = match column["type"].as_str().unwrap() {
            "u8" => 1,
            "u16" => 2,
            "u32" => 4,
            "f64" => 8,
            other => panic!("{other}"),
        };
        assert_eq!(number("at") % 8, 0, "{name}");
        let bytes = &self.bytes[number("at")..][..number("length") * wide];
        let read = |value: &[u8]| match value {
            [only] => f64::from(*only),
            [a, b] => f64::from(u16::from_le_bytes([*a, *b])),
            value if wide == 4 => f64::from(u32::from_le_bytes(value.try_into().unwrap())),
            value => f64::from_le_bytes(value.try_into().unwrap()),
        };
        bytes.chunks(wide).map(read).collect()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let text = |at: f64| self.head["texts"][name][at as usize].as_str().unwrap().to_owned();
        self.numbers(name).into_iter().map(text).collect()
    }
}

/// A call of which 20 of 80 microseconds are network, and work that nobody waited for.
async fn filled() -> Server {
    let server = Server::new(Config::default());
    let at = |id, parent, from: u64, us, service| Span {
        parent_id: SpanId::new(parent),
        timestamp_us: Some(NOW_MS * 1000 - 1000 + from),
        duration_us: Some(us),
        ..span(10, id, service)
    };
    let client = Span { kind: Some(Kind::Client), ..at(2, 1, 10, 80, "shop") };
    let asked = Span { kind: Some(Kind::Server), shared: true, ..at(2, 1, 20, 60, "stock") };
    let asked = tagged(tagged(asked, "http.path", "/stock/7"), "error", "Sold out");
    server.write([at(1, 0, 0, 100, "shop"), asked, client, at(3, 1, 100, 70_000, "mail")]).await;
    server
}

#[tokio::test]
async fn columns_of_a_trace() {
    let server = filled().await;
    let read = Read::of(&server.get("/zipkin/api/spanlet/v1/trace/a/columns").await);
    for (name, expected) in [
        ("parent", vec![0.0, 0.0, 1.0, 0.0]),
        ("start", vec![0.0, 10.0, 20.0, 100.0]),
        ("duration", vec![100.0, 80.0, 60.0, 70_000.0]),
        ("flags", vec![2.0, 6.0, 3.0, 0.0]),
        ("stretchCount", vec![2.0, 2.0, 1.0, 0.0]),
        ("stretches", vec![90.0, 100.0, 0.0, 10.0, 80.0, 90.0, 10.0, 20.0, 20.0, 80.0]),
    ] {
        assert_eq!(read.numbers(name), expected, "{name}");
    }
    assert_eq!(read.texts("service"), ["shop", "shop", "stock", "mail"]);
    assert_eq!(read.texts("kind"), ["", "client", "server", ""]);
    assert_eq!(read.texts("name"), ["GET", "GET", "GET", "GET"]);
    assert_eq!(read.texts("spanName"), ["get", "get", "get", "get"]);
    assert_eq!(read.texts("path"), ["", "", "/stock/7", ""]);
    let ids: Vec<f64> = read.numbers("id").chunks(8).map(|id| id[7]).collect();
    assert_eq!(ids, [1.0, 2.0, 2.0, 3.0]);
    assert_eq!(
        (&read.head["columns"]["parent"]["type"], &read.head["columns"]["duration"]["type"]),
        (&json!("u8"), &json!("u32"))
    );
    let own = json!([
        {"service": "stock", "ownUs": 60, "networkUs": 0},
        {"service": "shop", "ownUs": 40, "networkUs": 20},
    ]);
    for (key, expected) in [
        ("own", own),
        ("traceId", json!("000000000000000a")),
        ("spans", json!(4)),
        ("rootless", json!(false)),
        ("durationUs", json!(100)),
        ("extentUs", json!(70_100)),
        ("baseUs", json!(NOW_MS * 1000 - 1000)),
        ("services", json!(["mail", "shop", "stock"])),
    ] {
        assert_eq!(read.head[key], expected, "{key}");
    }
}

/// Row 0 stands for a root that never came, and what has no place in time has no number.
#[tokio::test]
async fn columns_of_a_trace_in_parts() {
    let server = Server::new(Config::default());
    let orphan = Span { parent_id: SpanId::new(9), ..span(10, 1, "shop") };
    server.write([orphan.clone(), Span { id: SpanId::new(2).unwrap(), timestamp_us: None, ..orphan }]).await;
    let read = Read::of(&server.get("/api/spanlet/v1/trace/a/columns?clocks=raw").await);
    assert_eq!(
        (&read.head["rootless"], &read.head["orphans"], &read.head["spans"]),
        (&json!(true), &json!(2), &json!(2))
    );
    let start = read.numbers("start");
    assert_eq!((start.len(), start[0], start[1].is_nan()), (3, 0.0, true));
    assert_eq!(read.texts("service"), ["", "shop", "shop"]);
}

/// A host that is half a second behind is moved into its call, unless raw times are asked for.
#[tokio::test]
async fn clocks() {
    let server = Server::new(Config::default());
    let half = |service: &str, address: u8, kind, us| {
        let mut half = span(10, 1, service);
        half.local_endpoint.as_mut().unwrap().ipv4 = Some([10, 0, 0, address].into());
        Span { kind: Some(kind), duration_us: Some(us), ..half }
    };
    let mut behind = half("stock", 2, Kind::Server, 600);
    behind.timestamp_us = behind.timestamp_us.map(|us| us - 500_000);
    server.write([half("shop", 1, Kind::Client, 1000), Span { shared: true, ..behind }]).await;
    let mended = Read::of(&server.get("/api/spanlet/v1/trace/a/columns").await);
    assert_eq!(mended.numbers("start"), [0.0, 200.0]);
    assert_eq!(mended.head["skews"], json!([{"ip": "10.0.0.2", "service": "stock", "skewUs": -500_200}]));
    let raw = Read::of(&server.get("/api/spanlet/v1/trace/a/columns?clocks=raw").await);
    assert_eq!(raw.numbers("start"), [500_000.0, 0.0]);
    assert_eq!(raw.head["skews"], mended.head["skews"]);
}

#[tokio::test]
async fn spans_and_matches() {
    let server = filled().await;
    let found = server.get("/api/spanlet/v1/trace/a/spans/2").await.json();
    let services: Vec<_> =
        found.as_array().unwrap().iter().map(|it| &it["localEndpoint"]["serviceName"]).collect();
    assert_eq!(services, ["shop", "stock"]);
    assert_eq!(found[1]["tags"]["error"], "Sold out");
    let answer = server.get("/api/spanlet/v1/trace/a/spans/77").await;
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"));
    assert_eq!(answer.json()["title"], "There is no such thing");
    for (text, rows) in [
        ("SOLD", json!([2])),
        ("http.path=/stock", json!([2])),
        ("0000000002", json!([1, 2])),
        ("-get", json!([])),
        ("-mail", json!([0, 1, 2])),
        (" ", json!([])),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("text", text).finish();
        let answer = server.get(&format!("/api/spanlet/v1/trace/a/matches?{query}")).await;
        assert_eq!(answer.json(), json!({"rows": rows, "spans": 4}), "{text}");
    }
}

/// The page's reader is held to the same bytes: `ui/src/model/packed.test.ts`.
#[tokio::test]
async fn bytes_of_the_golden_trace() {
    let golden: Value = serde_json::from_str(include_str!("../../../../testdata/columns/shop.json")).unwrap();
    let server = Server::new(Config::default());
    let mut batch = model::batch::Batch::new();
    wire::json_v2::decode_list(golden["spans"].to_string().as_bytes(), &mut batch).unwrap();
    server.write(batch.rows().map(|row| row.to_span())).await;
    let id = golden["spans"][0]["traceId"].as_str().unwrap();
    let answer = server.get(&format!("/api/spanlet/v1/trace/{id}/columns")).await;
    let hex: String = answer.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(golden["columns"].as_str().unwrap(), hex);
}
