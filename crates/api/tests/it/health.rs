//! Health: up, down, and a store that does not answer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use api::config::Config;
use serde_json::json;

use crate::support::Server;
use crate::support::store::{Ailing, Stuck};

#[tokio::test]
async fn up() {
    let server = Server::new(Config::default());
    let answer = server.get("/health").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json; charset=utf-8"));
    let up = json!({"status": "UP"});
    let details = json!({"InMemoryStorage{}": up, "ScribeCollector{port=9410, category=zipkin}": up});
    assert_eq!(answer.json(), json!({"status": "UP", "zipkin": {"status": "UP", "details": details}}));
    let answer = server.get("/actuator/health").await;
    assert_eq!(answer.header("content-type"), "application/vnd.spring-boot.actuator.v2+json; charset=utf-8");
    assert_eq!(answer.json()["status"], "UP");
}

#[tokio::test]
async fn down() {
    let server = Server::over(Config::default(), Arc::new(Ailing));
    let answer = server.get("/health").await;
    assert_eq!(answer.status, 503);
    let answer = answer.json();
    assert_eq!((&answer["status"], &answer["zipkin"]["status"]), (&json!("DOWN"), &json!("DOWN")));
    let details = json!({"status": "DOWN", "details": {"error": "the disk is gone"}});
    assert_eq!(answer["zipkin"]["details"]["Ailing{}"], details);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_down_and_asked_by_one_thread() {
    let (tell, told) = channel();
    let config = Config { query_timeout: Duration::from_millis(20), ..Config::default() };
    let store = Arc::new(Stuck::new(told));
    let server = Server::over(config, Arc::clone(&store) as _);
    for path in ["/health", "/actuator/health", "/health"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 503);
        let text = "Timed out computing health status. This often means your storage backend is unreachable.";
        let expected = json!({"status": "DOWN", "zipkin": {"status": "DOWN", "details": {"error": text}}});
        assert_eq!(answer.json(), expected);
    }
    // Two were given up while they waited for the first, which still hangs.
    assert_eq!(store.asked.load(Relaxed), 1);
    drop(tell);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut answer = server.get("/health").await;
    while answer.json()["zipkin"]["details"].get("Stuck{}").is_none() {
        assert!(Instant::now() < deadline, "{answer:?}");
        answer = server.get("/health").await;
    }
    let component = &answer.json()["zipkin"]["details"]["Stuck{}"];
    assert_eq!(component["details"]["error"], "receiving on a closed channel");
}
