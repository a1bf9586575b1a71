//! Servers and clients of HTTP: one trace from layer to layer, whatever becomes of requests.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use model::span::{Kind, Span};
use spanlet_layers::tracer::TraceId;
use spanlet_layers::{ClientLayer, Scope, ScopeExt, ServerLayer, Service, current};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt, service_fn};

use crate::sink::Sink;

/// Serves on a free port.
async fn serve(service: &Service, router: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = router.layer(ServerLayer::new(service));
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

/// Sends a request over a connection of its own.
async fn send(port: u16, request: Request<Body>) -> Result<Response<hyper::body::Incoming>, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// Calls through the client layer.
async fn call(port: u16, path: &str, headers: HeaderMap) -> Result<StatusCode, String> {
    let client = ClientLayer.layer(service_fn(move |request| send(port, request)));
    let mut request = Request::get(path).header("host", "shop").body(Body::empty()).unwrap();
    *request.headers_mut() = headers;
    request.headers_mut().insert("host", "shop".parse().unwrap());
    client.oneshot(request).await.map(|response| response.status())
}

async fn body(port: u16, path: &str, headers: &[(&'static str, &str)]) -> String {
    let mut request = Request::get(path).header("host", "shop");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = send(port, request.body(Body::empty()).unwrap()).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn of<'a>(spans: &'a [Span], kind: Kind, path: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.kind == Some(kind) && span.tag("http.path") == Some(path));
    found.unwrap_or_else(|| panic!("no {kind:?} of {path} in {spans:#?}"))
}

#[tokio::test]
async fn a_call_is_a_span_of_two_halves() {
    let sink = Sink::new();
    let back = Router::new().route("/back", get(|headers: HeaderMap| async move { format!("{headers:?}") }));
    let back_port = serve(&sink.service("back"), back).await;
    let front = Router::new().route(
        "/front",
        get(async move || {
            current().unwrap().annotate("asking");
            // A task takes the scope along; the client's forwarded headers do not survive.
            let headers = HeaderMap::from_iter([
                ("x-b3-traceid".parse().unwrap(), "1".parse().unwrap()),
                ("b3".parse().unwrap(), "0".parse().unwrap()),
                ("baggage".parse().unwrap(), "own=1".parse().unwrap()),
            ]);
            let status =
                tokio::spawn(call(back_port, "/back?token=secret", headers).in_current_scope()).await;
            status.unwrap().unwrap().to_string()
        }),
    );
    let front_port = serve(&sink.service("front"), front).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("traceparent", parent), ("tracestate", "a=1"), ("baggage", "user=alice")];
    assert_eq!(body(front_port, "/front", &headers).await, "200 OK");
    until("three spans are finished", || sink.finished() == 3).await;
    let spans = sink.spans();
    let (front, client, back) = (
        of(&spans, Kind::Server, "/front"),
        of(&spans, Kind::Client, "/back"),
        of(&spans, Kind::Server, "/back"),
    );
    assert_eq!(front.trace_id, TraceId::from_lower_hex("0af7651916cd43dd8448eb211c80319c").unwrap());
    assert_eq!(front.parent_id.unwrap().to_string(), "b7ad6b7169203331");
    assert_eq!((client.parent_id, client.trace_id), (Some(front.id), front.trace_id));
    assert_eq!((back.id, back.shared, back.parent_id), (client.id, true, Some(front.id)));
    assert_eq!(front.annotations[0].value, "asking");
    assert_eq!((front.local_service(), back.local_service()), (Some("front"), Some("back")));
    for span in [client, back] {
        assert_eq!((span.tag("http.method"), span.tag("http.status_code")), (Some("GET"), Some("200")));
    }
}

#[tokio::test]
async fn failures_are_seen() {
    let sink = Sink::new();
    let router = Router::new()
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/grpc", get(|| async { ([("grpc-status", "5"), ("grpc-message", "no such thing")], "") }));
    let port = serve(&sink.service("shop"), router).await;
    body(port, "/missing", &[]).await;
    body(port, "/grpc", &[]).await;
    let outer = sink.service("shop");
    let layer = ServerLayer::new(&outer);
    let failing = layer.layer(service_fn(async |_: Request<Body>| {
        let status = call(1, "/refused", HeaderMap::new()).await;
        assert!(status.is_err());
        Err::<Response<Body>, _>("no answer")
    }));
    assert!(failing.oneshot(Request::get("/failing").body(Body::empty()).unwrap()).await.is_err());
    until("all spans are finished", || sink.finished() == 4).await;
    let spans = sink.spans();
    let error = |kind, path| of(&spans, kind, path).tag("error").map(str::to_owned);
    assert_eq!(error(Kind::Server, "/missing").unwrap(), "404");
    assert_eq!(error(Kind::Server, "/grpc").unwrap(), "no such thing");
    assert_eq!(of(&spans, Kind::Server, "/grpc").tag("grpc.status_code"), Some("5"));
    assert_eq!(error(Kind::Server, "/failing").unwrap(), "no answer");
    assert!(error(Kind::Client, "/refused").unwrap().contains("refused"));
}

#[tokio::test]
async fn a_span_ends_with_its_body_or_when_it_is_given_up() {
    let sink = Sink::new();
    let layer = ServerLayer::new(&sink.service("shop"));
    let request = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let answer = layer.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::from("body")))));
    let response = answer.oneshot(request("/read")).await.unwrap();
    assert_eq!(sink.finished(), 0, "the body is still to come");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "body");
    assert_eq!(sink.finished(), 1);
    let answer = layer.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::from("body")))));
    drop(answer.oneshot(request("/dropped")).await.unwrap());
    assert_eq!(sink.finished(), 2);
    let never = layer.layer(service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>()));
    assert!(tokio::time::timeout(Duration::from_millis(1), never.oneshot(request("/never"))).await.is_err());
    let spans = sink.spans();
    assert_eq!(of(&spans, Kind::Server, "/never").tag("error"), Some("given up before a response"));
    assert_eq!(of(&spans, Kind::Server, "/dropped").tag("error"), None);
}

#[tokio::test]
async fn without_a_trace_or_a_sample_nothing_is_recorded() {
    let sink = Sink::at_rate(0.0);
    let echo = Router::new().route(
        "/echo",
        get(|headers: HeaderMap| async move {
            headers.get("x-b3-sampled").and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned()
        }),
    );
    let port = serve(&sink.service("shop"), echo).await;
    let scope: fn() -> Option<Scope> = current;
    assert!(scope().is_none());
    assert_eq!(call(port, "/echo", HeaderMap::new()).await.unwrap(), 200);
    let client = ClientLayer.layer(service_fn(move |request| send(port, request)));
    let within = ServerLayer::new(&sink.service("front")).layer(service_fn(move |_: Request<Body>| {
        let request = Request::get("/echo").header("host", "shop").body(Body::empty()).unwrap();
        client.clone().oneshot(request)
    }));
    let response = within.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "0");
    assert_eq!(sink.finished(), 0);
}
