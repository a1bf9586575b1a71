//! What the extensions find, page by page.

use api::config::Config;
use model::span::Span;
use serde_json::{Value, json};

use crate::support::{NOW_MS, Server, span, tagged};

/// Ids of the traces on a page, without leading zeros, and where the next one starts.
fn page(answer: &Value) -> (Vec<String>, Option<String>) {
    let id = |trace: &Value| trace[0]["traceId"].as_str().unwrap().trim_start_matches('0').to_owned();
    let ids = answer["traces"].as_array().unwrap().iter().map(id).collect();
    (ids, answer["next"].as_str().map(str::to_owned))
}

async fn found(server: &Server, query: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
    let answer = server.get(&format!("/api/spanlet/v1/traces?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    page(&answer.json()).0.join(" ")
}

/// Three traces: 1 is the longest, 2 has most errors, 3 is the newest.
async fn three() -> Server {
    let server = Server::new(Config::default());
    let mut long = tagged(span(1, 1, "shop"), "http.path", "/orders/1");
    long.duration_us = Some(9_000);
    let error = |id| tagged(tagged(span(2, id, "shop"), "error", "no \"stock\""), "http.path", "/orders/22");
    server.write([long, error(1), error(2), tagged(span(3, 1, "web"), "http.path", "/")]).await;
    server
}

#[tokio::test]
async fn orders() {
    let server = three().await;
    for (order, ids) in [("", "3 2 1"), ("newest", "3 2 1"), ("duration", "1 3 2"), ("errors", "2 3 1")] {
        let answer = server.get(&format!("/api/spanlet/v1/traces?order={order}")).await.json();
        assert_eq!(page(&answer).0.join(" "), ids, "{order}");
    }
}

#[tokio::test]
async fn pages() {
    let server = three().await;
    for (order, expected) in [("newest", "3 2 1"), ("duration", "1 3 2"), ("errors", "2 3 1")] {
        let mut path = format!("/zipkin/api/spanlet/v1/traces?limit=1&order={order}");
        let mut ids = Vec::new();
        loop {
            let (found, next) = page(&server.get(&path).await.json());
            ids.extend(found);
            let Some(next) = next else { break };
            assert!(
                next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)),
                "{next}"
            );
            // The cursor knows its order.
            path = format!("/api/spanlet/v1/traces?limit=1&cursor={next}");
        }
        assert_eq!(ids.join(" "), expected, "{order}");
    }
    let all = server.get("/api/spanlet/v1/traces?limit=4").await.json();
    assert_eq!(all["next"], Value::Null);
}

#[tokio::test]
async fn conditions() {
    let server = three().await;
    for (query, ids) in [
        ("", "3 2 1"),
        ("error", "2"),
        ("not error", "3 1"),
        (r#"error="no \"stock\"""#, "2"),
        ("http.path^=/orders", "2 1"),
        ("http.path*=22", "2"),
        ("http.path~=[0-9]$", "2 1"),
        ("http.path~=^/$ or error", "3 2"),
        ("http.path^=/orders and not (error or http.path=/none)", "1"),
        ("not (http.path^=/orders and error)", "3 1"),
        ("http.path=", "3 2 1"),
        ("none=", ""),
    ] {
        assert_eq!(found(&server, query).await, ids, "{query}");
    }
}

#[tokio::test]
async fn both_languages_together() {
    let server = three().await;
    let answer =
        server.get("/api/spanlet/v1/traces?annotationQuery=http.path=/orders/1&query=not+error").await;
    assert_eq!(page(&answer.json()).0, ["1"]);
}

#[tokio::test]
async fn counts() {
    let server = three().await;
    let answer = server.get("/api/spanlet/v1/counts?lookback=2000&buckets=2").await.json();
    let bucket =
        |start: u64, traces: u64, errors: u64| json!({"startTs": start, "traces": traces, "errors": errors});
    let buckets = json!([bucket(NOW_MS - 2000, 0, 0), bucket(NOW_MS - 1000, 3, 1)]);
    assert_eq!(answer, json!({"endTs": NOW_MS, "lookback": 2000, "buckets": buckets}));
    let answer = server.get("/api/spanlet/v1/counts?lookback=2000&buckets=1&query=not+error").await.json();
    assert_eq!(answer["buckets"], json!([bucket(NOW_MS - 2000, 2, 0)]));
}

#[tokio::test]
async fn hints() {
    let server = three().await;
    let at = |trace, timestamp_us| Span { timestamp_us, ..span(trace, 1, "shop") };
    let implausible =
        [at(4, None), at(5, Some(NOW_MS)), at(6, Some(NOW_MS * 1_000_000)), at(7, Some(NOW_MS * 1000 - 1))];
    server.write(implausible).await;
    let answer = server.get("/api/spanlet/v1/hints?serviceName=shop&lookback=2000").await.json();
    let texts = answer["hints"].as_array().unwrap();
    assert_eq!(texts.len(), 3, "{answer}");
    assert!(texts[0].as_str().unwrap().starts_with("1 matching trace is before the year 2000"), "{answer}");
    for (key, count) in [("withoutTimestamp", 1), ("outsideWindow", 2), ("farPast", 1), ("farFuture", 1)] {
        assert_eq!(answer[key], count, "{key}");
    }
    let answer = server
        .get(&format!("/api/spanlet/v1/hints?serviceName=shop&endTs={}", NOW_MS - 86_400_000))
        .await
        .json();
    assert_eq!(answer["outsideWindow"], 5);
    assert!(
        answer["hints"][0].as_str().unwrap().starts_with("3 matching traces are outside the window"),
        "{answer}"
    );
    let answer = server.get("/api/spanlet/v1/hints?serviceName=web").await.json();
    assert_eq!(answer["hints"], json!([]));
}

#[tokio::test]
async fn problems_say_what_where_and_what_to_do() {
    let server = three().await;
    for (query, parameter, position, detail) in [
        ("traces?query=a+b", "query", json!(2), "expected and, or, or the end"),
        ("traces?query=k~=(", "query", json!(3), ""),
        ("traces?order=slowest", "order", Value::Null, "order is \"slowest\""),
        ("traces?cursor=@", "cursor", Value::Null, "this is no cursor that a search has given"),
        ("traces?limit=1001", "limit", Value::Null, "limit > 1000"),
        ("traces?limit=0", "limit", Value::Null, "limit <= 0"),
        ("traces?endTs=x", "endTs", Value::Null, "For input string: \"x\""),
        ("traces?minDuration=2&maxDuration=1", "maxDuration", Value::Null, "maxDuration < minDuration"),
        ("counts?buckets=0", "buckets", Value::Null, "buckets is \"0\""),
        ("counts?limit=5", "limit", Value::Null, "there is no parameter limit"),
        ("hints?lookback=0", "lookback", Value::Null, "lookback <= 0"),
    ] {
        let answer = server.get(&format!("/api/spanlet/v1/{query}")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, "application/problem+json"),
            "{query}"
        );
        let problem = answer.json();
        assert_eq!((&problem["parameter"], &problem["position"]), (&json!(parameter), &position), "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert!(!problem["help"].as_str().unwrap().is_empty());
    }
    let next = server.get("/api/spanlet/v1/traces?limit=1&order=errors").await.json();
    let path = format!("/api/spanlet/v1/traces?order=newest&cursor={}", next["next"].as_str().unwrap());
    assert_eq!(server.get(&path).await.json()["detail"], "this cursor belongs to another order");
}
