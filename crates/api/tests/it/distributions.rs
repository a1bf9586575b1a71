//! How many traces match at each time and of each duration.

use api::config::Config;
use model::span::Span;
use serde_json::{Value, json};

use crate::support::{NOW_MS, Server, span, tagged};

const SECOND_US: u64 = 1_000_000;

/// Ten traces of 1 to 10 ms two seconds ago, and one of a second, with an error, now.
async fn filled() -> Server {
    let server = Server::new(Config::default());
    let lasting = |trace, ms: u64, seconds_ago: u64| Span {
        timestamp_us: Some(NOW_MS * 1000 - seconds_ago * SECOND_US),
        duration_us: Some(ms * 1000),
        ..span(trace, 1, "shop")
    };
    server.write((1..=10).map(|trace| lasting(trace, trace as u64, 2))).await;
    server.write([tagged(lasting(11, 1000, 0), "error", "")]).await;
    server
}

#[tokio::test]
async fn histogram() {
    let server = filled().await;
    let answer = server.get("/api/spanlet/v1/histogram?lookback=4000&buckets=4").await.json();
    assert_eq!((&answer["endTs"], &answer["lookback"]), (&json!(NOW_MS), &json!(4000)));
    assert_eq!((&answer["traces"], &answer["errors"]), (&json!(11), &json!(1)));
    let bucket = |at: usize| answer["buckets"][at].clone();
    assert_eq!(
        bucket(0),
        json!({"startTs": NOW_MS - 4000, "traces": 0, "errors": 0, "p50": null, "p95": null})
    );
    assert_eq!((&bucket(2)["traces"], &bucket(3)["traces"]), (&json!(10), &json!(1)));
    let near = |value: &Value, us: f64| {
        let found = value.as_f64().unwrap();
        assert!((found / us - 1.0).abs() < 0.13, "{found} is not about {us}");
    };
    near(&bucket(2)["p50"], 5_000.0);
    near(&bucket(2)["p95"], 10_000.0);
    near(&bucket(3)["p50"], 1_000_000.0);
    near(&answer["p99"], 1_000_000.0);
    let answer = server.get("/api/spanlet/v1/histogram?query=not+error&buckets=1").await.json();
    assert_eq!((&answer["traces"], &answer["errors"]), (&json!(10), &json!(0)));
}

#[tokio::test]
async fn heatmap() {
    let server = filled().await;
    let answer = server.get("/api/spanlet/v1/heatmap?lookback=4000&buckets=2").await.json();
    let list = |key: &str| answer[key].as_array().unwrap().clone();
    assert_eq!(list("startTs"), [json!(NOW_MS - 4000), json!(NOW_MS - 2000)]);
    let (from_us, traces) = (list("fromUs"), list("traces"));
    assert_eq!((traces.len(), list("errors").len()), (from_us.len(), from_us.len()));
    assert_eq!((&from_us[0], &answer["toUs"]), (&json!(1000), &json!(1_258_925)));
    assert_eq!((&traces[0], &traces[from_us.len() - 1]), (&json!([0, 1]), &json!([0, 1])));
    assert_eq!(list("errors").last(), Some(&json!([0, 1])));
    let sum = |rows: &[Value]| -> u64 {
        rows.iter().flat_map(|row| row.as_array().unwrap()).map(|count| count.as_u64().unwrap()).sum()
    };
    assert_eq!((sum(&traces), sum(&list("errors"))), (11, 1));
}

#[tokio::test]
async fn heatmap_of_nothing_and_of_what_is_longer_than_all_bands() {
    let server = Server::new(Config::default());
    let answer = server.get("/api/spanlet/v1/heatmap?buckets=1").await.json();
    assert_eq!((&answer["fromUs"], &answer["traces"]), (&json!([]), &json!([])));
    server.write([Span { duration_us: Some(u64::MAX >> 1), ..span(1, 1, "shop") }]).await;
    let answer = server.get("/api/spanlet/v1/heatmap?buckets=1").await.json();
    assert_eq!((&answer["fromUs"], &answer["toUs"]), (&json!([1_000_000_000]), &Value::Null));
    assert_eq!(answer["traces"], json!([[1]]));
}
