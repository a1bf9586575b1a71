//! The gRPC door: frames, codes, trailers, gRPC-web, limits, back-pressure.

use std::sync::atomic::Ordering;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use collector::body::Limits;
use collector::grpc::{REPORT, router};
use collector::metrics::LeftOut;
use collector::refusal::Reason;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::http::gzip;
use crate::store::{Setting, setting};

const ROOM: usize = 1 << 20;
/// ListOfSpans with one span of ids 1 and 2.
const SPANS: &[u8] = b"\n\x06\n\x01\x01\x1a\x01\x02";
const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];

/// What a call ended with.
struct Ended {
    head: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
}

impl Ended {
    fn code(&self) -> Option<u32> {
        let value = self.trailers.get("grpc-status").or(self.head.get("grpc-status"))?;
        value.to_str().unwrap().parse().ok()
    }

    fn header(&self, name: &str) -> &str {
        self.head.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

async fn call(setting: &Setting, headers: &[(&str, &str)], body: impl Into<Body>) -> Ended {
    let limits = Limits { body_bytes_max: 10_000, unpacked_bytes_max: 100_000 };
    let mut request = Request::post(REPORT.path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let router = router(&REPORT, setting.intake.clone(), limits);
    let response = router.oneshot(request.body(body.into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (head, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ended { head: head.headers, body: collected.to_bytes().to_vec(), trailers }
}

#[tokio::test]
async fn a_report_is_stored_before_it_is_answered() {
    let setting = setting("grpc", ROOM);
    for body in [framed(0, SPANS), framed(0, b"")] {
        let ended = call(&setting, GRPC, body).await;
        assert_eq!((ended.code(), ended.body), (Some(0), framed(0, b"")));
        assert!(!ended.head.contains_key("grpc-status"), "a status before the message ends the call");
        assert_eq!(ended.head["content-type"], "application/grpc+proto");
    }
    let spans = setting.shelf.take();
    assert_eq!((spans.len(), spans[0].id.get()), (1, 2));
    assert_eq!((setting.count("messages"), setting.count("messages_dropped")), (2, 0));
    assert_eq!((setting.count("bytes"), setting.count("spans")), (SPANS.len() as u64, 1));
}

#[tokio::test]
async fn packed_messages() {
    let setting = setting("grpc", ROOM);
    let with = |encoding| [GRPC, &[("grpc-encoding", encoding)]].concat();
    let packed = framed(1, &gzip(SPANS));
    assert_eq!(call(&setting, &with("gzip"), packed.clone()).await.code(), Some(0));
    // The header allows packing, the flag says whether.
    assert_eq!(call(&setting, &with("gzip"), framed(0, SPANS)).await.code(), Some(0));
    assert_eq!(setting.shelf.take().len(), 2);
    assert_eq!(call(&setting, GRPC, packed.clone()).await.code(), Some(13));
    let unknown = call(&setting, &with("snappy"), packed).await;
    assert_eq!((unknown.code(), unknown.header("grpc-accept-encoding")), (Some(12), "identity,gzip"));
    assert_eq!(call(&setting, &with("gzip"), framed(1, SPANS)).await.code(), Some(13));
}

#[tokio::test]
async fn bad_calls_say_why() {
    let setting = setting("grpc", ROOM);
    for (body, code, why) in [
        (framed(0, b"\n\x03\n\x01\x01"), 13, "Missing : id"),
        (framed(0, b"\n\xff"), 13, "Truncated"),
        (framed(7, SPANS), 13, "unknown flag 7"),
        (vec![], 13, "cut off"),
        (b"\0\xff\xff\xff\xff1".to_vec(), 13, "cut off"),
        (framed(0, SPANS).repeat(2), 13, "more than one message"),
        (framed(0, &vec![0; 10_001]), 8, "larger than"),
    ] {
        let ended = call(&setting, GRPC, body).await;
        assert_eq!((ended.code(), ended.body.len()), (Some(code), 0), "{why}");
        assert!(ended.header("grpc-message").contains(why), "{}", ended.header("grpc-message"));
    }
    assert_eq!((setting.count("messages"), setting.count("messages_dropped")), (7, 7));
    assert_eq!(setting.shelf.take(), []);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let setting = setting("grpc", ROOM);
    let bomb = framed(1, &gzip(&vec![0; 100_001]));
    let ended = call(&setting, &[GRPC, &[("grpc-encoding", "gzip")]].concat(), bomb).await;
    assert_eq!((ended.code(), setting.refused(Reason::UnpackedTooLarge)), (Some(8), 1));
    assert!(!ended.header("grpc-status-details-bin").is_empty());
    let details = base64(ended.header("grpc-status-details-bin"));
    assert!(!String::from_utf8_lossy(&details).contains("RetryInfo"), "it will not get better");
}

/// Padding is not written in headers; the reader of gRPC-web takes such text too.
fn base64(text: &str) -> Vec<u8> {
    wire::grpc::decode_text(text.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_busy_store_is_resource_exhausted() {
    let setting = setting("grpc", ROOM);
    setting.shelf.busy.store(true, Ordering::Relaxed);
    let ended = call(&setting, GRPC, framed(0, SPANS)).await;
    assert_eq!(ended.code(), Some(8));
    let details = base64(ended.header("grpc-status-details-bin"));
    assert!(String::from_utf8_lossy(&details).contains("google.rpc.RetryInfo"));
    assert_eq!((setting.left_out(LeftOut::Store), setting.refused(Reason::Store)), (1, 1));
    setting.shelf.busy.store(false, Ordering::Relaxed);
    assert_eq!(call(&setting, GRPC, framed(0, SPANS)).await.code(), Some(0));
    assert_eq!(setting.shelf.take().len(), 1);
}

#[tokio::test]
async fn without_room_the_sender_is_asked_to_come_again() {
    let setting = setting("grpc", 4 << 10);
    let mut room = setting.intake.room();
    room.grow(4 << 10).unwrap();
    assert_eq!(call(&setting, GRPC, framed(0, SPANS)).await.code(), Some(8));
    assert_eq!(setting.refused(Reason::NoRoom), 1);
    drop(room);
    assert_eq!(call(&setting, GRPC, framed(0, SPANS)).await.code(), Some(0));
}

#[tokio::test]
async fn grpc_web_has_its_trailers_in_the_body() {
    let setting = setting("grpc", ROOM);
    let trailer = framed(0x80, b"grpc-status: 0\r\n");
    let web = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    let ended = call(&setting, &web, framed(0, SPANS)).await;
    assert_eq!(ended.body, [framed(0, b""), trailer.clone()].concat());
    assert_eq!(ended.head["content-type"], "application/grpc-web+proto");
    let text = [("content-type", "application/grpc-web-text")];
    let ended = call(&setting, &text, wire::grpc::encode_text(&framed(0, SPANS))).await;
    assert_eq!(base64(std::str::from_utf8(&ended.body).unwrap()), [framed(0, b""), trailer].concat());
    assert_eq!(setting.shelf.take().len(), 2);
    let ended = call(&setting, &web, framed(0, b"\n\xff")).await;
    assert_eq!((ended.code(), ended.body.len()), (Some(13), 0));
}

#[tokio::test]
async fn other_content_types_are_415() {
    let setting = setting("grpc", ROOM);
    for content_type in ["application/json", "application/grpc+json", ""] {
        let router = router(&REPORT, setting.intake.clone(), Limits::default());
        let request = Request::post(REPORT.path).header("content-type", content_type).body(Body::empty());
        let response = router.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let body = to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "Missing or invalid Content-Type header.");
    }
    assert_eq!(setting.refused(Reason::UnknownType), 3);
    let router = router(&REPORT, setting.intake.clone(), Limits::default());
    let response = router.oneshot(Request::get(REPORT.path).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}
