//! The same spans through every door are the same spans in the store.

use axum::body::Body;
use axum::http::{Request, StatusCode};
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
