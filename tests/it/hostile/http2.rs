//! HTTP/2: floods of frames that cost the sender nothing, tables that grow, and gRPC messages that lie.

use std::io::{Read, Write};
use std::net::SocketAddr;

use e2e::frames::{self, frame};
use e2e::grpc;

use super::Siege;
use super::bodies::bomb;

const REPORT: &str = "/zipkin.proto3.SpanService/Report";
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The headers of a call.
const CALL: [(&str, &str); 5] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", REPORT),
    (":authority", "x"),
    ("content-type", "application/grpc"),
];

/// Sends bytes in pieces until all is sent or the other side closes.
fn pour(address: SocketAddr, pieces: impl Iterator<Item = Vec<u8>>) {
    let mut stream = frames::connect(address);
    let mut taker = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || while taker.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {});
        for piece in pieces {
            if stream.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
    });
}

fn get() -> Vec<u8> {
    frames::block(&[(":method", "GET"), (":scheme", "http"), (":path", "/health"), (":authority", "x")])
}

/// Streams that are opened and reset at once (CVE-2023-44487).
fn rapid_reset(address: SocketAddr) {
    let block = get();
    pour(
        address,
        (0..20_000u32).map(|n| {
            let stream = 2 * n + 1;
            let open = frame(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, stream, &block);
            [open, frame(frames::RST_STREAM, 0, stream, &8u32.to_be_bytes())].concat()
        }),
    );
}

/// Headers that never end (CVE-2024-27316).
fn continuation_flood(address: SocketAddr) {
    let piece = frame(frames::CONTINUATION, 0, 1, &frames::block(&[("x", &"y".repeat(16_000))]));
    let first = frame(frames::HEADERS, 0, 1, &get());
    pour(address, std::iter::once(first).chain(std::iter::repeat_n(piece, 4_000)));
}

/// A name of 4 KB in the table, used tens of thousands of times in one block.
fn table_bomb(address: SocketAddr) {
    let mut block = get();
    block.push(0x40);
    frames::text(&mut block, "x");
    frames::text(&mut block, &"y".repeat(3_900));
    // 62 is the newest entry of the table.
    block.extend(std::iter::repeat_n(0x80 | 62, 12_000));
    pour(
        address,
        (0..50u32)
            .map(|n| frame(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, 2 * n + 1, &block)),
    );
}

fn floods(address: SocketAddr) {
    let ping = frame(frames::PING, 0, 0, &[7; 8]).repeat(100);
    pour(address, std::iter::repeat_n(ping, 1_000));
    let settings = frame(frames::SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(100);
    pour(address, std::iter::repeat_n(settings, 500));
    let open = frame(frames::HEADERS, frames::END_HEADERS, 1, &frames::block(&CALL));
    let empty = frame(frames::DATA, 0, 1, &[]).repeat(100);
    pour(address, std::iter::once(open).chain(std::iter::repeat_n(empty, 500)));
    let window = frame(frames::WINDOW_UPDATE, 0, 0, &0x7fff_ffffu32.to_be_bytes()).repeat(10);
    pour(address, std::iter::repeat_n(window, 10));
}

/// What breaks the protocol outright.
fn broken(address: SocketAddr) {
    let headers = |stream| frame(frames::HEADERS, frames::END_HEADERS, stream, &get());
    let long = [&[0xff, 0xff, 0xff, frames::DATA, 0, 0, 0, 0, 1][..], &[0; 100]].concat();
    for bytes in [
        long,
        headers(0),
        headers(2),
        frame(frames::DATA, 0, 99, b"x"),
        frame(frames::HEADERS, frames::END_HEADERS, 1, &[0xff; 200]),
        frame(frames::SETTINGS, 0, 0, &[1; 5]),
        frame(0xee, 0xff, 7, &[1; 100]),
        // A table of 2^31 bytes.
        frame(frames::HEADERS, frames::END_HEADERS, 1, &[0x3f, 0xe1, 0xff, 0xff, 0xff, 0x07]),
    ] {
        pour(address, std::iter::once(bytes));
    }
}

fn messages(address: SocketAddr, path: &str) {
    let gzip = [("grpc-encoding", "gzip")];
    let (bomb, spans) = (bomb(1), 0x7b);
    let packed = bomb.len() as u32;
    for (name, more, body) in [
        ("a message of 4 GiB", &[][..], grpc::message(0, u32::MAX, &[10; 64])),
        ("a message of 2 GiB that comes", &[], grpc::message(0, 1 << 31, &vec![10; 12 << 20])),
        ("a message cut off", &[], grpc::message(0, 100, &[10; 7])),
        ("a bomb", &gzip[..], grpc::message(1, packed, &bomb)),
        ("a bomb that nobody announced", &[], grpc::message(1, packed, &bomb)),
        ("a packing nobody knows", &[("grpc-encoding", "zstd")], grpc::message(1, 4, &[0; 4])),
        ("a flag nobody knows", &[], grpc::message(0xff, 2, &[10, 0xff])),
        ("groups without end", &[], grpc::message(0, 200_000, &[spans; 200_000])),
        ("a span of 2^32 bytes", &[], grpc::message(0, 7, &[10, 0xff, 0xff, 0xff, 0xff, 0x0f, 10])),
    ] {
        if let Ok((status, _)) = grpc::call(address, path, more, body) {
            assert_ne!(status, "0", "{path}: {name}");
        }
    }
}

#[test]
fn http2_and_grpc() {
    let siege = Siege::begin("http2", &[]);
    for attack in [rapid_reset, continuation_flood, table_bomb, floods, broken] {
        attack(siege.http());
        siege.answers();
    }
    let [grpc, http] = siege.server.otlp;
    messages(siege.http(), REPORT);
    for address in [Some(siege.http()), grpc] {
        messages(address.unwrap(), EXPORT);
        siege.answers();
    }
    rapid_reset(grpc.unwrap());
    continuation_flood(http.unwrap());
    siege.end(200);
}
