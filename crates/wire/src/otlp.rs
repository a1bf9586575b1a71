//! Reads OTLP's `ExportTraceServiceRequest`, in protocol buffers and in JSON, into Zipkin's spans.
//!
//! Field numbers and names: open-telemetry/opentelemetry-proto. What becomes of each field: [`map`], and for users
//! `docs/reference/otlp.md`.

pub mod answer;

mod json;
mod map;
mod protobuf;
mod value;

use model::batch::Batch;

use crate::detect::Format;
use crate::error::{DecodeError, Fault, Read};
use crate::json::JsonReader;
use crate::list;
use crate::protobuf::ProtoReader;

/// Spans repeat what their resource says, so a small message can grow: this is how far. Larger than what any
/// message grows to whose resource is smaller than its spans.
const GROWN_BYTES_MAX: usize = 32 << 20;

/// How deep values of attributes may hold values.
const VALUE_DEPTH_MAX: u32 = 16;

/// Spans of a readable message that are none: they are left out and the others kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many.
    pub spans: usize,
    /// Why the first of them was, a sentence for its sender; empty when there is none.
    pub why: &'static str,
}

/// Appends the spans of a request in protocol buffers to a batch. Returns how many were left out for their ids; on an
/// error nothing is appended.
pub fn decode_protobuf(bytes: &[u8], batch: &mut Batch) -> Result<Rejected, DecodeError> {
    let mut rejected = Rejected::default();
    list::all_or_nothing(Format::OtlpProto, batch, |batch| {
        protobuf::read_request(ProtoReader::new(bytes), &mut Sink::new(batch, &mut rejected))
    })?;
    Ok(rejected)
}

/// Does the same for a request in JSON. No bytes are a request without spans, as in protocol buffers.
pub fn decode_json(bytes: &[u8], batch: &mut Batch) -> Result<Rejected, DecodeError> {
    let mut rejected = Rejected::default();
    if bytes.is_empty() {
        return Ok(rejected);
    }
    list::all_or_nothing(Format::OtlpJson, batch, |batch| {
        let text = crate::text::text(bytes);
        json::read_request(&mut JsonReader::new(&text), &mut Sink::new(batch, &mut rejected))
    })?;
    Ok(rejected)
}

/// Where spans go.
struct Sink<'s> {
    batch: &'s mut Batch,
    rejected: &'s mut Rejected,
    bytes_before: usize,
    /// Bytes of attributes of resources and scopes, counted again for each span that has them.
    repeated_bytes: usize,
}

impl<'s> Sink<'s> {
    fn new(batch: &'s mut Batch, rejected: &'s mut Rejected) -> Self {
        let bytes_before = batch.as_bytes().len();
        Self { batch, rejected, bytes_before, repeated_bytes: 0 }
    }

    fn reject(&mut self, why: &'static str) {
        if self.rejected.spans == 0 {
            self.rejected.why = why;
        }
        self.rejected.spans += 1;
    }

    /// Counts what a span repeats, whether it is kept or not: each repetition costs time, and memory for as long as the
    /// span is read.
    fn repeat(&mut self, bytes: usize) -> Read<()> {
        self.repeated_bytes += bytes;
        if self.repeated_bytes > GROWN_BYTES_MAX {
            return Err(Box::new(Fault::Outgrown { bytes_max: GROWN_BYTES_MAX }));
        }
        Ok(())
    }

    fn push(&mut self, draft: &mut model::draft::Draft<'_>) -> Read<()> {
        draft.push_into(self.batch)?;
        if self.batch.as_bytes().len() - self.bytes_before > GROWN_BYTES_MAX {
            return Err(Box::new(Fault::Outgrown { bytes_max: GROWN_BYTES_MAX }));
        }
        Ok(())
    }
}
