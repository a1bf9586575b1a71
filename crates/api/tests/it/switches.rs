//! What is left when parts are switched off.

use std::sync::Arc;
use std::time::Duration;

use api::config::{Config, Ui};
use serde_json::json;

use crate::support::store::Silent;
use crate::support::{NOW_MS, Server, span, tagged};

#[tokio::test]
async fn without_searches() {
    let autocomplete_keys = vec!["env".to_owned()];
    let server = Server::new(Config { search_enabled: false, autocomplete_keys, ..Config::default() });
    server.write([tagged(span(10, 1, "a"), "env", "x"), span(11, 1, "a")]).await;
    for path in [
        "traces",
        "services",
        "spans?serviceName=a",
        "remoteServices?serviceName=a",
        "autocompleteValues?key=env",
    ] {
        assert_eq!(server.said(&format!("/api/v2/{path}")).await, "200 []", "{path}");
    }
    assert_eq!(server.said("/api/v2/autocompleteKeys").await, r#"200 ["env"]"#);
    assert_eq!(server.get("/api/v2/trace/a").await.status, 200);
    assert_eq!(server.get("/api/v2/traceMany?traceIds=a,b").await.json().as_array().unwrap().len(), 2);
    assert_eq!(server.said(&format!("/api/v2/dependencies?endTs={NOW_MS}")).await, "200 []");
    assert_eq!(server.said("/api/v2/traces?limit=0").await, "400 limit <= 0");
    assert_eq!(server.get("/zipkin/config.json").await.json()["searchEnabled"], false);
    for path in ["traces", "counts", "hints"] {
        let answer = server.get(&format!("/api/spanlet/v1/{path}")).await;
        assert_eq!((answer.status, &answer.json()["title"]), (403, &json!("Searching is switched off")));
    }
}

#[tokio::test]
async fn without_questions() {
    let server = Server::new(Config { query_enabled: false, ..Config::default() });
    for path in [
        "/",
        "/zipkin",
        "/zipkin/",
        "/zipkin/config.json",
        "/favicon.ico",
        "/api/v2/services",
        "/zipkin/api/v2/services",
        "/api/spanlet/v1/traces",
        "/api/spanlet/openapi.json",
    ] {
        assert_eq!(server.said(path).await, "404 404 Not Found", "{path}");
    }
    for path in ["/health", "/info", "/metrics", "/prometheus"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn without_the_page() {
    let server = Server::new(Config { ui: None, ..Config::default() });
    for path in ["/", "/zipkin", "/zipkin/", "/zipkin/config.json", "/favicon.ico"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
    assert_eq!(server.ask("POST", "/zipkin/api/v2/services", &[]).await.status, 404);
    for path in ["/api/v2/services", "/zipkin/api/v2/services", "/health"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_page_is_told_its_settings() {
    let usual = Server::new(Config::default()).get("/zipkin/config.json").await;
    assert_eq!(usual.header("content-type"), "application/json; charset=utf-8");
    let keys: Vec<_> = usual.body.lines().filter_map(|line| line.trim().split('"').nth(1)).collect();
    assert_eq!(
        keys,
        [
            "environment",
            "queryLimit",
            "defaultLookback",
            "searchEnabled",
            "logsUrl",
            "supportUrl",
            "archivePostUrl",
            "archiveUrl",
            "dependency",
            "enabled",
            "lowErrorRate",
            "highErrorRate"
        ]
    );
    let expected = json!({
        "environment": "", "queryLimit": 10, "defaultLookback": 900_000, "searchEnabled": true, "logsUrl": null,
        "supportUrl": null, "archivePostUrl": null, "archiveUrl": null,
        "dependency": {"enabled": true, "lowErrorRate": 0.5, "highErrorRate": 0.75},
    });
    assert_eq!(usual.json(), expected);
    let ui = Ui {
        environment: "stage".into(),
        query_limit: 25,
        default_lookback_ms: 3_600_000,
        logs_url: Some("https://logs.example/{traceId}".into()),
        support_url: Some("https://help.example".into()),
        archive_post_url: Some("https://archive.example/api/v2/spans".into()),
        archive_url: Some("https://archive.example/zipkin/traces/{traceId}".into()),
        dependency_enabled: false,
        dependency_low_error_rate: 0.1,
        dependency_high_error_rate: 0.3,
        frame_ancestors: vec!["https://wiki.example".into()],
        base_path: "/zipkin".into(),
    };
    let server = Server::new(Config { ui: Some(ui), ..Config::default() });
    let told = server.get("/zipkin/config.json").await.json();
    let expected = json!({
        "environment": "stage", "queryLimit": 25, "defaultLookback": 3_600_000, "searchEnabled": true,
        "logsUrl": "https://logs.example/{traceId}", "supportUrl": "https://help.example",
        "archivePostUrl": "https://archive.example/api/v2/spans",
        "archiveUrl": "https://archive.example/zipkin/traces/{traceId}",
        "dependency": {"enabled": false, "lowErrorRate": 0.1, "highErrorRate": 0.3},
    });
    assert_eq!(told, expected);
    let page = server.get("/zipkin/").await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.ends_with("frame-ancestors https://wiki.example; connect-src 'self' https://archive.example"),
        "{policy}"
    );
}

#[tokio::test(start_paused = true)]
async fn questions_that_take_too_long_are_given_up() {
    let server = Server::over(Config::default(), Arc::new(Silent));
    for path in ["/api/v2/services", "/zipkin/api/v2/trace/a", "/api/spanlet/v1/traces"] {
        let before = tokio::time::Instant::now();
        let said = server.said(path).await;
        assert!(
            said.starts_with("500 ") && said.contains("no answer within 11s (QUERY_TIMEOUT)"),
            "{path}: {said}"
        );
        assert_eq!(before.elapsed(), Duration::from_secs(11), "{path}");
    }
    assert_eq!(server.get("/metrics").await.status, 200);
}
