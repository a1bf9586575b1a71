//! `/metrics` and `/prometheus`.

use api::config::Config;
use serde_json::json;

use crate::support::{Server, span};

#[tokio::test]
async fn figures_of_collectors() {
    let server = Server::new(Config::default());
    let answer = server.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json(),
        json!({"counter.zipkin_collector.messages.http": 3.0, "gauge.zipkin_collector.message_bytes.http": 70.0})
    );
    for path in ["/prometheus", "/actuator/prometheus"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        assert!(
            answer.body.contains("\nzipkin_collector_messages_total{transport=\"http\"} 3\n"),
            "{}",
            answer.body
        );
        assert!(answer.body.contains("\nzipkin_collector_message_bytes{transport=\"http\"} 70\n"));
    }
}

#[tokio::test]
async fn every_figure_is_announced_once() {
    let server = Server::new(Config::default());
    server.get("/api/v2/services").await;
    let text = server.get("/prometheus").await.body;
    let names = |start: &str| -> Vec<_> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(start));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let (types, helps) = (names("# TYPE "), names("# HELP "));
    assert_eq!(types, helps);
    let mut once = types.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), types.len(), "{types:?}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = name.split('{').next().unwrap();
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(types.iter().any(|known| known == name || Some(known.as_str()) == of_histogram), "{line}");
    }
    for name in [
        "process_cpu_usage",
        "process_cpu_seconds_total",
        "system_cpu_count",
        "process_resident_memory_bytes",
    ] {
        assert!(types.iter().any(|known| known == name), "{name}");
    }
}

#[tokio::test]
async fn times_of_answers() {
    let server = Server::new(Config::default());
    server.write([span(10, 1, "a")]).await;
    for path in [
        "/api/v2/trace/a",
        "/zipkin/api/v2/trace/000000000000000a",
        "/api/v2/traceMany?traceIds=a,b",
        "/api/v2/trace/b",
        "/api/v2/trace/x",
        "/zipkin/api/v2/services",
        "/api/v2/services",
        "/api/spanlet/v1/traces",
        "/api/v2/nosuch",
        "/",
        "/zipkin/",
        "/health",
        "/prometheus",
        "/nosuch",
    ] {
        server.get(path).await;
    }
    server.ask("OPTIONS", "/api/none", &[("origin", "a"), ("access-control-request-method", "GET")]).await;
    server.ask("BREW", "/api/v2/services", &[]).await;
    let text = server.get("/prometheus").await.body;
    let count = |line: &str| line.strip_prefix("http_server_requests_seconds_count").map(str::to_owned);
    let counts: Vec<_> = text.lines().filter_map(count).collect();
    assert_eq!(
        counts,
        [
            r#"{method="GET",status="200",uri="/api/spanlet/v1/traces"} 1"#,
            r#"{method="GET",status="200",uri="/api/v2/services"} 2"#,
            r#"{method="GET",status="200",uri="/api/v2/trace/{traceId}"} 2"#,
            r#"{method="GET",status="200",uri="/api/v2/traceMany"} 1"#,
            r#"{method="GET",status="400",uri="/api/v2/trace/{traceId}"} 1"#,
            r#"{method="GET",status="404",uri="NOT_FOUND"} 2"#,
            r#"{method="OPTIONS",status="200",uri="UNKNOWN"} 1"#,
            r#"{method="UNKNOWN",status="404",uri="NOT_FOUND"} 1"#,
        ]
    );
    for part in ["_bucket{", "_sum{", "_max{", "le=\"0.001\"} ", "le=\"+Inf\"} 2\n"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("000000000000000a"));
}
