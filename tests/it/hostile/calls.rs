//! Scribe: frames that lie about their length, that are no calls, that never end, and answers that nobody reads.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use e2e::{load, raw};
use wire::scribe::ResultCode;

use super::Siege;

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes()[..], message].concat()
}

/// A call `Log` whose body is these bytes.
fn call(body: &[u8]) -> Vec<u8> {
    framed(&[&[0x80, 1, 0, 1, 0, 0, 0, 3][..], b"Log", &[0, 0, 0, 1], body].concat())
}

/// A call that logs these bytes as spans.
fn log(spans: &[&[u8]]) -> Vec<u8> {
    let messages: Vec<_> = spans.iter().map(|span| wire::scribe::encode_message(span)).collect();
    wire::scribe::log_call("zipkin", messages.iter().map(Vec::as_slice), 1)
}

/// What ends in an exception or a closed connection, never in OK.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let huge = [0x7f, 0xff, 0xff, 0xff];
    let list = [15, 0, 1, 12];
    let depth = 200_000;
    vec![
        ("a frame of 2 GiB", [&huge[..], &[0; 64]].concat()),
        ("a frame of a negative length", vec![0xff; 64]),
        ("a frame just above the limit", [&((16u32 << 20) + 1).to_be_bytes()[..], &[0; 64]].concat()),
        ("a frame cut off", call(&[0])[..9].to_vec()),
        ("an empty frame", framed(b"")),
        ("a list of 2^31 entries", call(&[&list[..], &huge].concat())),
        ("a list of -1 entries", call(&[&list[..], &[0xff; 4]].concat())),
        ("a message of 2 GiB", call(&[&list[..], &[0, 0, 0, 1, 11, 0, 2], &huge].concat())),
        ("a method name of 2 GiB", framed(&[&[0x80, 1, 0, 1][..], &huge].concat())),
        ("structs without end", call(&[12, 0, 77].repeat(depth))),
        ("maps without end", call(&[&[13, 0, 77][..], &[13, 13, 0, 0, 0, 1].repeat(depth)].concat())),
        ("structs without end in a span", log(&[&[12, 0, 77].repeat(depth)])),
        ("a span of 2^31 annotations", log(&[&[&[15, 0, 6, 12][..], &huge].concat()])),
        (
            "a message that is no base64",
            call(
                &[
                    &list[..],
                    &[0, 0, 0, 1, 11, 0, 1, 0, 0, 0, 6],
                    b"zipkin",
                    &[11, 0, 2, 0, 0, 0, 1],
                    b"A",
                    &[0, 0],
                ]
                .concat(),
            ),
        ),
        ("HTTP", b"POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("TLS", [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 500]].concat()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("Redis", b"*1\r\n$4\r\nPING\r\n".to_vec()),
        ("thrift without frames", call(&[0])[4..].to_vec()),
        ("an answer", framed(&[0x80, 1, 0, 2, 0, 0, 0, 3, b'L', b'o', b'g', 0, 0, 0, 1, 0])),
    ]
}

/// One frame of the other side.
fn answer(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// Another sender, who did nothing wrong, is served, long before any limit on time ends what others began.
fn others_are_served(siege: &Siege) {
    let mut stream = raw::connect(siege.scribe());
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(crate::doors::scribe_log(&mut stream, &load::trace(1)).unwrap(), ResultCode::Ok);
    siege.answers();
}

#[test]
fn calls() {
    let siege = Siege::begin("calls", &[]);
    for (name, bytes) in refused() {
        let answer = raw::exchange(siege.scribe(), &bytes);
        let ok = answer.get(4..).is_some_and(|frame| wire::scribe::read_reply(frame) == Ok(ResultCode::Ok));
        assert!(!ok, "{name}: OK was answered");
        siege.answers();
    }
    lengths_that_never_come(&siege);
    answers_that_nobody_reads(&siege);
    siege.end(150);
}

/// Many frames say that they are as long as a frame may be, and then go on slowly.
fn lengths_that_never_come(siege: &Siege) {
    let mut streams: Vec<_> = (0..32).map(|_| raw::connect(siege.scribe())).collect();
    for stream in &mut streams {
        stream.write_all(&[&(16u32 << 20).to_be_bytes()[..], &[0x80, 1, 0, 1]].concat()).unwrap();
    }
    others_are_served(siege);
    for stream in &mut streams {
        stream.write_all(&[0; 10]).unwrap();
    }
    others_are_served(siege);
}

/// Calls without number, none of whose answers is read: the sender is held back, not served from memory.
fn answers_that_nobody_reads(siege: &Siege) {
    let calls = call(&[0]).repeat(1000);
    let mut held_back = 0;
    let _streams: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = raw::connect(siege.scribe());
            stream.set_nonblocking(true).unwrap();
            // As long as the server reads, and no longer than any buffer between us is large.
            for _ in 0..2_000 {
                match stream.write(&calls) {
                    Ok(_) => std::thread::yield_now(),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        held_back += 1;
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            stream
        })
        .collect();
    assert_eq!(held_back, 4, "the server goes on reading calls whose answers nobody takes");
    others_are_served(siege);
    // Each of these gets its answer all the same.
    let mut stream = raw::connect(siege.scribe());
    stream.write_all(&call(&[0]).repeat(50)).unwrap();
    for number in 0..50 {
        assert!(answer(&mut stream).is_some(), "answer {number}");
    }
}
