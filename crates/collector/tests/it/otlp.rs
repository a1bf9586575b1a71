//! The OTLP door: both forms over HTTP, gRPC, partial success, limits, back-pressure.

use std::sync::atomic::Ordering;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use collector::body::Limits;
use collector::metrics::LeftOut;
use collector::otlp::{EXPORT, Intakes, router};
use collector::refusal::Reason;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::grpc::framed;
use crate::http::gzip;
use crate::store::{Setting, setting};

const ROOM: usize = 1 << 20;
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

/// A request with a span of these ids, which are right when they have 16 and 8 bytes.
fn protobuf(trace_id: &[u8], span_id: &[u8]) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    field(1, &field(2, &field(2, &[field(1, trace_id), field(2, span_id)].concat())))
}

fn json(trace_id: &str, span_id: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{trace_id}","spanId":"{span_id}"}}]}}]}}]}}"#
    )
}

fn good_json() -> String {
    json(&"01".repeat(16), &"02".repeat(8))
}

async fn send(
    setting: &Setting,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let limits = Limits { body_bytes_max: 10_000, unpacked_bytes_max: 100_000 };
    let intakes = Intakes { http: setting.intake.clone(), grpc: setting.intake.clone() };
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router(intakes, limits).oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let mut headers = head.headers;
    headers.extend(collected.trailers().cloned().unwrap_or_default());
    (head.status, headers, collected.to_bytes().to_vec())
}

async fn post(
    setting: &Setting,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    send(setting, "/v1/traces", headers, body).await
}

#[tokio::test]
async fn both_forms_packed_or_not() {
    let setting = setting("otlp_http", ROOM);
    let proto = protobuf(&[1; 16], &[2; 8]);
    for (headers, body, content_type, answer) in [
        (&[PROTOBUF][..], proto.clone(), "application/x-protobuf", &b""[..]),
        (&[PROTOBUF, GZIP], gzip(&proto), "application/x-protobuf", b""),
        (&[JSON], good_json().into_bytes(), "application/json", b"{}"),
        (&[JSON, GZIP], gzip(good_json().as_bytes()), "application/json", b"{}"),
    ] {
        let (status, head, got) = post(&setting, headers, body).await;
        assert_eq!((status, &*got), (StatusCode::OK, answer), "{headers:?}");
        assert_eq!(head["content-type"], content_type);
        let spans = setting.shelf.take();
        assert_eq!((spans.len(), spans[0].id.get()), (1, 0x0202020202020202));
    }
    let (status, _, _) = post(&setting, &[PROTOBUF], "").await;
    assert_eq!((status, setting.count("messages_dropped")), (StatusCode::OK, 0));
}

#[tokio::test]
async fn spans_with_bad_ids_are_a_partial_success() {
    let setting = setting("otlp_http", ROOM);
    let bodies = [protobuf(&[1; 16], &[2; 8]), protobuf(&[1; 15], &[2; 8])].concat();
    let (status, _, answer) = post(&setting, &[PROTOBUF], bodies.clone()).await;
    assert_eq!((status, &answer[2..4]), (StatusCode::OK, &b"\x08\x01"[..]));
    assert!(String::from_utf8_lossy(&answer).contains("trace id has to be 16 bytes"));
    let (_, _, answer) = post(&setting, &[JSON], json("00", "11")).await;
    assert!(String::from_utf8_lossy(&answer).contains(r#""rejectedSpans":"1""#));
    let grpc = [("content-type", "application/grpc")];
    let (_, head, answer) = send(&setting, EXPORT.path, &grpc, framed(0, &bodies)).await;
    assert_eq!((&head["grpc-status"], &answer[7..9]), (&"0".parse().unwrap(), &b"\x08\x01"[..]));
    assert_eq!(setting.shelf.take().len(), 2);
    let counts = ["spans", "spans_dropped", "messages_dropped"].map(|name| setting.count(name));
    assert_eq!((counts, setting.left_out(LeftOut::Rejected)), ([5, 3, 0], 3));
}

#[tokio::test]
async fn bad_requests_get_a_status_in_their_own_form() {
    let setting = setting("otlp_http", ROOM);
    for (headers, body, status, reason) in [
        (&[PROTOBUF][..], b"\n\xff".to_vec(), StatusCode::BAD_REQUEST, Reason::Malformed),
        (&[JSON], b"[]".to_vec(), StatusCode::BAD_REQUEST, Reason::Malformed),
        (&[JSON], br#"{"a":"#.repeat(100), StatusCode::BAD_REQUEST, Reason::TooDeep),
        (&[PROTOBUF, GZIP], b"plain".to_vec(), StatusCode::BAD_REQUEST, Reason::Malformed),
        (&[PROTOBUF], vec![0; 10_001], StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge),
        (&[JSON, GZIP], gzip(&[b' '; 100_001]), StatusCode::PAYLOAD_TOO_LARGE, Reason::UnpackedTooLarge),
        (
            &[PROTOBUF, ("content-encoding", "br")],
            vec![],
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reason::UnknownType,
        ),
        (&[("content-type", "text/plain")], vec![], StatusCode::UNSUPPORTED_MEDIA_TYPE, Reason::UnknownType),
        (&[], vec![], StatusCode::UNSUPPORTED_MEDIA_TYPE, Reason::UnknownType),
    ] {
        let before = setting.refused(reason);
        let (got, head, body) = post(&setting, headers, body).await;
        assert_eq!((got, setting.refused(reason)), (status, before + 1), "{headers:?}");
        let is_protobuf = headers.contains(&PROTOBUF);
        assert_eq!(head["content-type"] == "application/x-protobuf", is_protobuf, "{headers:?}");
        assert!(body.starts_with(if is_protobuf { b"\x08" } else { b"{" }), "{headers:?}");
        assert!(!head.contains_key(header::RETRY_AFTER));
    }
    assert_eq!((setting.count("messages"), setting.count("messages_dropped")), (9, 9));
}

#[tokio::test]
async fn a_busy_store_is_503_or_unavailable_with_the_time_to_try_again() {
    let setting = setting("otlp_http", ROOM);
    let body = protobuf(&[1; 16], &[2; 8]);
    let grpc = [("content-type", "application/grpc")];
    setting.shelf.busy.store(true, Ordering::Relaxed);
    let (status, head, _) = post(&setting, &[PROTOBUF], body.clone()).await;
    assert_eq!(
        (status, &head[header::RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
    let (_, head, _) = send(&setting, EXPORT.path, &grpc, framed(0, &body)).await;
    assert_eq!(head["grpc-status"], "14");
    let details = wire::grpc::decode_text(head["grpc-status-details-bin"].as_bytes()).unwrap();
    assert!(String::from_utf8_lossy(&details).contains("google.rpc.RetryInfo"));
    assert_eq!((setting.count("spans_dropped"), setting.refused(Reason::Store)), (2, 2));
    setting.shelf.busy.store(false, Ordering::Relaxed);
    assert_eq!(post(&setting, &[PROTOBUF], body.clone()).await.0, StatusCode::OK);
    assert_eq!(send(&setting, EXPORT.path, &grpc, framed(0, &body)).await.1["grpc-status"], "0");
    assert_eq!(setting.shelf.take().len(), 2);
}

#[tokio::test]
async fn room_is_taken_for_what_spans_grow_to() {
    // One resource of 1000 bytes and ten spans: 10 KB in the store.
    let spans =
        vec![format!(r#"{{"traceId":"{}","spanId":"{}"}}"#, "01".repeat(16), "02".repeat(8)); 10].join(",");
    let attribute = format!(r#"{{"key":"k","value":{{"stringValue":"{}"}}}}"#, "x".repeat(1000));
    let body = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{attribute}]}},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#
    );
    let setting = setting("otlp_http", 16 << 10);
    let mut room = setting.intake.room();
    room.grow(8 << 10).unwrap();
    assert_eq!(post(&setting, &[JSON], body.clone()).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(setting.refused(Reason::NoRoom), 1);
    drop(room);
    assert_eq!(post(&setting, &[JSON], body.clone()).await.0, StatusCode::OK);
    // To try again would never help.
    let small = crate::store::setting("otlp_http", 8 << 10);
    assert_eq!(post(&small, &[JSON], body).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(setting.shelf.take().len(), 10);
}

#[tokio::test]
async fn other_signals_are_not_there() {
    let setting = setting("otlp_http", ROOM);
    let intakes = Intakes { http: setting.intake.clone(), grpc: setting.intake.clone() };
    for path in ["/v1/metrics", "/v1/logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        let response = router(intakes.clone(), Limits::default()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(to_bytes(response.into_body(), 100).await.unwrap().is_empty());
    }
}
