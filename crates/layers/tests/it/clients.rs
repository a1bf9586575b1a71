//! The layers around tonic's servers and channels, and around reqwest: one trace through both.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode};
use model::span::{Kind, Span};
use spanlet_layers::{ClientLayer, ServerLayer, Service};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tower::{Layer, ServiceExt, service_fn};

use crate::sink::Sink;

/// Messages that are plain bytes.
#[derive(Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; bytes::Buf::remaining(buffer)];
        bytes::Buf::copy_to_slice(buffer, &mut item);
        Ok(Some(item))
    }
}

/// A gRPC server that knows apples. It asks nobody.
async fn stock(service: &Service) -> u16 {
    let (listener, port) = listener().await;
    let grpc = service_fn(async |request: Request<Body>| {
        let answered = tonic::server::Grpc::new(Plain).unary(service_fn(answer), request).await;
        Ok::<_, Infallible>(answered)
    });
    let server = Server::builder().layer(ServerLayer::new(service));
    tokio::spawn(server.serve_with_incoming(grpc, TcpIncoming::from(listener)));
    port
}

async fn answer(request: tonic::Request<Vec<u8>>) -> Result<tonic::Response<Vec<u8>>, Status> {
    match request.into_inner().as_slice() {
        b"apples" => Ok(tonic::Response::new(b"3 left".to_vec())),
        _ => Err(Status::not_found("no such fruit")),
    }
}

/// An HTTP server that asks it.
async fn front(service: &Service, stock: u16) -> u16 {
    let (listener, port) = listener().await;
    let channel = Endpoint::try_from(format!("http://127.0.0.1:{stock}")).unwrap().connect_lazy();
    let handler = async move |axum::extract::Path(fruit): axum::extract::Path<String>| {
        let mut client = tonic::client::Grpc::new(ClientLayer.layer(channel));
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/shop.Stock/Left");
        match client.unary(tonic::Request::new(fruit.into_bytes()), path, Plain).await {
            Ok(left) => (StatusCode::OK, String::from_utf8(left.into_inner()).unwrap()),
            Err(status) => (StatusCode::BAD_GATEWAY, status.message().to_owned()),
        }
    };
    let app = Router::new().route("/left/{fruit}", get(handler)).layer(ServerLayer::new(service));
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A request of a traced program, by reqwest: its client takes requests of its own kind, which `http`'s become.
async fn order(service: &Service, front: u16, fruit: &str) -> (StatusCode, String) {
    let reqwest = reqwest::Client::new();
    let client = ClientLayer.layer(service_fn(move |request: Request<reqwest::Body>| {
        let reqwest = reqwest.clone();
        async move {
            let response = reqwest.execute(request.try_into()?).await?;
            Ok::<_, reqwest::Error>(Response::<reqwest::Body>::from(response))
        }
    }));
    let url = format!("http://127.0.0.1:{front}/left/{fruit}");
    let program = ServerLayer::new(service).layer(service_fn(move |_: Request<()>| {
        let request = Request::get(&url).body(reqwest::Body::default()).unwrap();
        client.clone().oneshot(request)
    }));
    let response = program.oneshot(Request::get("/order").body(()).unwrap()).await.unwrap();
    let status = response.status();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn finished(sink: &Sink, count: u64) -> Vec<Span> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while sink.finished() < count {
        assert!(Instant::now() < deadline, "{} of {count} spans", sink.finished());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sink.spans()
}

/// The spans in the order of the call: program, its call, the front, its call, the stock.
fn in_order(mut spans: Vec<Span>) -> [Span; 5] {
    spans.sort_by_key(|span| {
        let service = ["order", "front", "stock"].iter().position(|name| span.local_service() == Some(name));
        (service, span.kind == Some(Kind::Client))
    });
    spans.try_into().expect("five spans")
}

#[tokio::test]
async fn reqwest_to_axum_to_tonic_is_one_trace() {
    let sink = Sink::new();
    let stock = stock(&sink.service("stock")).await;
    let front = front(&sink.service("front"), stock).await;
    let said = order(&sink.service("order"), front, "apples").await;
    assert_eq!(said, (StatusCode::OK, "3 left".to_owned()));
    let spans = in_order(finished(&sink, 5).await);
    let [order, asks, front, calls, stock] = &spans;
    assert!(spans.iter().all(|span| span.trace_id == order.trace_id && span.tag("error").is_none()));
    assert_eq!((asks.parent_id, front.parent_id), (Some(order.id), Some(order.id)));
    assert_eq!((front.id, front.shared), (asks.id, true), "two halves of one call");
    assert_eq!((calls.parent_id, stock.id, stock.shared), (Some(front.id), calls.id, true));
    for span in [calls, stock] {
        assert_eq!(
            (span.tag("http.path"), span.tag("http.method")),
            (Some("/shop.Stock/Left"), Some("POST"))
        );
    }
}

#[tokio::test]
async fn what_a_grpc_server_refuses_is_an_error_on_both_sides() {
    let sink = Sink::new();
    let stock = stock(&sink.service("stock")).await;
    let front = front(&sink.service("front"), stock).await;
    let said = order(&sink.service("order"), front, "stones").await;
    assert_eq!(said, (StatusCode::BAD_GATEWAY, "no such fruit".to_owned()));
    let [_, asks, front, calls, stock] = &in_order(finished(&sink, 5).await);
    for span in [calls, stock] {
        assert_eq!((span.tag("grpc.status_code"), span.tag("error")), (Some("5"), Some("no such fruit")));
    }
    for span in [asks, front] {
        assert_eq!((span.tag("http.status_code"), span.tag("error")), (Some("502"), Some("502")));
    }
}
