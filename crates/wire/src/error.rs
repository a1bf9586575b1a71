//! Why bytes are no spans, in the words that Zipkin uses.

use std::fmt;

use model::batch::BatchFull;
use model::id::{SpanId, TraceId};

use crate::detect::Format;

/// Why a list of spans was turned away; nothing of it was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The first byte is none that a list of spans starts with.
    // Zipkin ends these two messages with a new line: openzipkin/zipkin `ZipkinHttpCollector`.
    #[error("Expected a {0} encoded list\n")]
    NotAList(Format),
    /// The list is in another format than the door takes.
    #[error("Expected a {expected} encoded list, but received: {received}\n")]
    OtherFormat {
        /// What the door takes.
        expected: Format,
        /// What came.
        received: Format,
    },
    /// Bytes that no message in any format starts with.
    #[error("Could not detect the span format")]
    UnknownFormat,
    /// The sender's fault: these bytes are no spans.
    #[error("{what} reading List<Span> from {}{}", format.source_name(), format.place(*at))]
    Malformed {
        /// In which format.
        format: Format,
        /// How many spans of the list were whole.
        spans_before: usize,
        /// At which byte of the input.
        at: usize,
        /// What is wrong there.
        what: String,
    },
    /// The sender's fault: values within values, more of them than anybody needs.
    #[error("{what} reading List<Span> from {}", format.source_name())]
    TooDeep {
        /// In which format.
        format: Format,
        /// At which byte of the input.
        at: usize,
        /// How deep it may be.
        what: String,
    },
    /// More spans than one batch may hold.
    #[error(transparent)]
    TooLarge(#[from] BatchFull),
    /// Spans that repeat what they share, and so are far larger than the message.
    #[error(
        "spans with the attributes of their resource are larger than {bytes_max} bytes; send smaller batches"
    )]
    Outgrown {
        /// Most bytes that the spans of one message may have.
        bytes_max: usize,
    },
}

/// What is wrong at one byte of the input. Boxed in results, so that the good way stays in registers.
#[derive(Debug)]
pub(crate) enum Fault {
    Bad { at: usize, what: String },
    Deep { at: usize, what: String },
    Full(BatchFull),
    Outgrown { bytes_max: usize },
}

/// What the readers of one format return.
pub(crate) type Read<T> = Result<T, Box<Fault>>;

impl Fault {
    #[cold]
    pub(crate) fn new(at: usize, what: impl Into<String>) -> Box<Self> {
        Box::new(Self::Bad { at, what: what.into() })
    }

    #[cold]
    pub(crate) fn deep(at: usize, what: impl Into<String>) -> Box<Self> {
        Box::new(Self::Deep { at, what: what.into() })
    }

    #[cold]
    pub(crate) fn into_error(self, format: Format, spans_before: usize) -> DecodeError {
        match self {
            Self::Bad { at, what } => DecodeError::Malformed { format, spans_before, at, what },
            Self::Deep { at, what } => DecodeError::TooDeep { format, at, what },
            Self::Full(full) => DecodeError::TooLarge(full),
            Self::Outgrown { bytes_max } => DecodeError::Outgrown { bytes_max },
        }
    }
}

impl From<BatchFull> for Box<Fault> {
    #[cold]
    fn from(full: BatchFull) -> Self {
        Box::new(Fault::Full(full))
    }
}

/// Says which ids a span lacks.
#[cold]
pub(crate) fn missing_ids(trace_id: Option<TraceId>, id: Option<SpanId>) -> String {
    let names = [(trace_id.is_none(), " traceId"), (id.is_none(), " id")];
    let names = names.into_iter().filter_map(|(missing, name)| missing.then_some(name));
    std::iter::once("Missing :").chain(names).collect()
}

/// Shows at most the first 64 characters of what a sender wrote.
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(64) {
            Some((end, _)) => write!(f, "{}...", self.0.get(..end).unwrap_or_default()),
            None => f.write_str(self.0),
        }
    }
}
