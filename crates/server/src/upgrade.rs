//! HTTP/2 by upgrade from a plain HTTP/1.1 request (RFC 7540 3.2), which hyper leaves to others.
//!
//! The request that asks for it is answered as stream 1 of the new connection. HTTP/2 code expects to read such a
//! request, so it is written down as the frame that the client would have sent, behind the client's first frame.
//! Requests with a body are not upgraded, which a server is free to do.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, Request, Response, StatusCode, Version};
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
/// What HTTP/2 grants a frame before its ends agreed on more (RFC 9113 4.2).
const FRAME_BYTES_MAX: usize = 16_384;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM_AND_HEADERS: u8 = 0x1 | 0x4;

/// Returns the frame that asks for the same, if the request asks for an upgrade and can have it.
pub fn wanted<B>(request: &Request<B>) -> Option<Bytes> {
    let headers = request.headers();
    let asks = request.version() == Version::HTTP_11
        && lists(headers, &UPGRADE, "h2c")
        && lists(headers, &CONNECTION, "upgrade")
        && headers.contains_key(HTTP2_SETTINGS);
    let empty = !headers.contains_key(TRANSFER_ENCODING)
        && headers.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0");
    (asks && empty).then(|| frame(request)).flatten()
}

/// Returns the answer after which both sides speak HTTP/2.
pub fn switching<B: Default>() -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("h2c"));
    response
}

/// Reads how the client begins, and returns the stream as if the request had followed.
pub async fn splice<S: AsyncRead + Unpin>(mut stream: S, request: Bytes) -> io::Result<Spliced<S>> {
    let mut begin = vec![0; PREFACE.len() + FRAME_HEAD_BYTES];
    stream.read_exact(&mut begin).await?;
    let (preface, head) = begin.split_at(PREFACE.len());
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    if preface != PREFACE || head[3] != SETTINGS || length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no HTTP/2 after the upgrade to it"));
    }
    let settings = begin.len();
    begin.resize(settings + length, 0);
    stream.read_exact(&mut begin[settings..]).await?;
    begin.extend_from_slice(&request);
    Ok(Spliced { begin: begin.into(), stream })
}

fn lists(headers: &HeaderMap, name: &HeaderName, item: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(item))
}

/// Writes the request as a HEADERS frame of stream 1 (RFC 9113 6.2), its fields literally (RFC 7541 6.2.2).
fn frame<B>(request: &Request<B>) -> Option<Bytes> {
    let authority = request.headers().get(HOST)?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut fields = Vec::new();
    field(&mut fields, b":method", request.method().as_str().as_bytes());
    field(&mut fields, b":scheme", b"http");
    field(&mut fields, b":authority", authority.as_bytes());
    field(&mut fields, b":path", path.as_bytes());
    let hop = [HOST, CONNECTION, UPGRADE, HTTP2_SETTINGS, TE, CONTENT_LENGTH];
    for (name, value) in request.headers().iter().filter(|(name, _)| !hop.contains(name)) {
        field(&mut fields, name.as_str().as_bytes(), value.as_bytes());
    }
    let length = u32::try_from(fields.len()).ok().filter(|length| *length as usize <= FRAME_BYTES_MAX)?;
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[HEADERS, END_STREAM_AND_HEADERS, 0, 0, 0, 1]);
    frame.extend_from_slice(&fields);
    Some(frame.into())
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(0);
    for text in [name, value] {
        // A length of 7 bits, the rest in groups of 7 (RFC 7541 5.1).
        let mut rest = text.len();
        if rest < 127 {
            out.push(rest as u8);
        } else {
            out.push(127);
            rest -= 127;
            while rest >= 128 {
                out.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            out.push(rest as u8);
        }
        out.extend_from_slice(text);
    }
}

/// A stream that begins with other bytes.
pub struct Spliced<S> {
    begin: Bytes,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Spliced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begin.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = self.begin.len().min(buf.remaining());
        buf.put_slice(&self.begin.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spliced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
