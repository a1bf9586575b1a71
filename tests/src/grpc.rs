//! Calls of gRPC without TLS, with any bytes for a body.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Longer than any call takes.
const CALL_MAX: Duration = Duration::from_secs(30);

/// Returns a message with the flag and the length it claims.
pub fn message(compressed: u8, length: u32, bytes: &[u8]) -> Vec<u8> {
    [&[compressed][..], &length.to_be_bytes(), bytes].concat()
}

/// Calls a method and returns the status and the body that came back; an error when the other side gave none.
pub fn call(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<(String, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let called = async { tokio::time::timeout(CALL_MAX, talk(address, path, headers, body)).await };
    runtime.block_on(called).context("no answer in time")?
}

async fn talk(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<(String, Vec<u8>)> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (mut client, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let mut request = http::Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (response, mut sender) = client.send_request(request.body(())?, false)?;
    sender.send_data(body.into(), true)?;
    let response = response.await?;
    ensure!(response.status() == 200, "status {}", response.status());
    let status = |headers: &http::HeaderMap| {
        let value = headers.get("grpc-status").context("no grpc-status")?;
        anyhow::Ok(value.to_str()?.to_owned())
    };
    if response.headers().contains_key("grpc-status") {
        return Ok((status(response.headers())?, Vec::new()));
    }
    let (mut body, mut answer) = (response.into_body(), Vec::new());
    while let Some(chunk) = body.data().await {
        answer.extend_from_slice(&chunk?);
    }
    let trailers = body.trailers().await?.context("no trailers")?;
    Ok((status(&trailers)?, answer))
}
