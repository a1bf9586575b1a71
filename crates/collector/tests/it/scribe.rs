//! The scribe door over a real socket. Calls are built by hand here, so that the codec is tested too.

use std::sync::atomic::Ordering;
use std::time::Duration;

use collector::refusal::Reason;
use collector::scribe::{Config, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::store::{Setting, setting};

/// One thrift span struct with ids 1 and 2, in base64.
const SPAN: &str = "CgABAAAAAAAAAAEKAAQAAAAAAAAAAgA=";

struct Door {
    setting: Setting,
    stream: TcpStream,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

async fn open(config: Config, budget_bytes: usize) -> Door {
    let setting = setting("scribe", budget_bytes);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve(listener, setting.intake.clone(), config, stopped));
    Door { setting, stream: TcpStream::connect(address).await.unwrap(), stop, task }
}

fn call(strict: bool, method: &str, entries: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend((text.len() as u32).to_be_bytes());
        out.extend(text.bytes());
    };
    if strict {
        body.extend([0x80, 1, 0, 1]);
        text(&mut body, method);
    } else {
        text(&mut body, method);
        body.push(1);
    }
    body.extend(7u32.to_be_bytes());
    body.extend([15, 0, 1, 12]);
    body.extend((entries.len() as u32).to_be_bytes());
    for (category, message) in entries {
        body.extend([11, 0, 1]);
        text(&mut body, category);
        body.extend([11, 0, 2]);
        text(&mut body, message);
        body.push(0);
    }
    body.push(0);
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend(body);
    frame
}

/// What a reply says.
#[derive(Debug, PartialEq)]
enum Said {
    Code(u32),
    Exception,
}

impl Door {
    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn reply(&mut self) -> Said {
        let length = self.stream.read_u32().await.unwrap();
        let mut frame = vec![0; length as usize];
        self.stream.read_exact(&mut frame).await.unwrap();
        let (kind, rest) = if frame[0] == 0x80 {
            let name = u32::from_be_bytes(frame[4..8].try_into().unwrap()) as usize;
            (frame[3], &frame[12 + name..])
        } else {
            let name = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
            (frame[4 + name], &frame[9 + name..])
        };
        match kind {
            2 => {
                assert_eq!(rest[..3], [8, 0, 0], "field 0, i32");
                Said::Code(u32::from_be_bytes(rest[3..7].try_into().unwrap()))
            }
            3 => Said::Exception,
            other => panic!("message type {other}"),
        }
    }

    async fn ask(&mut self, bytes: &[u8]) -> Said {
        self.send(bytes).await;
        self.reply().await
    }
}

#[tokio::test]
async fn both_headers_are_understood() {
    let mut door = open(Config::default(), 1 << 20).await;
    for strict in [true, false] {
        assert_eq!(door.ask(&call(strict, "Log", &[("zipkin", SPAN)])).await, Said::Code(0));
        let spans = door.setting.shelf.take();
        assert_eq!(spans.len(), 1);
        assert_eq!((spans[0].trace_id.get(), spans[0].id.get()), (1, 2));
    }
}

#[tokio::test]
async fn entries_of_other_categories_are_ignored() {
    let mut door = open(Config::default(), 1 << 20).await;
    let entries = [("other", "!"), ("zipkin", SPAN), ("Zipkin", SPAN)];
    assert_eq!(door.ask(&call(true, "Log", &entries)).await, Said::Code(0));
    assert_eq!(door.setting.shelf.take().len(), 1);
    assert_eq!(door.ask(&call(true, "Log", &[])).await, Said::Code(0));
}

#[tokio::test]
async fn messages_are_mime_base64() {
    let mut door = open(Config::default(), 1 << 20).await;
    let broken = format!("{}\r\n{}\n", &SPAN[..10], &SPAN[10..]);
    assert_eq!(door.ask(&call(true, "Log", &[("zipkin", &broken)])).await, Said::Code(0));
    assert_eq!(door.setting.shelf.take().len(), 1);
}

#[tokio::test]
async fn one_bad_entry_refuses_the_call_and_the_connection_lives() {
    let mut door = open(Config::default(), 1 << 20).await;
    for bad in ["!!!", "AAAA", "CgAB"] {
        let entries = [("zipkin", SPAN), ("zipkin", bad)];
        assert_eq!(door.ask(&call(true, "Log", &entries)).await, Said::Exception, "{bad}");
    }
    assert_eq!(door.ask(&call(true, "Flush", &[])).await, Said::Exception);
    assert_eq!(door.setting.shelf.take(), []);
    assert_eq!(door.setting.count("messages_dropped"), 4);
    assert_eq!(door.ask(&call(true, "Log", &[("zipkin", SPAN)])).await, Said::Code(0));
}

#[tokio::test]
async fn a_busy_store_is_try_later() {
    let mut door = open(Config::default(), 1 << 20).await;
    door.setting.shelf.busy.store(true, Ordering::Relaxed);
    assert_eq!(door.ask(&call(true, "Log", &[("zipkin", SPAN)])).await, Said::Code(1));
    assert_eq!((door.setting.count("spans_dropped"), door.setting.count("messages_dropped")), (1, 0));
    door.setting.shelf.busy.store(false, Ordering::Relaxed);
    assert_eq!(door.ask(&call(true, "Log", &[("zipkin", SPAN)])).await, Said::Code(0));
}

#[tokio::test]
async fn pipelined_calls_are_answered_in_order() {
    let mut door = open(Config::default(), 1 << 20).await;
    let mut bytes = call(true, "Log", &[("zipkin", SPAN)]);
    bytes.extend(call(true, "Flush", &[]));
    bytes.extend(call(true, "Log", &[]));
    door.send(&bytes).await;
    assert_eq!(door.reply().await, Said::Code(0));
    assert_eq!(door.reply().await, Said::Exception);
    assert_eq!(door.reply().await, Said::Code(0));
}

#[tokio::test]
async fn a_frame_above_the_limit_ends_the_connection() {
    let config = Config { frame_bytes_max: 1000, ..Config::default() };
    let mut door = open(config, 1 << 20).await;
    door.send(&1001u32.to_be_bytes()).await;
    assert_eq!(door.stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(door.setting.count("messages_dropped"), 1);
    assert_eq!(door.setting.refused(Reason::TooLarge), 1);
}

#[tokio::test]
async fn a_frame_that_never_ends_ends_the_connection() {
    let config = Config { frame_time_max: Duration::from_millis(10), ..Config::default() };
    let mut door = open(config, 1 << 20).await;
    door.send(&[0, 0, 0, 9, 0x80, 1]).await;
    assert_eq!(door.stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(door.setting.refused(Reason::TooSlow), 1);
}

#[tokio::test]
async fn a_frame_that_breaks_off_is_counted() {
    let mut door = open(Config::default(), 1 << 20).await;
    door.send(&[0, 0, 0, 9, 0x80, 1]).await;
    door.stream.shutdown().await.unwrap();
    assert_eq!(door.stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(door.setting.refused(Reason::CutOff), 1);
}

#[tokio::test]
async fn nesting_is_limited() {
    let mut door = open(Config::default(), 1 << 20).await;
    // A span whose unknown field 99 holds lists of lists.
    let span = [&[15, 0, 99][..], &[15, 0, 0, 0, 1].repeat(1000)].concat();
    let message = String::from_utf8(wire::scribe::encode_message(&span)).unwrap();
    assert_eq!(door.ask(&call(true, "Log", &[("zipkin", &message)])).await, Said::Exception);
    assert_eq!(door.setting.refused(Reason::TooDeep), 1);
}

#[tokio::test]
async fn another_category_may_be_the_one() {
    let config = Config { category: "traces".into(), ..Config::default() };
    let mut door = open(config, 1 << 20).await;
    let entries = [("zipkin", SPAN), ("traces", SPAN)];
    assert_eq!(door.ask(&call(true, "Log", &entries)).await, Said::Code(0));
    assert_eq!(door.setting.shelf.take().len(), 1);
}

#[tokio::test]
async fn a_sender_waits_while_there_is_no_room() {
    let mut door = open(Config::default(), 4 << 10).await;
    let mut room = door.setting.intake.room();
    room.grow(4 << 10).unwrap();
    door.send(&call(true, "Log", &[("zipkin", SPAN)])).await;
    let waited = tokio::time::timeout(Duration::from_millis(50), door.stream.readable()).await;
    assert!(waited.is_err(), "answered without room");
    drop(room);
    assert_eq!(door.reply().await, Said::Code(0));
}

#[tokio::test]
async fn a_length_that_is_only_announced_takes_no_room() {
    let mut door = open(Config::default(), 64 << 10).await;
    let mut slow = TcpStream::connect(door.stream.peer_addr().unwrap()).await.unwrap();
    slow.write_all(&(64u32 << 10).to_be_bytes()).await.unwrap();
    // The second byte is read after the first: by then the length is known.
    for _ in 0..2 {
        slow.write_all(&[0x80]).await.unwrap();
        assert_eq!(door.ask(&call(true, "Log", &[("zipkin", SPAN)])).await, Said::Code(0));
    }
}

#[tokio::test]
async fn the_connection_that_waited_longest_gives_its_place() {
    let config = Config { connections_max: 2, ..Config::default() };
    let mut door = open(config, 1 << 20).await;
    let address = door.stream.peer_addr().unwrap();
    assert_eq!(door.ask(&call(true, "Log", &[])).await, Said::Code(0));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(&call(true, "Log", &[])).await.unwrap();
    idle.read_exact(&mut [0; 8]).await.unwrap();
    assert_eq!(door.ask(&call(true, "Log", &[])).await, Said::Code(0));
    let mut third = TcpStream::connect(address).await.unwrap();
    third.write_all(&call(true, "Log", &[])).await.unwrap();
    third.read_exact(&mut [0; 8]).await.unwrap();
    assert_eq!(idle.read(&mut [0; 100]).await.map_or(0, |read| read.min(1)), 1, "the rest of its answer");
    assert_eq!(idle.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
    assert_eq!(door.ask(&call(true, "Log", &[])).await, Said::Code(0));
    assert_eq!(door.setting.metrics.read_connections(), (2, 1));
}

#[tokio::test]
async fn stopping_lets_connections_end() {
    let mut door = open(Config::default(), 1 << 20).await;
    assert_eq!(door.ask(&call(true, "Log", &[])).await, Said::Code(0));
    door.stop.send(true).unwrap();
    door.task.await.unwrap();
    assert_eq!(door.stream.read(&mut [0; 1]).await.unwrap(), 0);
}
