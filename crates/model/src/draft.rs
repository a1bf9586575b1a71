//! A span being decoded: text still borrowed from the input, brought into normal form when it is pushed.

use std::borrow::Cow;

use crate::batch::{Batch, BatchFull};
use crate::endpoint::EndpointRef;
use crate::id::{SpanId, TraceId};
use crate::span::{Kind, Span};

/// What a decoder has read of one span. Decoders keep one, push it, and [`clear`](Draft::clear) it for the next.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The span that caused this one; dropped when equal to `id`.
    pub parent_id: Option<SpanId>,
    /// Its side of the call.
    pub kind: Option<Kind>,
    /// Any case; empty means none.
    pub name: Option<Cow<'a, str>>,
    /// Start, microseconds since the epoch; zero means none.
    pub timestamp_us: u64,
    /// Microseconds; zero means none.
    pub duration_us: u64,
    /// Who recorded it; an empty one means none.
    pub local_endpoint: EndpointRef<'a>,
    /// Who was at the other end; an empty one means none.
    pub remote_endpoint: EndpointRef<'a>,
    /// Time in microseconds and value, in any order.
    pub annotations: Vec<(u64, Cow<'a, str>)>,
    /// Key and value in any order; of equal keys the last one holds.
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Must be kept whatever the sampler says.
    pub debug: bool,
    /// The server half of a span id that the client made; dropped on client spans.
    pub shared: bool,
}

impl<'a> Draft<'a> {
    /// Returns a draft with ids only.
    pub fn new(trace_id: TraceId, id: SpanId) -> Self {
        Self {
            trace_id,
            id,
            parent_id: None,
            kind: None,
            name: None,
            timestamp_us: 0,
            duration_us: 0,
            local_endpoint: EndpointRef::default(),
            remote_endpoint: EndpointRef::default(),
            annotations: Vec::new(),
            tags: Vec::new(),
            debug: false,
            shared: false,
        }
    }

    /// Makes it a draft with these ids and nothing else, keeping its memory.
    pub fn clear(&mut self, trace_id: TraceId, id: SpanId) {
        let (mut annotations, mut tags) =
            (std::mem::take(&mut self.annotations), std::mem::take(&mut self.tags));
        annotations.clear();
        tags.clear();
        *self = Self { annotations, tags, ..Self::new(trace_id, id) };
    }

    /// Borrows a finished span as a draft.
    pub fn from_span(span: &'a Span) -> Self {
        let endpoint =
            |end: &'a Option<crate::endpoint::Endpoint>| end.as_ref().map(|e| e.as_ref()).unwrap_or_default();
        Self {
            parent_id: span.parent_id,
            kind: span.kind,
            name: span.name.as_deref().map(Cow::Borrowed),
            timestamp_us: span.timestamp_us.unwrap_or(0),
            duration_us: span.duration_us.unwrap_or(0),
            local_endpoint: endpoint(&span.local_endpoint),
            remote_endpoint: endpoint(&span.remote_endpoint),
            annotations: span.annotations.iter().map(|a| (a.timestamp_us, a.value.as_str().into())).collect(),
            tags: span.tags.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect(),
            debug: span.debug,
            shared: span.shared,
            ..Self::new(span.trace_id, span.id)
        }
    }

    /// Brings it into Zipkin's normal form and appends it to a batch.
    ///
    /// Normal form (openzipkin/zipkin `zipkin2.Span.Builder`): names lower-cased, empty text absent, no parent
    /// equal to the id, no `shared` on client spans, annotations sorted by time and value without
    /// duplicates, tags sorted by key with the last value.
    pub fn push_into(&mut self, batch: &mut Batch) -> Result<(), BatchFull> {
        self.normalize();
        batch.push(self)
    }

    /// Brings it into normal form in place.
    pub fn normalize(&mut self) {
        self.parent_id = self.parent_id.filter(|parent| *parent != self.id);
        self.shared &= self.kind != Some(Kind::Client);
        lower(&mut self.name);
        lower(&mut self.local_endpoint.service_name);
        lower(&mut self.remote_endpoint.service_name);
        if self.annotations.len() > 1 {
            self.annotations.sort();
            self.annotations.dedup();
        }
        sort_tags(&mut self.tags);
    }
}

/// Sorts tags by key; of equal keys the last one holds.
pub fn sort_tags<T: AsRef<str>>(tags: &mut Vec<(T, T)>) {
    if !tags.windows(2).all(|pair| java_order(pair[0].0.as_ref(), pair[1].0.as_ref()).is_lt()) {
        // Stable, so that of equal keys the last one stays last; keep that one.
        tags.sort_by(|a, b| java_order(a.0.as_ref(), b.0.as_ref()));
        tags.dedup_by(|later, earlier| {
            let same = later.0.as_ref() == earlier.0.as_ref();
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }
}

/// Compares as `java.lang.String.compareTo` does, by UTF-16 units: the order of tags in Zipkin's answers.
pub fn java_order(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

fn lower(text: &mut Option<Cow<'_, str>>) {
    match text {
        Some(found) if found.is_empty() => *text = None,
        Some(found) if found.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) => {
            *text = Some(Cow::Owned(found.to_lowercase()));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_form() {
        let (trace, id) = (TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        let mut draft = Draft::new(trace, id);
        draft.parent_id = Some(id);
        draft.kind = Some(Kind::Client);
        draft.shared = true;
        draft.name = Some("GET À".into());
        draft.local_endpoint.service_name = Some("".into());
        draft.annotations = vec![(2, "b".into()), (1, "z".into()), (2, "a".into()), (2, "b".into())];
        draft.tags = vec![("b".into(), "1".into()), ("a".into(), "2".into()), ("b".into(), "3".into())];
        draft.normalize();
        assert_eq!(draft.parent_id, None);
        assert!(!draft.shared);
        assert_eq!(draft.name.as_deref(), Some("get à"));
        assert_eq!(draft.local_endpoint.service_name, None);
        assert_eq!(draft.annotations, [(1, "z".into()), (2, "a".into()), (2, "b".into())]);
        assert_eq!(draft.tags, [("a".into(), "2".into()), ("b".into(), "3".into())]);
    }
}
