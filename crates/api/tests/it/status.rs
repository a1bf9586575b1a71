//! The status of the server, and relays that announce themselves.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use api::config::Config;
use api::relays::Peer;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::Server;
use crate::support::store::{Ailing, BROKEN, Stuck};

const PATH: &str = "/api/spanlet/v1/status";

fn said(name: &str) -> Value {
    json!({"name": name, "backlogBytes": 7, "oldestMs": 900, "rate": 1.5, "errors": 3})
}

async fn announce(server: &Server, body: String, from: [u8; 4]) -> u16 {
    let request = Request::post("/api/spanlet/v1/relays").extension(Peer(IpAddr::from(from)));
    let response = server.routes.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn all_that_runs_is_shown() {
    let server = Server::new(Config::default());
    let status = server.get(PATH).await.json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["uptimeSeconds"].is_u64());
    let http = json!({
        "transport": "http", "listening": "127.0.0.1:9411", "messages": 3, "messagesDropped": 0, "bytes": 0, "spans": 0,
        "spansDropped": 0, "messagesRefused": {"malformed": 2}, "spansLeftOut": {"sampled": 1},
    });
    assert_eq!(status["collectors"], json!([http]));
    let store = &status["store"];
    assert_eq!((&store["name"], &store["healthy"]), (&json!("InMemoryStorage"), &json!(true)));
    assert!(store["figures"].as_object().unwrap().values().all(Value::is_number), "{store}");
    assert_eq!(status["relays"], json!([]));
}

#[tokio::test]
async fn a_store_in_trouble_is_shown() {
    let server = Server::over(Config::default(), Arc::new(Ailing));
    let store = json!({"name": "Ailing", "healthy": false, "problem": BROKEN, "figures": {}});
    assert_eq!(server.get(PATH).await.json()["store"], store);
    let (tell, told) = channel();
    let config = Config { query_timeout: Duration::from_millis(200), ..Config::default() };
    let server = Server::over(config, Arc::new(Stuck::new(told)));
    let answer = server.get(PATH).await;
    assert_eq!(answer.json()["store"]["problem"], "the store does not answer");
    drop(tell);
}

#[tokio::test]
async fn relays_are_shown_by_address_and_name() {
    let server = Server::new(Config::default());
    for (name, from) in [("a", [10, 0, 0, 1]), ("b", [10, 0, 0, 1]), ("a", [10, 0, 0, 2])] {
        assert_eq!(announce(&server, said(name).to_string(), from).await, 204);
    }
    let relays = server.get(PATH).await.json()["relays"].clone();
    let shown: Vec<_> = relays.as_array().unwrap().iter().map(|it| (&it["name"], &it["address"])).collect();
    let pairs = [("a", "10.0.0.1"), ("b", "10.0.0.1"), ("a", "10.0.0.2")].map(|(a, b)| (json!(a), json!(b)));
    assert_eq!(shown, pairs.each_ref().map(|(name, address)| (name, address)));
    for (field, value) in said("a").as_object().unwrap() {
        assert_eq!(&relays[0][field], value);
    }
    assert!(relays[0]["lastSeenMs"].is_u64());
}

#[tokio::test]
async fn what_is_no_announcement_is_refused() {
    let server = Server::new(Config::default());
    assert_eq!(announce(&server, "[]".into(), [10, 0, 0, 1]).await, 400);
    assert_eq!(announce(&server, " ".repeat(4097), [10, 0, 0, 1]).await, 413);
    for number in 0..256 {
        assert_eq!(announce(&server, said(&number.to_string()).to_string(), [10, 0, 0, 1]).await, 204);
    }
    assert_eq!(announce(&server, said("one more").to_string(), [10, 0, 0, 1]).await, 503);
    assert_eq!(server.get(PATH).await.json()["relays"].as_array().unwrap().len(), 256);
}
