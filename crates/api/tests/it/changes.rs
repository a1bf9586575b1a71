//! Pins and deletions, and what is said when they cannot be made.

use std::sync::Arc;

use api::config::Config;
use serde_json::json;
use storage::change::PINS_MAX;

use crate::support::store::Ailing;
use crate::support::{NOW_MS, Server, span};

async fn status(server: &Server, method: &str, path: &str) -> u16 {
    server.ask(method, path, &[]).await.status
}

async fn server() -> Server {
    let server = Server::new(Config::default());
    server.write([span(10, 1, "shop"), span(11, 1, "shop")]).await;
    server
}

#[tokio::test]
async fn a_trace_is_pinned_and_unpinned() {
    let server = server().await;
    let pins = async || server.get("/api/spanlet/v1/pins").await.json();
    assert_eq!(status(&server, "PUT", "/api/spanlet/v1/pins/b").await, 204);
    assert_eq!(status(&server, "PUT", "/api/spanlet/v1/pins/b").await, 204);
    assert_eq!(status(&server, "PUT", "/api/spanlet/v1/pins/a").await, 204);
    assert_eq!(pins().await, json!({"traceIds": ["000000000000000b", "000000000000000a"]}));
    assert_eq!(status(&server, "DELETE", "/api/spanlet/v1/pins/b").await, 204);
    assert_eq!(pins().await, json!({"traceIds": ["000000000000000a"]}));
}

#[tokio::test]
async fn what_cannot_be_pinned_is_said() {
    let server = server().await;
    assert_eq!(status(&server, "PUT", "/api/spanlet/v1/pins/c").await, 404);
    assert_eq!(status(&server, "PUT", "/api/spanlet/v1/pins/none").await, 400);
    for id in 100..100 + PINS_MAX as u128 {
        server.write([span(id, 1, "shop")]).await;
        assert_eq!(status(&server, "PUT", &format!("/api/spanlet/v1/pins/{id:x}")).await, 204);
    }
    let answer = server.ask("PUT", "/api/spanlet/v1/pins/a", &[]).await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.json()["detail"], "1000 traces are pinned already: unpin one first");
}

#[tokio::test]
async fn a_trace_is_deleted() {
    let server = server().await;
    assert_eq!(status(&server, "DELETE", "/api/spanlet/v1/traces/a").await, 204);
    assert_eq!(status(&server, "GET", "/api/v2/trace/a").await, 404);
    assert_eq!(status(&server, "GET", "/api/v2/trace/b").await, 200);
    assert_eq!(status(&server, "DELETE", "/api/spanlet/v1/traces/none").await, 400);
}

#[tokio::test]
async fn what_is_older_is_deleted_but_for_what_is_pinned() {
    let server = server().await;
    assert_eq!(status(&server, "PUT", "/api/spanlet/v1/pins/a").await, 204);
    let delete =
        async |query: &str| status(&server, "DELETE", &format!("/api/spanlet/v1/traces{query}")).await;
    for bad in ["", "?before=", "?before=x", "?before=0", "?before=-1", "?befor=5", "?before=5&limit=1"] {
        assert_eq!(delete(bad).await, 400, "{bad}");
    }
    assert_eq!(delete(&format!("?before={}", NOW_MS + 1)).await, 400, "another unit");
    assert_eq!(status(&server, "GET", "/api/v2/trace/b").await, 200);
    assert_eq!(delete(&format!("?before={NOW_MS}")).await, 204);
    assert_eq!(status(&server, "GET", "/api/v2/trace/b").await, 404);
    assert_eq!(status(&server, "GET", "/api/v2/trace/a").await, 200);
}

#[tokio::test]
async fn a_store_that_fails_has_changed_nothing() {
    let server = Server::over(Config::default(), Arc::new(Ailing));
    let answer = server.ask("DELETE", "/api/spanlet/v1/traces/a", &[]).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("content-type"), "application/problem+json");
}
