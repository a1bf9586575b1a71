//! Reads a caller's trace context from headers and writes ours for the callee, in the formats that are configured.

use std::sync::Arc;

use model::id::{SpanId, TraceId};
use wire::b3::{self, Extracted};
use wire::{b3_single, traceparent};

use crate::config::ConfigError;
use crate::context::TraceContext;

/// One way to write a trace context in headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// B3 in the header `b3`. Both kinds of B3 are read, whichever is configured; the single header wins.
    B3,
    /// B3 in headers `X-B3-*`.
    B3Multi,
    /// W3C `traceparent` and `tracestate`.
    TraceContext,
    /// W3C `baggage`: the application's, passed on unread.
    Baggage,
}

impl Format {
    /// All formats, under OpenTelemetry's names for them (OTEL_PROPAGATORS).
    pub const ALL: [(&'static str, Self); 4] = [
        ("b3", Self::B3),
        ("b3multi", Self::B3Multi),
        ("tracecontext", Self::TraceContext),
        ("baggage", Self::Baggage),
    ];
}

/// Formats in order: the first with ids is believed, and all are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propagation(Vec<Format>);

impl Default for Propagation {
    fn default() -> Self {
        Self(vec![Format::B3Multi, Format::TraceContext, Format::Baggage])
    }
}

/// What the headers of a request say about its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nothing that can be believed.
    Absent,
    /// No ids, but a decision for the trace that starts here.
    Decision {
        /// Whether to record. Always true with `debug`.
        sampled: bool,
        /// Whether the trace must be kept whatever any sampler says.
        debug: bool,
    },
    /// A call by B3: client and server halves may share a span id.
    Call(b3::Context),
    /// The parent of a span that is the server's own.
    Parent(traceparent::Parent),
}

impl From<Extracted> for Caller {
    fn from(extracted: Extracted) -> Self {
        match extracted {
            Extracted::Absent | Extracted::Invalid => Self::Absent,
            Extracted::Decision { sampled, debug } => Self::Decision { sampled, debug },
            Extracted::Context(context) => Self::Call(context),
        }
    }
}

impl Caller {
    fn ids(&self) -> Option<(TraceId, SpanId)> {
        match self {
            Self::Absent | Self::Decision { .. } => None,
            Self::Call(context) => Some((context.trace_id, context.span_id)),
            Self::Parent(parent) => Some((parent.trace_id, parent.span_id)),
        }
    }
}

/// What others add to a trace, passed on as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Of the tracers on the way.
    pub tracestate: Option<String>,
    /// Of the application.
    pub baggage: Option<String>,
}

/// What came with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Who calls.
    pub caller: Caller,
    /// What is passed on.
    pub carried: Option<Arc<Carried>>,
}

impl Propagation {
    /// Reads names of formats, separated by commas; `none` is no format.
    pub fn parse(names: &str) -> Result<Self, ConfigError> {
        let mut formats = Vec::new();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none");
        for name in names {
            let known = Format::ALL.into_iter().find(|(known, _)| *known == name);
            let (_, format) = known.ok_or_else(|| ConfigError::Propagation(name.to_owned()))?;
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        Ok(Self(formats))
    }

    /// Reads the headers of a request; `get` returns the value of a header. Bad headers are as good as none.
    pub fn extract<V: AsRef<str>>(&self, get: impl Fn(&'static str) -> Option<V>) -> Incoming {
        let mut caller = Caller::Absent;
        let mut parent = None;
        let mut reads_b3 = true;
        for format in &self.0 {
            let found = match format {
                Format::B3 | Format::B3Multi if reads_b3 => {
                    reads_b3 = false;
                    extract_b3(&get)
                }
                Format::TraceContext => {
                    parent =
                        get(traceparent::TRACEPARENT).and_then(|value| traceparent::extract(value.as_ref()));
                    parent.map_or(Caller::Absent, Caller::Parent)
                }
                Format::B3 | Format::B3Multi | Format::Baggage => continue,
            };
            let better = match found {
                Caller::Absent => false,
                Caller::Decision { .. } => caller == Caller::Absent,
                Caller::Call(_) | Caller::Parent(_) => caller.ids().is_none(),
            };
            if better {
                caller = found;
            }
        }
        // The state of another trace than the one that goes on means nothing.
        let same_trace = parent.filter(|parent| caller.ids().is_some_and(|(id, _)| id == parent.trace_id));
        let text = |name, passes: fn(&str) -> bool| {
            get(name).filter(|value| passes(value.as_ref())).map(|value| value.as_ref().to_owned())
        };
        let tracestate =
            same_trace.and_then(|_| text(traceparent::TRACESTATE, traceparent::passes_tracestate));
        let carries_baggage = self.0.contains(&Format::Baggage);
        let baggage = match carries_baggage {
            true => text(traceparent::BAGGAGE, traceparent::passes_baggage),
            false => None,
        };
        let carried = Carried { tracestate, baggage };
        Incoming { caller, carried: (carried != Carried::default()).then(|| Arc::new(carried)) }
    }

    /// Writes the headers of a call made by the span at this place.
    pub fn inject(
        &self,
        context: &TraceContext,
        carried: Option<&Carried>,
        mut put: impl FnMut(&'static str, &str),
    ) {
        for format in &self.0 {
            match format {
                Format::B3 => put(b3_single::B3, &b3_single::inject(&context.as_b3())),
                Format::B3Multi => {
                    b3::inject(&context.as_b3()).iter().for_each(|(name, value)| put(name, value));
                }
                Format::TraceContext => {
                    let TraceContext { trace_id, span_id, sampled, .. } = *context;
                    let parent = traceparent::Parent { trace_id, span_id, sampled };
                    put(traceparent::TRACEPARENT, &traceparent::inject(&parent));
                    if let Some(tracestate) = carried.and_then(|carried| carried.tracestate.as_deref()) {
                        put(traceparent::TRACESTATE, tracestate);
                    }
                }
                Format::Baggage => {
                    if let Some(baggage) = carried.and_then(|carried| carried.baggage.as_deref()) {
                        put(traceparent::BAGGAGE, baggage);
                    }
                }
            }
        }
    }

    /// Says whether a header, in whatever case, is one that a forwarding application must not pass on itself: what
    /// it says is no longer true for the next call. Baggage stays true.
    pub fn replaces(&self, name: &[u8]) -> bool {
        let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
        let b3 = self.0.iter().any(|format| matches!(format, Format::B3 | Format::B3Multi));
        let b3_names = [b3_single::B3, b3::TRACE_ID, b3::SPAN_ID, b3::PARENT_SPAN_ID, b3::SAMPLED, b3::FLAGS];
        (b3 && b3_names.into_iter().any(is))
            || (self.0.contains(&Format::TraceContext)
                && [traceparent::TRACEPARENT, traceparent::TRACESTATE].into_iter().any(is))
    }
}

fn extract_b3<V: AsRef<str>>(get: impl Fn(&'static str) -> Option<V>) -> Caller {
    match get(b3_single::B3).map_or(Extracted::Absent, |value| b3_single::extract(value.as_ref())) {
        Extracted::Absent | Extracted::Invalid => b3::extract(get).into(),
        found => found.into(),
    }
}
