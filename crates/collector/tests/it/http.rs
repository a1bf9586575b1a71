//! The HTTP door: statuses, limits, back-pressure.

use std::io::Write;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use collector::body::Limits;
use collector::http::router;
use collector::metrics::LeftOut;
use collector::refusal::Reason;
use collector::sampler::Sampler;
use flate2::Compression;
use flate2::write::GzEncoder;
use tower::ServiceExt;

use crate::store::{Setting, sampling, setting};

const ROOM: usize = 1 << 20;
const SPAN: &str = r#"{"traceId":"1","id":"2"}"#;

fn limits() -> Limits {
    Limits { body_bytes_max: 10_000, unpacked_bytes_max: 100_000 }
}

async fn post(setting: &Setting, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut request = Request::post("/api/v2/spans");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let router = router(setting.intake.clone(), limits());
    router.oneshot(request.body(body.into()).unwrap()).await.unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_bad_span_refuses_the_whole_batch() {
    let setting = setting("http", ROOM);
    let body = format!(r#"[{SPAN},{{"traceId":"1"}}]"#);
    assert_eq!(post(&setting, &[], body).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(setting.shelf.take(), []);
    assert_eq!((setting.count("messages"), setting.count("messages_dropped")), (1, 1));
}

#[tokio::test]
async fn a_busy_store_is_503_and_counted() {
    let setting = setting("http", ROOM);
    setting.shelf.busy.store(true, Ordering::Relaxed);
    let response = post(&setting, &[], format!("[{SPAN}]")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    assert_eq!((setting.count("spans"), setting.count("spans_dropped")), (1, 1));
    assert_eq!((setting.left_out(LeftOut::Store), setting.refused(Reason::Store)), (1, 1));
    setting.shelf.busy.store(false, Ordering::Relaxed);
    assert_eq!(post(&setting, &[], format!("[{SPAN}]")).await.status(), StatusCode::ACCEPTED);
    assert_eq!(setting.shelf.take().len(), 1);
}

#[tokio::test]
async fn bodies_are_limited_as_sent_and_as_unpacked() {
    let setting = setting("http", ROOM);
    let spaces = |count: usize| format!("[{}{SPAN}]", " ".repeat(count));
    let gzipped = [("content-encoding", "gzip")];
    for (headers, body, status) in [
        (&[][..], spaces(9_000).into_bytes(), StatusCode::ACCEPTED),
        (&[], spaces(10_000).into_bytes(), StatusCode::PAYLOAD_TOO_LARGE),
        (&gzipped, gzip(spaces(99_000).as_bytes()), StatusCode::ACCEPTED),
        (&gzipped, gzip(spaces(100_000).as_bytes()), StatusCode::PAYLOAD_TOO_LARGE),
        (&gzipped, b"no gzip".to_vec(), StatusCode::BAD_REQUEST),
        (&gzipped, gzip(b""), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(post(&setting, headers, body).await.status(), status);
    }
    let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1000]));
    let endless = Body::from_stream(chunks);
    assert_eq!(post(&setting, &[], endless).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(setting.count("messages"), 7);
    assert_eq!(setting.count("messages_dropped"), 5);
    let reasons = [Reason::TooLarge, Reason::UnpackedTooLarge, Reason::Malformed];
    assert_eq!(reasons.map(|reason| setting.refused(reason)), [2, 1, 2]);
}

#[tokio::test]
async fn packed_pieces_may_follow_each_other() {
    let setting = setting("http", ROOM);
    let body = format!("[{SPAN},{}]", SPAN.replace("2", "3"));
    let (first, second) = body.split_at(20);
    let gzipped = [("content-encoding", "x-gzip")];
    let packed = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    assert_eq!(post(&setting, &gzipped, packed.clone()).await.status(), StatusCode::ACCEPTED);
    assert_eq!(setting.shelf.take().len(), 2);
    let rest_is_none = [packed, b"rest".to_vec()].concat();
    assert_eq!(post(&setting, &gzipped, rest_is_none).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nesting_is_limited() {
    let setting = setting("http", ROOM);
    let body = format!("[{}", r#"{"a":"#.repeat(1000));
    assert_eq!(post(&setting, &[], body).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(setting.refused(Reason::TooDeep), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let setting = setting("http", ROOM);
    let broken = futures::stream::iter([Ok(b"[".to_vec()), Err(std::io::Error::other("gone"))]);
    assert_eq!(post(&setting, &[], Body::from_stream(broken)).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(setting.refused(Reason::CutOff), 1);
}

#[tokio::test]
async fn what_the_sampler_leaves_out_is_accepted_and_counted() {
    let setting = sampling("http", ROOM, Sampler::new(0.5).unwrap());
    let body = r#"[{"traceId":"4000000000000000","id":"1"},{"traceId":"4000000000000001","id":"2"},
        {"traceId":"7ffffffffffffffe","id":"3","debug":true}]"#;
    assert_eq!(post(&setting, &[], body).await.status(), StatusCode::ACCEPTED);
    let kept: Vec<_> = setting.shelf.take().iter().map(|span| span.id.get()).collect();
    assert_eq!(kept, [1, 3]);
    assert_eq!((setting.count("spans"), setting.count("spans_dropped")), (3, 1));
    assert_eq!((setting.left_out(LeftOut::Sampled), setting.count("messages_dropped")), (1, 0));
}

#[tokio::test]
async fn without_room_the_sender_is_asked_to_come_again() {
    let setting = setting("http", 4 << 10);
    let mut room = setting.intake.room();
    room.grow(4 << 10).unwrap();
    let response = post(&setting, &[], format!("[{SPAN}]")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((setting.count("messages_dropped"), setting.refused(Reason::NoRoom)), (1, 1));
    drop(room);
    assert_eq!(post(&setting, &[], format!("[{SPAN}]")).await.status(), StatusCode::ACCEPTED);
}
