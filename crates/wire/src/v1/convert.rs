//! Turns one v1 span into the v2 spans it stands for: one for each service that took part.
//!
//! Rules: openzipkin/zipkin `zipkin2.v1.V1SpanConverter`, in its order of steps, since later ones overwrite.

use model::batch::Batch;
use model::draft::Draft;
use model::endpoint::EndpointRef;
use model::id::{SpanId, TraceId};
use model::span::Kind;

use super::{V1Annotation, V1Span};
use crate::error::{Fault, Read};

/// Most services that one v1 span may name. A real one names two; finding the span of a service is a linear search.
const SERVICES_MAX: usize = 256;

/// Most bytes that the name of one v1 span may have in all the spans that it becomes after the first one. It stands in
/// the message once, so a small message could grow to gigabytes.
const NAMES_BYTES_MAX: usize = 16 * 1024;

/// The v2 spans of the v1 span at hand. Kept from span to span for its memory.
pub(crate) struct Converter<'a> {
    first: Draft<'a>,
    /// The first `forks` ones count.
    rest: Vec<Draft<'a>>,
    forks: usize,
    too_many_services: bool,
}

/// An annotation that stands for one end of a call: a time at an endpoint.
#[derive(Clone, Copy)]
pub(super) struct Core<'s, 'a> {
    pub(super) at_us: i64,
    pub(super) endpoint: &'s EndpointRef<'a>,
}

/// The core annotations of a span, named as in zipkinCore.thrift: client send and receive, server receive and send,
/// message send and receive, wire send and receive.
#[derive(Clone, Copy, Default)]
pub(super) struct Cores<'s, 'a> {
    pub(super) cs: Option<Core<'s, 'a>>,
    pub(super) cr: Option<Core<'s, 'a>>,
    pub(super) sr: Option<Core<'s, 'a>>,
    pub(super) ss: Option<Core<'s, 'a>>,
    pub(super) ms: Option<Core<'s, 'a>>,
    pub(super) mr: Option<Core<'s, 'a>>,
    pub(super) ws: Option<Core<'s, 'a>>,
    pub(super) wr: Option<Core<'s, 'a>>,
}

impl<'a> Converter<'a> {
    pub(crate) fn new() -> Self {
        let first = Draft::new(TraceId::MIN, SpanId::MIN);
        Self { first, rest: Vec::new(), forks: 0, too_many_services: false }
    }

    /// Appends what a v1 span stands for to a batch; `at` is where its bytes end. After a fault some of it may be there.
    pub(crate) fn convert(&mut self, span: &mut V1Span<'a>, at: usize, batch: &mut Batch) -> Read<()> {
        // The order decides which endpoint is seen first, and which of two like events or tags holds.
        span.annotations.sort_by(|a, b| (a.timestamp_us, &a.value).cmp(&(b.timestamp_us, &b.value)));
        span.binary_annotations.sort_by(|a, b| a.key.cmp(&b.key));
        let span = &*span;
        let trace_id = TraceId::from_halves(span.trace_id_high, span.trace_id).filter(|_| span.trace_id != 0);
        let trace_id = trace_id.ok_or_else(|| Fault::new(at, "traceId == 0"))?;
        let id = SpanId::new(span.id).ok_or_else(|| Fault::new(at, "id == 0"))?;
        self.forks = 0;
        self.too_many_services = false;
        start(&mut self.first, span, trace_id, id);
        let cores = self.place_annotations(span);
        let cores = self.time(span, cores);
        self.place_binary_annotations(span, &cores);
        if self.too_many_services {
            return Err(Fault::new(at, format!("A span of more than {SERVICES_MAX} services")));
        }
        if self.forks * span.name.as_ref().map_or(0, |name| name.len()) > NAMES_BYTES_MAX {
            return Err(Fault::new(at, format!("A name too long for a span of {} services", self.forks + 1)));
        }
        for draft in self.drafts() {
            draft.push_into(batch)?;
        }
        Ok(())
    }

    /// Gives each annotation to the span of its service, and takes out those that tell the ends of a call.
    fn place_annotations<'s>(&mut self, span: &'s V1Span<'a>) -> Cores<'s, 'a> {
        let mut cores = Cores::default();
        for annotation in &span.annotations {
            let place = self.place(span, annotation.endpoint.as_ref());
            // Without an endpoint nobody knows whose end of the call it is: then it is an annotation like any other.
            let core = annotation.endpoint.as_ref().and_then(|endpoint| {
                let (core, kind) = cores.of(&annotation.value)?;
                *core = Some(Core { at_us: annotation.timestamp_us, endpoint });
                Some(kind)
            });
            match core {
                Some(Some(kind)) => self.draft(place).kind = Some(kind),
                Some(None) => {}
                None => self.annotate(place, annotation),
            }
        }
        cores
    }

    fn annotate(&mut self, place: usize, annotation: &V1Annotation<'a>) {
        let time_us = us(annotation.timestamp_us);
        self.draft(place).annotations.push((time_us, annotation.value.clone()));
    }

    /// Returns the place of the span for an endpoint's service. What names no endpoint goes to the first span; the
    /// first endpoint seen becomes the first span's.
    pub(super) fn place(&mut self, span: &V1Span<'a>, endpoint: Option<&EndpointRef<'a>>) -> usize {
        let Some(endpoint) = endpoint else { return 0 };
        if self.first.local_endpoint.is_empty() {
            self.first.local_endpoint = endpoint.clone();
            return 0;
        }
        let place = self.drafts().position(|draft| same_service(&draft.local_endpoint, endpoint));
        place.unwrap_or_else(|| self.fork(span, endpoint))
    }

    /// Adds a span for an endpoint and returns its place.
    pub(super) fn fork(&mut self, span: &V1Span<'a>, endpoint: &EndpointRef<'a>) -> usize {
        if self.forks + 1 == SERVICES_MAX {
            self.too_many_services = true;
            return 0;
        }
        let (trace_id, id) = (self.first.trace_id, self.first.id);
        if self.forks == self.rest.len() {
            self.rest.push(Draft::new(trace_id, id));
        }
        self.forks += 1;
        let place = self.forks;
        let draft = self.draft(place);
        start(draft, span, trace_id, id);
        draft.local_endpoint = endpoint.clone();
        place
    }

    /// Returns the span at a place that [`place`](Self::place) or [`fork`](Self::fork) gave.
    pub(super) fn draft(&mut self, place: usize) -> &mut Draft<'a> {
        match place.checked_sub(1).and_then(|fork| self.rest.get_mut(fork)) {
            Some(fork) => fork,
            None => &mut self.first,
        }
    }

    /// Returns the spans in the order of their places.
    pub(super) fn drafts(&mut self) -> impl Iterator<Item = &mut Draft<'a>> {
        std::iter::once(&mut self.first).chain(self.rest.iter_mut().take(self.forks))
    }
}

/// Makes it a span with what all spans of one v1 span share.
fn start<'a>(draft: &mut Draft<'a>, span: &V1Span<'a>, trace_id: TraceId, id: SpanId) {
    draft.clear(trace_id, id);
    draft.parent_id = SpanId::new(span.parent_id);
    draft.name = span.name.clone();
    draft.debug = span.debug;
}

impl<'s, 'a> Cores<'s, 'a> {
    /// Returns where a core annotation of this value is kept, and the kind it gives its span.
    fn of(&mut self, value: &str) -> Option<(&mut Option<Core<'s, 'a>>, Option<Kind>)> {
        Some(match value {
            "cs" => (&mut self.cs, Some(Kind::Client)),
            "cr" => (&mut self.cr, Some(Kind::Client)),
            "sr" => (&mut self.sr, Some(Kind::Server)),
            "ss" => (&mut self.ss, Some(Kind::Server)),
            "ms" => (&mut self.ms, Some(Kind::Producer)),
            "mr" => (&mut self.mr, Some(Kind::Consumer)),
            "ws" => (&mut self.ws, None),
            "wr" => (&mut self.wr, None),
            _ => return None,
        })
    }
}

/// Returns a time as v2 has it: a negative one counts as zero.
pub(super) fn us(time_us: i64) -> u64 {
    u64::try_from(time_us).unwrap_or(0)
}

/// Says whether two endpoints name the same service, or both none. Names are compared as v2 keeps them, lower-cased.
pub(super) fn same_service(a: &EndpointRef<'_>, b: &EndpointRef<'_>) -> bool {
    match (a.service_name.as_deref(), b.service_name.as_deref()) {
        (Some(a), Some(b)) if a.is_ascii() && b.is_ascii() => a.eq_ignore_ascii_case(b),
        (Some(a), Some(b)) => {
            a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
        }
        (a, b) => a == b,
    }
}
