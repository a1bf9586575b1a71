//! Packs finished spans into what is sent at once.

use model::draft::Draft;
use wire::scribe::{encode_message, log_call};
use wire::{json_v2, otlp_write, proto3_draft, thrift_write};

use crate::destination::{Destination, Encoding};
use crate::queue::Share;
use crate::span::ActiveSpan;

/// The scribe category that Zipkin's collectors listen to.
const CATEGORY: &str = "zipkin";

/// Spans ready to be sent.
pub struct Batch {
    /// A framed scribe call, the body of a post, or a line of a file.
    pub bytes: Vec<u8>,
    /// Whose they are.
    pub share: Share,
}

/// Packs the first spans as this destination takes them: at least one, and no more once there are `bytes_max` bytes.
pub fn pack(spans: &mut &[ActiveSpan], destination: &Destination, bytes_max: usize) -> Batch {
    match destination {
        Destination::Scribe { .. } => scribe(spans, bytes_max),
        Destination::Http(http) => match http.encoding {
            Encoding::JsonV2 => json(spans, bytes_max, "]"),
            Encoding::ThriftV1 => thrift(spans, bytes_max),
            Encoding::Proto3 => protobuf(spans, bytes_max, proto3_draft::write_draft),
            Encoding::Otlp => protobuf(spans, bytes_max, otlp_write::write_draft),
        },
        Destination::File { .. } => json(spans, bytes_max, "]\n"),
    }
}

fn scribe(spans: &mut &[ActiveSpan], bytes_max: usize) -> Batch {
    let (mut messages, mut thrift, mut length) = (Vec::new(), Vec::new(), 0);
    let share = take(spans, bytes_max, |span| {
        thrift.clear();
        thrift_write::write_draft(&mut thrift, &span.draft());
        let message = encode_message(&thrift);
        length += message.len();
        messages.push(message);
        length
    });
    Batch { bytes: log_call(CATEGORY, messages.iter().map(Vec::as_slice), 0), share }
}

fn json(spans: &mut &[ActiveSpan], bytes_max: usize, end: &str) -> Batch {
    let mut text = String::from("[");
    let share = take(spans, bytes_max, |span| {
        if text.len() > 1 {
            text.push(',');
        }
        json_v2::write_draft(&mut text, &span.draft());
        text.len()
    });
    text.push_str(end);
    Batch { bytes: text.into_bytes(), share }
}

/// A list of structs in the binary protocol, whose head says how many there are.
fn thrift(spans: &mut &[ActiveSpan], bytes_max: usize) -> Batch {
    let mut bytes = thrift_write::list_head(0).to_vec();
    let share = take(spans, bytes_max, |span| {
        thrift_write::write_draft(&mut bytes, &span.draft());
        bytes.len()
    });
    let head = thrift_write::list_head(share.spans as usize);
    bytes[..head.len()].copy_from_slice(&head);
    Batch { bytes, share }
}

fn protobuf(spans: &mut &[ActiveSpan], bytes_max: usize, write: fn(&mut Vec<u8>, &Draft<'_>)) -> Batch {
    let mut bytes = Vec::new();
    let share = take(spans, bytes_max, |span| {
        write(&mut bytes, &span.draft());
        bytes.len()
    });
    Batch { bytes, share }
}

/// Takes spans from the front until `push` says that there are enough bytes.
fn take(spans: &mut &[ActiveSpan], bytes_max: usize, mut push: impl FnMut(&ActiveSpan) -> usize) -> Share {
    let mut share = Share::default();
    while let Some((span, rest)) = spans.split_first() {
        share.spans += 1;
        share.bytes += span.bytes() as u64;
        *spans = rest;
        if push(span) >= bytes_max {
            break;
        }
    }
    share
}
