//! Spans in Zipkin's v1 form, where everything hangs on annotations, and what they become in v2.

mod addresses;
mod convert;
mod timing;

use std::borrow::Cow;

use model::endpoint::EndpointRef;

pub(crate) use convert::Converter;

/// A v1 span as its reader found it; text is borrowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct V1Span<'a> {
    /// The upper half of the trace id, zero for a 64-bit id.
    pub(crate) trace_id_high: u64,
    /// The lower half of the trace id; zero is refused.
    pub(crate) trace_id: u64,
    /// Zero is refused.
    pub(crate) id: u64,
    /// Zero means none.
    pub(crate) parent_id: u64,
    /// Any case; empty means none.
    pub(crate) name: Option<Cow<'a, str>>,
    /// Zero means none.
    pub(crate) timestamp_us: i64,
    /// Zero means none.
    pub(crate) duration_us: i64,
    /// In the order they came.
    pub(crate) annotations: Vec<V1Annotation<'a>>,
    /// In the order they came.
    pub(crate) binary_annotations: Vec<V1BinaryAnnotation<'a>>,
    /// Must be kept whatever the sampler says.
    pub(crate) debug: bool,
}

/// An event of a v1 span, such as `cs` for client send.
#[derive(Clone, Debug)]
pub(crate) struct V1Annotation<'a> {
    /// Microseconds since the epoch.
    pub(crate) timestamp_us: i64,
    /// What happened.
    pub(crate) value: Cow<'a, str>,
    /// Who recorded it; never an empty one.
    pub(crate) endpoint: Option<EndpointRef<'a>>,
}

/// A tag of a v1 span, or the address of its other side.
#[derive(Clone, Debug)]
pub(crate) struct V1BinaryAnnotation<'a> {
    /// `sa`, `ca` or `ma` for an address.
    pub(crate) key: Cow<'a, str>,
    /// Nothing for an address.
    pub(crate) value: Option<Cow<'a, str>>,
    /// Who recorded it, or the address; never an empty one.
    pub(crate) endpoint: Option<EndpointRef<'a>>,
}

impl V1Span<'_> {
    /// Empties it, keeping its memory.
    pub(crate) fn clear(&mut self) {
        let (mut annotations, mut binary_annotations) =
            (std::mem::take(&mut self.annotations), std::mem::take(&mut self.binary_annotations));
        annotations.clear();
        binary_annotations.clear();
        *self = Self { annotations, binary_annotations, ..Self::default() };
    }
}
