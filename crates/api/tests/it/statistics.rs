//! How often, how well and how fast operations and calls ran.

use api::config::Config;
use model::span::{Kind, Span};
use serde_json::{Value, json};

use crate::support::{NOW_MS, Server, span, tagged};

/// Ten calls of stock by shop, half a minute old, the last one slow and failed.
async fn ten() -> Server {
    let server = Server::new(Config::default());
    for trace in 1..=10 {
        let call = Span {
            kind: Some(Kind::Client),
            remote_endpoint: span(1, 1, "stock").local_endpoint,
            timestamp_us: Some(NOW_MS * 1000 - 30_000_000),
            ..span(trace, 1, "shop")
        };
        let slow = Span { duration_us: Some(500_000), ..tagged(call.clone(), "error", "") };
        server.write([if trace == 10 { slow } else { call }]).await;
    }
    server
}

/// Says that a number is true to the share that histograms promise.
#[track_caller]
fn about(found: &Value, exact: u64) {
    assert!(found.as_u64().is_some_and(|found| found.abs_diff(exact) <= exact / 32), "{found} for {exact}");
}

#[tokio::test]
async fn of_operations() {
    let answer = ten().await.get("/api/spanlet/v1/statistics?lookback=120000").await.json();
    assert_eq!((&answer["stepMs"], &answer["startTs"]), (&json!(60_000), &json!(NOW_MS - 120_000)));
    let [row] = &answer["rows"].as_array().unwrap()[..] else { panic!("{answer}") };
    let names =
        json!({"serviceName": "shop", "spanName": "get", "remoteServiceName": "stock", "kind": "CLIENT"});
    names.as_object().unwrap().iter().for_each(|(key, value)| assert_eq!(&row[key], value, "{key}"));
    assert_eq!((&row["calls"], &row["errors"]), (&json!(10), &json!(1)));
    about(&row["p50"], 1000);
    about(&row["p95"], 500_000);
    assert_eq!(row["series"]["calls"], json!([0, 10, 0]));
    assert_eq!(row["series"]["errors"], json!([0, 1, 0]));
    assert_eq!(row["series"]["p95"][0], Value::Null);
    about(&row["series"]["p95"][1], 500_000);
}

#[tokio::test]
async fn of_one_service() {
    let server = ten().await;
    server.write((20..33).map(|trace| span(trace, 1, "cart"))).await;
    let rows = async |query: &str| {
        let answer = server.get(&format!("/api/spanlet/v1/statistics{query}")).await.json();
        let name = |row: &Value| row["serviceName"].as_str().unwrap().to_owned();
        answer["rows"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(rows("").await, ["cart", "shop"], "the most calls first");
    assert_eq!(rows("?serviceName=SHOP").await, ["shop"]);
    assert!(rows("?endTs=1").await.is_empty());
}

#[tokio::test]
async fn of_links() {
    let answer = ten().await.get("/api/spanlet/v1/dependencies").await.json();
    let [link] = &answer.as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!((&link["parent"], &link["child"]), (&json!("shop"), &json!("stock")));
    assert_eq!((&link["callCount"], &link["errorCount"]), (&json!(10), &json!(1)));
    about(&link["p50"], 1000);
    about(&link["p99"], 500_000);
}
