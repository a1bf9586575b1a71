//! Tells the format of a list of spans by its bytes, with Zipkin's rules.
//!
//! Rules: openzipkin/zipkin `zipkin2.SpanBytesDecoderDetector` and `ZipkinHttpCollector.testForUnexpectedFormat`.

use std::fmt;

use memchr::memmem;

use crate::error::DecodeError;

/// A format that lists of spans come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON with annotations and binaryAnnotations.
    JsonV1,
    /// JSON with tags, localEndpoint and remoteEndpoint.
    JsonV2,
    /// zipkinCore.thrift in TBinaryProtocol.
    Thrift,
    /// zipkin.proto.
    Proto3,
    /// OTLP's ExportTraceServiceRequest in protocol buffers.
    OtlpProto,
    /// The same in JSON.
    OtlpJson,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JsonV1 => "JSON_V1",
            Self::JsonV2 => "JSON_V2",
            Self::Thrift => "THRIFT",
            Self::Proto3 => "PROTO3",
            Self::OtlpProto => "OTLP_PROTO",
            Self::OtlpJson => "OTLP_JSON",
        })
    }
}

impl Format {
    /// Returns the encoding's name as it ends Zipkin's error messages.
    pub(crate) fn source_name(self) -> &'static str {
        match self {
            Self::JsonV1 | Self::JsonV2 => "json",
            Self::Thrift => "TBinary",
            Self::Proto3 => "proto3",
            Self::OtlpProto => "OTLP proto3",
            Self::OtlpJson => "OTLP json",
        }
    }

    /// Returns the place of a fault as it ends our own messages; Zipkin's end without.
    pub(crate) fn place(self, at: usize) -> String {
        match self {
            Self::JsonV1 | Self::JsonV2 | Self::Thrift | Self::Proto3 => String::new(),
            Self::OtlpProto | Self::OtlpJson => format!(" at byte {at}"),
        }
    }
}

/// Returns the format of a message whose door does not say it, as from a broker.
///
/// A v2 JSON list without endpoints and tags counts as v1, as it does upstream: the two forms are then the same.
pub fn detect(bytes: &[u8]) -> Result<Format, DecodeError> {
    match bytes {
        [10, second, ..] if *second != 0 => Ok(Format::Proto3),
        // The first byte is a thrift type.
        [0..=16, ..] => Ok(Format::Thrift),
        [b'[' | b'{', ..] => Ok(if contains_v2_field(bytes) { Format::JsonV2 } else { Format::JsonV1 }),
        _ => Err(DecodeError::UnknownFormat),
    }
}

/// Refuses what starts as no list of spans does, and one JSON form where the other is expected.
pub(crate) fn check(expected: Format, bytes: &[u8]) -> Result<(), DecodeError> {
    // Any of the lists will do at this door; the reader of the expected format refuses the others. A new line
    // before JSON gets through this way, because it looks like proto3.
    match bytes {
        [10, second, ..] if *second != 0 => {}
        [b'[' | 12 | 11, ..] => {}
        _ => return Err(DecodeError::NotAList(expected)),
    }
    let received = match expected {
        Format::JsonV2 if memmem::find(bytes, b"yAnnotations\"").is_some() => Format::JsonV1,
        Format::JsonV1 if contains_v2_field(bytes) => Format::JsonV2,
        _ => return Ok(()),
    };
    Err(DecodeError::OtherFormat { expected, received })
}

fn contains_v2_field(bytes: &[u8]) -> bool {
    memmem::find(bytes, b"Endpoint\"").is_some() || memmem::find(bytes, b"\"tags\"").is_some()
}
