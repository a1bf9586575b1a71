//! Two services in one process, traced: `cargo run -p spanlet-layers --example shop`, then open the trace it names.
//!
//! Spans go to a scribe collector on 127.0.0.1:9410, or to SPANLET_ENDPOINT: `http://127.0.0.1:9411`, `file:/tmp/spans`.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use spanlet_layers::tracer::{Config, Destination, Encoding, Tracer};
use spanlet_layers::{ClientLayer, ServerLayer, Service, current};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt, service_fn};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let tracer = Tracer::new(config()?);
    let stock = Router::new().route("/stock/{item}", get(async || "3 left"));
    let stock_port = serve(Service::new(tracer.clone(), "stock"), stock).await?;
    let front = Router::new().route("/order", get(async move || order(stock_port).await.unwrap_or_default()));
    let front_port = serve(Service::new(tracer.clone(), "front"), front).await?;

    println!("{}", ask(front_port, "/order").await?);
    // The span of the front ends with the last byte, which this process has read itself.
    let sent = tokio::task::spawn_blocking(move || tracer.flush(Duration::from_secs(5))).await?;
    println!("{}", if sent { "the collector has it" } else { "no collector has answered" });
    Ok(())
}

fn config() -> Result<Config> {
    let endpoint = std::env::var("SPANLET_ENDPOINT").unwrap_or_else(|_| "scribe://127.0.0.1:9410".to_owned());
    let config =
        Config { destination: Destination::parse(&endpoint, Encoding::JsonV2)?, ..Config::default() };
    config.check()?;
    Ok(config)
}

/// Serves on a free port, traced.
async fn serve(service: Service, router: Router) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move { axum::serve(listener, router.layer(ServerLayer::new(&service))).await });
    Ok(port)
}

async fn order(stock_port: u16) -> Result<String> {
    let Some(scope) = current() else { return Ok("not traced".to_owned()) };
    scope.annotate("asking the stock");
    let left = ask(stock_port, "/stock/apples").await?;
    Ok(format!("{left}, says trace {}", scope.context().trace_id))
}

/// Calls a service. The layer makes a client span of it when it is made within a request.
async fn ask(port: u16, path: &str) -> Result<String> {
    let client = ClientLayer.layer(service_fn(async |request: Request<Body>| {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Result::Ok(sender.send_request(request).await?)
    }));
    let request = Request::get(path).header("host", "shop").body(Body::empty())?;
    let body = client.oneshot(request).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}
