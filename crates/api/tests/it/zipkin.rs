//! Zipkin's own questions: refusals word by word, and answers that the probes do not reach.

use std::sync::Arc;

use api::config::Config;
use storage::memory::Memory;

use crate::support::{NOW_MS, Server, span, tagged};

#[tokio::test]
async fn refusals_are_zipkins() {
    let server = Server::new(Config::default());
    for (path, said) in [
        ("trace/xyz", "400 xyz should be lower-hex encoded with no prefix"),
        ("trace/0", "400 traceId is all zeros"),
        ("trace/%20", "400 traceId is empty"),
        ("trace/0123456789abcdef0123456789abcdef0", "400 traceId.length > 32"),
        ("trace/a", "404 000000000000000a not found"),
        ("trace/%20a%20", "404 000000000000000a not found"),
        ("traceMany", "400 Mandatory parameter/header/attribute is missing: traceIds"),
        ("traceMany?traceIds=", "400 traceIds parameter is empty"),
        ("traceMany?traceIds=a", "400 Use /api/v2/trace/{traceId} endpoint to retrieve a single trace"),
        ("traceMany?traceIds=a,0a", "400 redundant traceId: 0a"),
        ("traceMany?traceIds=a,", "400 traceId is empty"),
        ("traceMany?traceIds=a,%20b", "400  b should be lower-hex encoded with no prefix"),
        ("traceMany?traceIds=a,b", "200 []"),
        ("spans", "400 Mandatory parameter/header/attribute is missing: serviceName"),
        ("remoteServices", "400 Mandatory parameter/header/attribute is missing: serviceName"),
        ("spans?serviceName=", "200 []"),
        ("autocompleteValues", "400 Mandatory parameter/header/attribute is missing: key"),
        ("autocompleteValues?key=", "400 key was empty"),
        ("autocompleteValues?key=unknown", "200 []"),
        ("dependencies", "400 Mandatory parameter/header/attribute is missing: endTs"),
        ("dependencies?endTs=", "400 Cannot set null to primitive type parameter: endTs"),
        ("dependencies?endTs=1&lookback=0", "400 lookback <= 0"),
        ("traces?limit=0", "400 limit <= 0"),
        ("traces?nothing=known", "200 []"),
    ] {
        for base in ["/api/v2/", "/zipkin/api/v2/"] {
            assert_eq!(server.said(&format!("{base}{path}")).await, said, "{base}{path}");
        }
    }
}

#[tokio::test]
async fn answers_are_json_without_charset() {
    let server = Server::new(Config::default());
    for path in ["services", "traces", "autocompleteKeys", "traceMany?traceIds=a,b", "dependencies?endTs=1"] {
        let answer = server.get(&format!("/api/v2/{path}")).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
    }
}

#[tokio::test]
async fn autocomplete_of_configured_keys_only() {
    let autocomplete_keys = ["region", "env"].map(str::to_owned).into();
    let server = Server::new(Config { autocomplete_keys, ..Config::default() });
    server
        .write([
            tagged(tagged(span(1, 1, "a"), "env", "prod"), "other", "x"),
            tagged(span(1, 2, "b"), "env", "dev"),
            tagged(span(2, 3, "b"), "env", "prod"),
        ])
        .await;
    assert_eq!(server.said("/api/v2/autocompleteKeys").await, r#"200 ["env","region"]"#);
    assert_eq!(server.said("/api/v2/autocompleteValues?key=env").await, r#"200 ["dev","prod"]"#);
    assert_eq!(server.said("/api/v2/autocompleteValues?key=region").await, "200 []");
    assert_eq!(server.said("/api/v2/autocompleteValues?key=other").await, "200 []");
}

#[tokio::test]
async fn the_usual_lookback_is_a_setting() {
    let server = Server::new(Config { lookback_default_ms: 500, ..Config::default() });
    server.write([span(1, 1, "a")]).await;
    let found = async |path: &str| server.get(path).await.json().as_array().unwrap().len();
    assert_eq!(found("/api/v2/traces").await, 0);
    assert_eq!(found("/api/v2/traces?lookback=2000").await, 1);
    assert_eq!(found(&format!("/api/v2/traces?endTs={}", NOW_MS - 600)).await, 1);
}

#[tokio::test]
async fn answers_have_a_largest_size() {
    let storage = Memory::new(storage::memory::Config { answer_bytes_max: 5000, ..Default::default() });
    let server = Server::over(Config::default(), Arc::new(storage));
    server.write((1..=100).map(|it| span(it, 1, "a"))).await;
    assert_eq!(server.get("/api/v2/traces?limit=2").await.status, 200);
    for path in ["/api/v2/traces?limit=100", "/api/spanlet/v1/traces?limit=100"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        assert!(answer.body.contains("5000 bytes"), "{}", answer.body);
    }
}
