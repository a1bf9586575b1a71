//! What becomes of a span, its resource and its scope in Zipkin.
//!
//! Rules: OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation" and "Transformation to non-OTLP
//! Formats". Where they are silent (resource attributes, trace state, links) the names are those of the OpenTelemetry
//! Collector's Zipkin exporter, so that spans look the same whichever way they came.

use std::borrow::Cow;
use std::net::IpAddr;

use model::draft::{Draft, java_order, sort_tags};
use model::endpoint::EndpointRef;
use model::id::{SpanId, TraceId};
use model::span::Kind;

use super::value::Members;
use super::{Read, Sink};

/// The specification's default resource has this name, for programs that were given none.
const UNKNOWN_SERVICE: &str = "unknown_service";

type Tag<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What all spans of a resource share.
#[derive(Default)]
pub(super) struct Resource<'a> {
    service_name: Cow<'a, str>,
    tags: Vec<Tag<'a>>,
}

/// What all spans of an instrumentation scope share.
#[derive(Default)]
pub(super) struct Scope<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) version: Cow<'a, str>,
    tags: Vec<Tag<'a>>,
}

/// What all spans of a scope share: what its resource says, and the scope.
pub(super) struct Shared<'r> {
    service_name: &'r str,
    /// In the order of keys, each once.
    tags: Vec<Tag<'r>>,
    bytes: usize,
}

/// A span as it is read.
pub(super) struct OtlpSpan<'a> {
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) parent_id: Parent,
    pub(super) kind: u64,
    pub(super) name: Cow<'a, str>,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) trace_state: Cow<'a, str>,
    pub(super) status_code: u64,
    pub(super) status_message: Cow<'a, str>,
    pub(super) dropped_attributes: u64,
    pub(super) dropped_events: u64,
    pub(super) dropped_links: u64,
    links: usize,
    /// Its tags are the span's own until it is finished.
    draft: Draft<'a>,
    /// Memory for the tags of own and shared together.
    merged: Vec<Tag<'a>>,
}

/// The span that caused this one, if its sender wrote that well.
#[derive(Clone, Copy)]
pub(super) enum Parent {
    None,
    Id(SpanId),
    Invalid,
}

/// Something that happened within a span, as it is read.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) time_ns: u64,
    pub(super) name: Cow<'a, str>,
    pub(super) attributes: Members,
    pub(super) dropped: u64,
}

/// Another span that this one has to do with, as it is read. Ids are hexadecimal.
#[derive(Default)]
pub(super) struct Link<'a> {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) trace_state: Cow<'a, str>,
    pub(super) attributes: Members,
    pub(super) dropped: u64,
}

impl<'a> Resource<'a> {
    pub(super) fn attribute(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        match &*key {
            "service.name" => self.service_name = value,
            _ => push_tag(&mut self.tags, key, value),
        }
    }
}

impl<'a> Scope<'a> {
    pub(super) fn attribute(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        push_tag(&mut self.tags, key, value);
    }

    /// Returns what the spans of this scope have in common. The `otel.library` tags are older names of the same, which
    /// the specification wants too.
    pub(super) fn with<'r>(&'r self, resource: &'r Resource<'_>) -> Shared<'r> {
        let borrowed = |(key, value): &'r Tag<'_>| (Cow::Borrowed(&**key), Cow::Borrowed(&**value));
        let mut tags: Vec<Tag<'r>> = resource.tags.iter().chain(&self.tags).map(borrowed).collect();
        for (keys, value) in [
            (["otel.scope.name", "otel.library.name"], &self.name),
            (["otel.scope.version", "otel.library.version"], &self.version),
        ] {
            if !value.is_empty() {
                tags.extend(keys.map(|key| (key.into(), Cow::Borrowed(&**value))));
            }
        }
        sort_tags(&mut tags);
        let bytes = tags.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
        let service_name = match &*resource.service_name {
            "" => UNKNOWN_SERVICE,
            name => name,
        };
        Shared { service_name, tags, bytes }
    }
}

/// The specification wants keys to have text; one without has nothing to be found by.
fn push_tag<'a>(tags: &mut Vec<Tag<'a>>, key: Cow<'a, str>, value: Cow<'a, str>) {
    if !key.is_empty() {
        tags.push((key, value));
    }
}

impl<'a> OtlpSpan<'a> {
    pub(super) fn new() -> Self {
        Self {
            trace_id: None,
            span_id: None,
            parent_id: Parent::None,
            kind: 0,
            name: Cow::Borrowed(""),
            start_ns: 0,
            end_ns: 0,
            trace_state: Cow::Borrowed(""),
            status_code: 0,
            status_message: Cow::Borrowed(""),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            links: 0,
            draft: Draft::new(TraceId::MIN, SpanId::MIN),
            merged: Vec::new(),
        }
    }

    /// Makes it a span of which nothing is known, keeping its memory.
    pub(super) fn clear(&mut self) {
        let mut draft = std::mem::replace(&mut self.draft, Draft::new(TraceId::MIN, SpanId::MIN));
        draft.clear(TraceId::MIN, SpanId::MIN);
        *self = Self { draft, merged: std::mem::take(&mut self.merged), ..Self::new() };
    }

    pub(super) fn attribute(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        push_tag(&mut self.draft.tags, key, value);
    }

    pub(super) fn event(&mut self, mut event: Event<'a>) {
        event.attributes.dropped(event.dropped);
        let value = match event.attributes.is_empty() {
            true => event.name,
            false => {
                let mut out = String::new();
                crate::json_v2::push_text(&mut out, &event.name);
                out.push_str(": {");
                out.push_str(event.attributes.as_str());
                out.push('}');
                Cow::Owned(out)
            }
        };
        self.draft.annotations.push((event.time_ns / 1000, value));
    }

    pub(super) fn link(&mut self, link: Link<'a>) {
        let Link { trace_id, span_id, trace_state, attributes, dropped } = link;
        let value = format!("{trace_id}|{span_id}|{trace_state}|{{{}}}|{dropped}", attributes.as_str());
        self.draft.tags.push((format!("otlp.link.{}", self.links).into(), value.into()));
        self.links += 1;
    }

    /// Hands the span over, or counts it as rejected.
    pub(super) fn finish(&mut self, shared: &'a Shared<'_>, sink: &mut Sink<'_>) -> Read<()> {
        sink.repeat(shared.bytes)?;
        let (Some(trace_id), Some(id)) = (self.trace_id, self.span_id) else {
            let why = match self.trace_id {
                None => "a trace id has to be 16 bytes (32 hexadecimal digits in JSON), not all zeros",
                Some(_) => "a span id has to be 8 bytes (16 hexadecimal digits in JSON), not all zeros",
            };
            sink.reject(why);
            return Ok(());
        };
        self.draft.parent_id = match self.parent_id {
            Parent::None => None,
            Parent::Id(id) => Some(id),
            Parent::Invalid => {
                sink.reject("a parent span id has to be empty or 8 bytes (16 hexadecimal digits in JSON)");
                return Ok(());
            }
        };
        (self.draft.trace_id, self.draft.id) = (trace_id, id);
        self.draft.kind = match self.kind {
            2 => Some(Kind::Server),
            3 => Some(Kind::Client),
            4 => Some(Kind::Producer),
            5 => Some(Kind::Consumer),
            _ => None,
        };
        self.draft.name = Some(std::mem::take(&mut self.name));
        self.draft.timestamp_us = self.start_ns / 1000;
        self.draft.duration_us = duration_us(self.start_ns, self.end_ns);
        self.draft.local_endpoint.service_name = Some(Cow::Borrowed(shared.service_name));
        self.endpoints();
        self.status();
        self.counts();
        self.share(&shared.tags);
        sink.push(&mut self.draft)
    }

    fn endpoints(&mut self) {
        let own = &self.draft.tags;
        let mut best = Best::default();
        for (at, (key, value)) in own.iter().enumerate() {
            best.see(at, key, value);
        }
        let calls = matches!(self.draft.kind, Some(Kind::Client | Kind::Producer));
        // Of the names only the first is meant for the other kinds too: the rest would be the span's own side.
        let name = best.name.filter(|(rank, _)| calls || *rank == 1).and_then(|(_, at)| own.get(at));
        if let Some((_, name)) = name {
            let mut remote = EndpointRef { service_name: Some(name.clone()), ..EndpointRef::default() };
            if calls {
                best.peer_ip.into_iter().for_each(|(_, ip)| remote.set_ip(ip));
                remote.port = best.peer_port.map(|(_, port)| port);
            }
            self.draft.remote_endpoint = remote;
        }
        best.local_ip.into_iter().for_each(|(_, ip)| self.draft.local_endpoint.set_ip(ip));
        self.draft.local_endpoint.port = best.local_port.map(|(_, port)| port);
    }

    fn status(&mut self) {
        let own_error = self.draft.tags.iter().rposition(|(key, _)| key == "error");
        let says_false = |tags: &[Tag<'_>], index: usize| tags.get(index).is_some_and(|(_, v)| v == "false");
        let false_error = own_error.filter(|index| says_false(&self.draft.tags, *index));
        // Zipkin takes a span with this tag for failed, whatever its value.
        if let Some(index) = false_error {
            self.draft.tags.remove(index);
        }
        match self.status_code {
            1 => self.draft.tags.push(("otel.status_code".into(), "OK".into())),
            2 => {
                self.draft.tags.push(("otel.status_code".into(), "ERROR".into()));
                let message = std::mem::take(&mut self.status_message);
                // A sender that says more in its own tag than in the status keeps it.
                if !message.is_empty() || own_error.is_none() || false_error.is_some() {
                    self.draft.tags.push(("error".into(), message));
                }
            }
            _ => {}
        }
    }

    fn counts(&mut self) {
        for (key, count) in [
            ("otel.dropped_attributes_count", self.dropped_attributes),
            ("otel.dropped_events_count", self.dropped_events),
            ("otel.dropped_links_count", self.dropped_links),
        ] {
            if count > 0 {
                self.draft.tags.push((key.into(), count.to_string().into()));
            }
        }
        if !self.trace_state.is_empty() {
            self.draft.tags.push(("w3c.tracestate".into(), std::mem::take(&mut self.trace_state)));
        }
    }

    /// Adds the tags that the span shares with others; of equal keys its own holds. Both sides are in order, which is
    /// far less work than to sort them together.
    fn share(&mut self, shared: &'a [Tag<'_>]) {
        let borrowed = |(key, value): &'a Tag<'_>| (Cow::Borrowed(&**key), Cow::Borrowed(&**value));
        sort_tags(&mut self.draft.tags);
        let mut shared = shared.iter().peekable();
        for tag in self.draft.tags.drain(..) {
            while let Some(before) = shared.next_if(|(key, _)| java_order(key, &tag.0).is_lt()) {
                self.merged.push(borrowed(before));
            }
            shared.next_if(|(key, _)| *key == tag.0);
            self.merged.push(tag);
        }
        self.merged.extend(shared.map(borrowed));
        std::mem::swap(&mut self.draft.tags, &mut self.merged);
    }
}

/// Returns a port; zero is none.
fn port(value: &str) -> Option<u16> {
    value.parse().ok().filter(|port| *port > 0)
}

/// Returns whole microseconds. Zipkin has no duration of zero: what has ended took at least one.
fn duration_us(start_ns: u64, end_ns: u64) -> u64 {
    if start_ns == 0 || end_ns < start_ns {
        return 0;
    }
    ((end_ns - start_ns) / 1000).max(1)
}

/// The best of each that attributes say about the two ends of a call; lower ranks are better.
#[derive(Default)]
struct Best {
    /// At which of the attributes the name is.
    name: Option<(u8, usize)>,
    peer_ip: Option<(u8, IpAddr)>,
    peer_port: Option<(u8, u16)>,
    local_ip: Option<(u8, IpAddr)>,
    local_port: Option<(u8, u16)>,
}

impl Best {
    /// Names are ranked as the specification has them. Addresses and ports are those of the socket before those that
    /// were asked for.
    fn see(&mut self, at: usize, key: &str, value: &str) {
        // Nearly all attributes are about something else.
        if !matches!(key.as_bytes().first(), Some(b'p' | b's' | b'n' | b'd')) || value.is_empty() {
            return;
        }
        let (name_rank, ip_rank) = match key {
            "peer.service" => (1, 0),
            "server.address" => (2, 4),
            "net.peer.name" => (3, 5),
            "network.peer.address" => (4, 1),
            "server.socket.domain" => (5, 0),
            "server.socket.address" => (6, 2),
            "net.sock.peer.name" => (7, 0),
            "net.sock.peer.addr" => (8, 3),
            "peer.hostname" => (9, 0),
            "peer.address" => (10, 0),
            "db.name" => (11, 0),
            "network.peer.port" => return better(&mut self.peer_port, 1, port(value)),
            "server.socket.port" => return better(&mut self.peer_port, 2, port(value)),
            "net.sock.peer.port" => return better(&mut self.peer_port, 3, port(value)),
            "server.port" => return better(&mut self.peer_port, 4, port(value)),
            "net.peer.port" => return better(&mut self.peer_port, 5, port(value)),
            "network.local.address" => return better(&mut self.local_ip, 1, value.parse().ok()),
            "network.local.port" => return better(&mut self.local_port, 1, port(value)),
            _ => return,
        };
        better(&mut self.name, name_rank, Some(at));
        if ip_rank > 0 {
            better(&mut self.peer_ip, ip_rank, value.parse().ok());
        }
    }
}

/// Keeps the value of the lower rank; of equal ones the later, as with tags.
fn better<T>(best: &mut Option<(u8, T)>, rank: u8, value: Option<T>) {
    if let Some(value) = value
        && best.as_ref().is_none_or(|(known, _)| rank <= *known)
    {
        *best = Some((rank, value));
    }
}
