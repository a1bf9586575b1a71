//! The forward door over a real socket: acknowledgements, compression, waiting senders, and other events.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use collector::intake::{Budget, Intake};
use collector::metrics::TransportMetrics;
use collector::sampler::Sampler;
use collector::sink::Sink;
use futures::future::BoxFuture;
use model::batch::Batch;
use storage::error::WriteError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// One thrift span struct with ids 1 and 2, in base64.
const SPAN: &[u8] = b"CgABAAAAAAAAAAEKAAQAAAAAAAAAAgA=";
const ACK: &[u8] = b"\x81\xa3ack\xd9\x03abc";

#[derive(Default)]
struct Shelf {
    spans: AtomicUsize,
    busy: AtomicBool,
    asked: AtomicUsize,
}

impl Sink for Shelf {
    fn accept(&self, batch: Batch) -> BoxFuture<'_, Result<(), WriteError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.busy.load(Ordering::SeqCst) {
                return Err(WriteError::Busy("full".into()));
            }
            self.spans.fetch_add(batch.len(), Ordering::SeqCst);
            Ok(())
        })
    }
}

struct Door {
    shelf: Arc<Shelf>,
    metrics: Arc<TransportMetrics>,
    stream: TcpStream,
    _stop: watch::Sender<bool>,
}

async fn open() -> Door {
    let (shelf, metrics) = (Arc::new(Shelf::default()), Arc::new(TransportMetrics::new("forward")));
    let sink = Arc::clone(&shelf) as Arc<dyn Sink>;
    let intake = Intake::over(sink, Arc::clone(&metrics), Budget::new(32 << 20), Sampler::ALL);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(relay::forward::serve(listener, intake, stopped));
    Door { shelf, metrics, stream: TcpStream::connect(address).await.unwrap(), _stop: stop }
}

fn event(message: &[u8]) -> Vec<u8> {
    let head = [0x92, 0xce, 1, 2, 3, 4, 0x81, 0xa7];
    [&head[..], b"message", &[0xd9, message.len() as u8], message].concat()
}

/// A message of packed events with options.
fn packed(tag: &str, events: &[u8], gzip: bool) -> Vec<u8> {
    let head = [&[0x93, 0xa0 | tag.len() as u8], tag.as_bytes(), &[0xc6]].concat();
    let length = (events.len() as u32).to_be_bytes();
    let options: &[u8] =
        if gzip { b"\x82\xaacompressed\xa4gzip\xa5chunk\xa3abc" } else { b"\x81\xa5chunk\xa3abc" };
    [&head[..], &length, events, options].concat()
}

impl Door {
    async fn acknowledged(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        let mut ack = [0; ACK.len()];
        self.stream.read_exact(&mut ack).await.unwrap();
        assert_eq!(ack, ACK);
    }

    fn spans(&self) -> usize {
        self.shelf.spans.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn chunks_are_acknowledged_when_they_are_stored() {
    let mut door = open().await;
    door.acknowledged(&packed("zipkin", &[event(SPAN), event(SPAN)].concat(), false)).await;
    assert_eq!(door.spans(), 2);
    // Byte by byte, and then two in one piece, of which the first wants no acknowledgement.
    for byte in packed("zipkin.a.b", &event(SPAN), false) {
        door.stream.write_all(&[byte]).await.unwrap();
    }
    door.acknowledged(&[]).await;
    let plain = [&b"\x92\xa6zipkin\x91"[..], &event(SPAN)].concat();
    door.acknowledged(&[plain, packed("zipkin", &event(SPAN), false)].concat()).await;
    assert_eq!(door.spans(), 5);
}

#[tokio::test]
async fn chunks_of_several_gzip_members_are_read_whole() {
    let mut door = open().await;
    let member = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let members = [member(&event(SPAN)), member(&event(SPAN)), member(&event(SPAN))].concat();
    door.acknowledged(&packed("zipkin", &members, true)).await;
    assert_eq!(door.spans(), 3);
}

#[tokio::test]
async fn what_is_no_span_is_left_out_and_counted() {
    let mut door = open().await;
    let textless = b"\x92\x01\x81\xa1k\x01".to_vec();
    let events = [event(SPAN), event(b"no base64!"), textless, event(SPAN)].concat();
    door.acknowledged(&packed("zipkin", &events, false)).await;
    assert_eq!(door.spans(), 2);
    let left_out = door.metrics.spans_left_out();
    assert!(left_out.contains(&("rejected", 2)), "{left_out:?}");
    door.acknowledged(&packed("syslog", &events, false)).await;
    assert_eq!(door.spans(), 2);
}

#[tokio::test]
async fn a_sender_waits_while_the_buffer_is_full() {
    let mut door = open().await;
    door.shelf.busy.store(true, Ordering::SeqCst);
    door.stream.write_all(&packed("zipkin", &event(SPAN), false)).await.unwrap();
    while door.shelf.asked.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(door.stream.try_read(&mut [0; 1]).is_err(), "acknowledged without being stored");
    door.shelf.busy.store(false, Ordering::SeqCst);
    door.acknowledged(&[]).await;
    assert_eq!(door.spans(), 1);
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xc1], &[0x91; 100], b"\x92\x01\x01"] {
        let mut door = open().await;
        door.stream.write_all(garbage).await.unwrap();
        assert!(matches!(door.stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
        assert_eq!(door.spans(), 0);
    }
}
