//! The same spans through every door are the same spans in the store.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use collector::doors::{Config, Doors};
use model::id::{SpanId, TraceId};
use model::span::{Kind, Span};
use tower::ServiceExt;

use crate::store::setting;

fn span() -> Span {
    let mut span = Span::new(TraceId::new(5 << 64 | 1).unwrap(), SpanId::new(2).unwrap());
    span.kind = Some(Kind::Client);
    span.name = Some("get".into());
    span.timestamp_us = Some(1_700_000_000_000_000);
    span.duration_us = Some(1500);
    span.local_endpoint = Some(model::endpoint::Endpoint {
        service_name: Some("front".into()),
        ipv4: Some([10, 0, 0, 1].into()),
        ipv6: None,
        port: Some(40000),
    });
    span.tags = vec![("http.path".into(), "/a".into())];
    span
}

#[tokio::test]
async fn json_and_thrift_over_http_agree() {
    let span = span();
    let mut json = String::new();
    wire::json_v2::write_list(&mut json, std::slice::from_ref(&span));
    let mut thrift = vec![12, 0, 0, 0, 1];
    wire::thrift_write::write_span(&mut thrift, &span);
    for (path, media_type, body) in [
        ("/api/v2/spans", "application/json", json.into_bytes()),
        ("/api/v1/spans", "application/x-thrift", thrift),
    ] {
        let setting = setting("http", 1 << 20);
        let request = Request::post(path).header("content-type", media_type).body(Body::from(body)).unwrap();
        let router = collector::http::router(setting.intake.clone(), collector::body::Limits::default());
        assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::ACCEPTED, "{media_type}");
        assert_eq!(setting.shelf.take(), std::slice::from_ref(&span), "{media_type}");
    }
}

#[tokio::test]
async fn a_door_that_is_closed_is_not_there() {
    let paths = [
        "/api/v1/spans",
        "/api/v2/spans",
        collector::grpc::REPORT.path,
        "/v1/traces",
        collector::otlp::EXPORT.path,
    ];
    let open = Config::default();
    for (config, there, transports) in [
        (open, [true; 5], &["http", "grpc", "scribe", "otlp_http", "otlp_grpc"][..]),
        (
            Config { http_enabled: false, scribe_enabled: false, ..open },
            [false, false, true, true, true],
            &["http", "grpc", "otlp_http", "otlp_grpc"],
        ),
        (
            Config { grpc_enabled: false, otlp_enabled: false, ..open },
            [true, true, false, false, false],
            &["http", "grpc", "scribe"],
        ),
    ] {
        let doors = Doors::new(config, setting("", 0).shelf);
        for (path, there) in paths.into_iter().zip(there) {
            let response =
                doors.routes().oneshot(Request::post(path).body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status() != StatusCode::NOT_FOUND, there, "{path}");
        }
        let names: Vec<_> = doors.transports().iter().map(|metrics| metrics.transport).collect();
        assert_eq!(names, transports);
    }
}
