//! HTTP collectors and files: what they are sent, and what their answers mean.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use model::batch::Batch;
use model::span::Span;
use tracer::{Config, Destination, Encoding, HttpDestination, Peer, Tracer};
use wire::error::DecodeError;

use crate::http_sink::{HttpSink, Post};
use crate::sink::{LONG, config, conserved, expected, names, record, until};

fn to(sink: &HttpSink, encoding: Encoding) -> HttpDestination {
    match Destination::parse(&format!("http://127.0.0.1:{}", sink.port), encoding).unwrap() {
        Destination::Http(http) => http,
        other => panic!("{other:?}"),
    }
}

fn tracer(destination: Destination) -> Tracer {
    let config = Config { destination, ..config(1) };
    config.check().unwrap();
    Tracer::new(config)
}

fn spans(
    decode: fn(&[u8], &mut Batch) -> Result<(), DecodeError>,
    bodies: impl Iterator<Item = Vec<u8>>,
) -> Vec<Span> {
    let mut batch = Batch::new();
    bodies.for_each(|body| decode(&body, &mut batch).unwrap());
    batch.rows().map(|row| row.to_span()).collect()
}

fn bodies(posts: &[Post]) -> impl Iterator<Item = Vec<u8>> {
    posts.iter().map(|post| post.body.clone())
}

#[test]
fn every_encoding_of_zipkin_arrives_over_one_connection() {
    for (encoding, content_type, decode) in [
        (Encoding::JsonV2, "application/json", wire::json_v2::decode_list as fn(&[u8], &mut Batch) -> _),
        (Encoding::Proto3, "application/x-protobuf", wire::proto3::decode_list),
        (Encoding::ThriftV1, "application/x-thrift", wire::thrift_v1::decode_list),
    ] {
        let sink = HttpSink::start();
        let tracer = tracer(Destination::Http(to(&sink, encoding)));
        for round in ["a", "b"] {
            record(&tracer, round, 100);
            assert!(tracer.flush(LONG));
        }
        let posts = sink.posts();
        let mut all = expected("a", 100);
        all.extend(expected("b", 100));
        let found = spans(decode, bodies(&posts));
        assert_eq!(names(&found), all);
        assert_eq!(found[0].local_endpoint.as_ref().unwrap().port, Some(54321));
        assert_eq!(sink.connections(), 1);
        for post in &posts {
            let version = if encoding == Encoding::ThriftV1 { 1 } else { 2 };
            assert_eq!(post.line, format!("POST /api/v{version}/spans HTTP/1.1"));
            assert_eq!(post.headers["content-type"], content_type);
            assert_eq!(post.headers["host"], format!("127.0.0.1:{}", sink.port));
            assert!(
                !post.headers.contains_key("authorization") && !post.headers.contains_key("content-encoding")
            );
        }
        let stats = conserved(&tracer);
        assert_eq!((stats.sent, stats.failures, stats.calls), (200, 0, posts.len() as u64));
    }
}

#[test]
fn gzip_and_a_token() {
    let sink = HttpSink::start();
    let destination = HttpDestination {
        gzip: true,
        path: "/custom?x=1".into(),
        ..to(&sink, Encoding::JsonV2).bearer_token("s3cret")
    };
    let tracer = tracer(Destination::Http(destination));
    record(&tracer, "a", 50);
    assert!(tracer.flush(LONG));
    let posts = sink.posts();
    assert_eq!(posts[0].line, "POST /custom?x=1 HTTP/1.1");
    assert_eq!(posts[0].headers["authorization"], "Bearer s3cret");
    assert_eq!(posts[0].headers["content-encoding"], "gzip");
    let inflated = bodies(&posts).map(|body| {
        let mut plain = Vec::new();
        GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
        assert!(body.len() < plain.len() / 2 || plain.len() < 1000);
        plain
    });
    assert_eq!(names(&spans(wire::json_v2::decode_list, inflated)), expected("a", 50));
}

#[test]
fn otlp_goes_where_otlp_goes() {
    let sink = HttpSink::start();
    let tracer = tracer(Destination::Http(to(&sink, Encoding::Otlp)));
    record(&tracer, "a", 1);
    assert!(tracer.flush(LONG));
    let post = &sink.posts()[0];
    assert_eq!(post.line, "POST /v1/traces HTTP/1.1");
    let body = String::from_utf8_lossy(&post.body);
    assert!(body.contains("service.name") && body.contains("shop") && body.contains("a-0"));
}

#[test]
fn answers_that_mean_later_are_tried_again() {
    for answer in [
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nlater",
        "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        // A body whose end is not announced: the connection is of no more use.
        "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlater\r\n0\r\n\r\n",
    ] {
        let sink = HttpSink::start();
        sink.then(answer);
        let tracer = tracer(Destination::Http(to(&sink, Encoding::JsonV2)));
        record(&tracer, "a", 3);
        assert!(tracer.flush(LONG));
        let stats = conserved(&tracer);
        assert_eq!((stats.sent, stats.try_later, stats.dropped()), (3, 1, 0), "{answer}");
        let posts = sink.posts();
        assert_eq!(posts[0].body, posts[1].body);
    }
}

#[test]
fn answers_that_mean_no_are_counted_with_their_words() {
    for (answer, words) in [
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 8\r\n\r\nno spans", "HTTP 400 no spans"),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "HTTP 401"),
        ("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "HTTP 301"),
        ("HTTP/1.1 500 Oops\r\n\r\n", "HTTP 500"),
    ] {
        let sink = HttpSink::start();
        sink.then(answer);
        let tracer = tracer(Destination::Http(to(&sink, Encoding::JsonV2)));
        record(&tracer, "a", 3);
        assert!(!tracer.flush(LONG));
        let stats = conserved(&tracer);
        assert_eq!((stats.sent, stats.dropped_refused), (0, 3), "{answer}");
        assert!(stats.last_error.unwrap().contains(words));
    }
}

#[test]
fn answers_that_are_none_end_the_connection() {
    let endless = format!("HTTP/1.1 202 Accepted\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    for answer in [
        "",
        "\0\0\0\x10nothing of the kind",
        endless.as_str(),
        "HTTP/1.1 202 OK\r\nContent-Length: x\r\n\r\n",
    ] {
        let sink = HttpSink::start();
        sink.then(answer);
        let tracer = tracer(Destination::Http(to(&sink, Encoding::JsonV2)));
        record(&tracer, "a", 3);
        assert!(tracer.flush(LONG));
        let stats = conserved(&tracer);
        assert_eq!((stats.sent, stats.failures, stats.reconnects), (3, 1, 1), "{:?}", stats.last_error);
    }
}

#[test]
fn a_file_holds_a_list_a_line_and_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans");
    let tracer = tracer(Destination::File { path: path.clone(), bytes_max: 60_000 });
    for round in 0..3 {
        record(&tracer, &format!("round{round}"), 100);
        assert!(tracer.flush(LONG));
    }
    let read = |path: &std::path::Path| {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.len() <= 60_000 && text.ends_with("]\n"));
        let lines: Vec<_> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        spans(wire::json_v2::decode_list, lines.into_iter()).len()
    };
    assert_eq!(read(&path) + read(&folder.path().join("spans.1")), 300);
    // Another process, or logrotate, may move it.
    fs::rename(&path, folder.path().join("moved")).unwrap();
    record(&tracer, "more", 5);
    assert!(tracer.flush(LONG));
    assert_eq!(read(&path), 5);
    assert_eq!(conserved(&tracer).sent, 305);
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later/spans");
    let tracer = tracer(Destination::File { path: path.clone(), bytes_max: 1 << 20 });
    record(&tracer, "a", 1);
    until("it has failed", || conserved(&tracer).failures > 0);
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(tracer.flush(LONG));
    assert_eq!(conserved(&tracer).sent, 1);
}

#[test]
fn urls_name_destinations() {
    let to = |peer, path: &str, encoding| {
        let http = HttpDestination::new(peer, encoding);
        Ok(Destination::Http(HttpDestination { path: path.into(), ..http }))
    };
    let http = |host: &str, port, path, encoding| to(Peer::Tcp { host: host.into(), port }, path, encoding);
    let https = |host: &str, port| Peer::Tls { host: host.into(), port, ca_file: None };
    use Encoding::{JsonV2, Otlp, Proto3, ThriftV1};
    for (url, encoding, expected) in [
        ("http://zipkin:9411/api/v2/spans", JsonV2, http("zipkin", 9411, "/api/v2/spans", JsonV2)),
        ("http://zipkin", Proto3, http("zipkin", 9411, "/api/v2/spans", Proto3)),
        ("http://[::1]:80/", Otlp, http("::1", 80, "/v1/traces", Otlp)),
        ("http://collector", Otlp, http("collector", 4318, "/v1/traces", Otlp)),
        ("https://zipkin", JsonV2, to(https("zipkin", 443), "/api/v2/spans", JsonV2)),
        ("https://[::1]:4318", Otlp, to(https("::1", 4318), "/v1/traces", Otlp)),
        ("unix:///run/spans", ThriftV1, to(Peer::Unix("/run/spans".into()), "/api/v1/spans", ThriftV1)),
        ("scribe://zipkin", JsonV2, Ok(Destination::scribe("zipkin", 9410))),
        ("scribe://[::1]:9", JsonV2, Ok(Destination::scribe("::1", 9))),
        (
            "file:///var/log/spans",
            JsonV2,
            Ok(Destination::File { path: "/var/log/spans".into(), bytes_max: 256 << 20 }),
        ),
    ] {
        assert_eq!(Destination::parse(url, encoding), expected, "{url}");
    }
    for bad in [
        "",
        "zipkin",
        "https://",
        "ftp://x",
        "http://",
        "http://x:0",
        "http://x:y",
        "scribe://u:p@x",
        "file:x",
        "unix:x",
        "unix",
        "scribe://[::1",
    ] {
        assert!(Destination::parse(bad, JsonV2).is_err(), "{bad}");
    }
    for bad in ["http://x/a b", "http://x/a\r\nEvil: 1", "http://a b/"] {
        let destination = Destination::parse(bad, JsonV2).unwrap();
        assert!(Config { destination, ..Config::default() }.check().is_err(), "{bad}");
    }
}
