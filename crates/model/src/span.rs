//! A span in Zipkin's v2 form, owning its text.

use crate::endpoint::Endpoint;
use crate::id::{SpanId, TraceId};

/// What part the recording service played in the call. None of them: a local span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Sent a request.
    Client = 1,
    /// Answered a request.
    Server = 2,
    /// Sent a message to a broker.
    Producer = 3,
    /// Took a message from a broker.
    Consumer = 4,
}

impl Kind {
    /// All kinds, in the order of their numbers in zipkin.proto.
    pub const ALL: [Self; 4] = [Self::Client, Self::Server, Self::Producer, Self::Consumer];

    /// Returns the kind with this number in zipkin.proto; 0 and unknown numbers are no kind.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Returns the kind with this upper-case name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "CLIENT",
            Self::Server => "SERVER",
            Self::Producer => "PRODUCER",
            Self::Consumer => "CONSUMER",
        }
    }
}

/// Something that happened at an instant within a span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Annotation {
    /// Microseconds since the epoch.
    pub timestamp_us: u64,
    /// What happened.
    pub value: String,
}

/// One side of one operation, in normal form (see [`crate::draft::Draft::push_into`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id; both halves of a B3 call have the same.
    pub id: SpanId,
    /// The span that caused this one. Never equal to `id`.
    pub parent_id: Option<SpanId>,
    /// Its side of the call.
    pub kind: Option<Kind>,
    /// Lower-cased; never empty.
    pub name: Option<String>,
    /// Start, microseconds since the epoch; never zero.
    pub timestamp_us: Option<u64>,
    /// Microseconds; never zero.
    pub duration_us: Option<u64>,
    /// Who recorded it.
    pub local_endpoint: Option<Endpoint>,
    /// Who was at the other end.
    pub remote_endpoint: Option<Endpoint>,
    /// Sorted by time, then value; no duplicates.
    pub annotations: Vec<Annotation>,
    /// Sorted by key; keys are unique.
    pub tags: Vec<(String, String)>,
    /// Must be kept whatever the sampler says.
    pub debug: bool,
    /// The server half of a span id that the client made.
    pub shared: bool,
}

impl Span {
    /// Returns a span with ids only.
    pub fn new(trace_id: TraceId, id: SpanId) -> Self {
        Self {
            trace_id,
            id,
            parent_id: None,
            kind: None,
            name: None,
            timestamp_us: None,
            duration_us: None,
            local_endpoint: None,
            remote_endpoint: None,
            annotations: Vec::new(),
            tags: Vec::new(),
            debug: false,
            shared: false,
        }
    }

    /// Returns the name of the service that recorded it.
    pub fn local_service(&self) -> Option<&str> {
        self.local_endpoint.as_ref()?.service_name.as_deref()
    }

    /// Returns the name of the service at the other end.
    pub fn remote_service(&self) -> Option<&str> {
        self.remote_endpoint.as_ref()?.service_name.as_deref()
    }

    /// Returns the value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Returns about how much memory it takes.
    pub fn memory_bytes(&self) -> usize {
        let name = |endpoint: &Option<Endpoint>| endpoint.as_ref().map_or(0, Endpoint::text_bytes);
        let annotations = self.annotations.iter().map(|it| size_of::<Annotation>() + it.value.len());
        let tags =
            self.tags.iter().map(|(key, value)| size_of::<(String, String)>() + key.len() + value.len());
        size_of::<Self>()
            + self.name.as_ref().map_or(0, String::len)
            + name(&self.local_endpoint)
            + name(&self.remote_endpoint)
            + annotations.chain(tags).sum::<usize>()
    }
}
