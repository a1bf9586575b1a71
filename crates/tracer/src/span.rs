//! A span while it is being recorded: plain data, bounded.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use model::draft::Draft;
use model::endpoint::Endpoint;
use model::span::Kind;

use crate::clock::now_us;
use crate::context::TraceContext;

/// Most annotations a span keeps: an application that logs a lot is cut here.
const ANNOTATIONS_MAX: usize = 256;
/// Most tags a span keeps.
const TAGS_MAX: usize = 128;
/// Longest text that is kept whole.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// Most bytes of text a span keeps.
const SPAN_BYTES_MAX: usize = 64 << 10;
/// What a span takes apart from its text, roughly.
const SPAN_BYTES_FIXED: usize = 400;
/// What an annotation or tag takes apart from its text, roughly: with its endpoint, as it is sent.
const ENTRY_BYTES_FIXED: usize = 64;
/// How much of an error is kept in a span that is full.
const ERROR_BYTES_KEPT: usize = 1 << 10;

/// A span between start and finish. Dropping it without [`Tracer::finish`](crate::Tracer::finish) records nothing.
#[derive(Clone, Debug)]
pub struct ActiveSpan {
    context: TraceContext,
    kind: Option<Kind>,
    name: Cow<'static, str>,
    timestamp_us: u64,
    started: Instant,
    duration_us: Option<u64>,
    local: Arc<Endpoint>,
    remote: Option<Endpoint>,
    annotations: Vec<(u64, String)>,
    tags: Vec<(Cow<'static, str>, String)>,
    text_bytes: usize,
    discarded: u32,
}

impl ActiveSpan {
    pub(crate) fn new(
        context: TraceContext,
        kind: Option<Kind>,
        name: impl Into<Cow<'static, str>>,
        local: &Arc<Endpoint>,
    ) -> Self {
        let mut span = Self {
            context,
            kind,
            name: Cow::Borrowed(""),
            timestamp_us: now_us(),
            started: Instant::now(),
            duration_us: None,
            local: Arc::clone(local),
            remote: None,
            annotations: Vec::new(),
            tags: Vec::new(),
            text_bytes: 0,
            discarded: 0,
        };
        span.set_name(name);
        span
    }

    /// Returns the place of this span in its trace.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Returns the time on this span's clock, which never runs backwards: the start plus what has passed since.
    pub fn now_us(&self) -> u64 {
        self.timestamp_us + self.started.elapsed().as_micros() as u64
    }

    /// Returns its side of the call.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the annotations: times in microseconds since the epoch, and texts.
    pub fn annotations(&self) -> &[(u64, String)] {
        &self.annotations
    }

    /// Returns the tags, in no order.
    pub fn tags(&self) -> &[(Cow<'static, str>, String)] {
        &self.tags
    }

    /// Moves the start to a time in microseconds since the epoch, for spans that were timed elsewhere.
    pub fn start_at(&mut self, timestamp_us: u64) {
        self.timestamp_us = timestamp_us;
    }

    /// Sets the name; Zipkin lower-cases it.
    pub fn set_name(&mut self, name: impl Into<Cow<'static, str>>) {
        let name = name.into();
        self.text_bytes -= self.name.len();
        self.name = Cow::Borrowed("");
        self.name = self.keep(name).unwrap_or_default();
    }

    /// Sets who recorded the span.
    pub fn set_local(&mut self, local: &Arc<Endpoint>) {
        self.local = Arc::clone(local);
    }

    /// Sets who was at the other end.
    pub fn set_remote(&mut self, remote: Endpoint) {
        self.remote = Some(remote);
    }

    /// Adds something that happened, at a time in microseconds since the epoch (see [`now_us`](Self::now_us)).
    pub fn annotate(&mut self, timestamp_us: u64, text: impl Into<String>) {
        if self.annotations.len() >= ANNOTATIONS_MAX {
            self.discarded += 1;
        } else if let Some(text) = self.keep(Cow::Owned(text.into())) {
            self.annotations.push((timestamp_us, text.into_owned()));
        }
    }

    /// Sets a tag; the last value of a key holds.
    pub fn tag(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let key = key.into();
        self.remove_tag(&key);
        if self.tags.len() >= TAGS_MAX {
            self.discarded += 1;
            return;
        }
        let Some(key) = self.keep(key) else { return };
        match self.keep(Cow::Owned(value.into())) {
            Some(value) => self.tags.push((key, value.into_owned())),
            None => self.text_bytes -= key.len(),
        }
    }

    /// Marks the span as failed: the tag `error`, which is kept in a full span too, if only in part.
    pub fn set_error(&mut self, text: impl Into<String>) {
        const KEY: &str = "error";
        let mut text = text.into();
        self.remove_tag(KEY);
        let room = SPAN_BYTES_MAX.saturating_sub(self.text_bytes + KEY.len());
        let kept = cut(&text, room.clamp(ERROR_BYTES_KEPT, TEXT_BYTES_MAX)).len();
        self.discarded += u32::from(kept < text.len());
        text.truncate(kept);
        self.text_bytes += KEY.len() + kept;
        self.tags.push((Cow::Borrowed(KEY), text));
    }

    /// Ends the span at a time in microseconds since the epoch. Otherwise it ends when it is handed over.
    pub fn finish_at(&mut self, timestamp_us: u64) {
        self.duration_us = Some(timestamp_us.saturating_sub(self.timestamp_us));
    }

    fn remove_tag(&mut self, key: &str) {
        if let Some(at) = self.tags.iter().position(|(known, _)| known == key) {
            let (key, value) = self.tags.swap_remove(at);
            self.text_bytes -= key.len() + value.len();
        }
    }

    /// Returns the text when there is room for it, cut to what a text may have.
    fn keep(&mut self, text: Cow<'static, str>) -> Option<Cow<'static, str>> {
        let kept = cut(&text, TEXT_BYTES_MAX).len();
        if kept < text.len() {
            self.discarded += 1;
        }
        if self.text_bytes + kept > SPAN_BYTES_MAX {
            self.discarded += u32::from(kept == text.len());
            return None;
        }
        self.text_bytes += kept;
        match text {
            Cow::Borrowed(text) => Some(Cow::Borrowed(cut(text, kept))),
            Cow::Owned(mut text) => {
                text.truncate(kept);
                Some(Cow::Owned(text))
            }
        }
    }

    /// Fixes the duration. A span shorter than a microsecond has one: zero would mean none.
    pub(crate) fn end(&mut self) {
        let duration_us = self.duration_us.unwrap_or_else(|| self.started.elapsed().as_micros() as u64);
        self.duration_us = Some(duration_us.max(1));
    }

    /// Returns about how many bytes it takes, in memory and sent.
    pub(crate) fn bytes(&self) -> usize {
        let entries = self.annotations.len() + self.tags.len();
        SPAN_BYTES_FIXED + ENTRY_BYTES_FIXED * entries + self.text_bytes
    }

    /// Returns how many annotations and tags did not fit.
    pub(crate) fn discarded(&self) -> u32 {
        self.discarded
    }

    /// Returns the span as the encoders take it.
    pub(crate) fn draft(&self) -> Draft<'_> {
        Draft {
            parent_id: self.context.parent_id,
            kind: self.kind,
            name: Some(Cow::Borrowed(&self.name)),
            timestamp_us: self.timestamp_us,
            duration_us: self.duration_us.unwrap_or(0),
            local_endpoint: self.local.as_ref().as_ref(),
            remote_endpoint: self.remote.as_ref().map(Endpoint::as_ref).unwrap_or_default(),
            annotations: self.annotations.iter().map(|(at, text)| (*at, text.as_str().into())).collect(),
            tags: self.tags.iter().map(|(key, value)| (key.as_ref().into(), value.as_str().into())).collect(),
            debug: self.context.debug,
            shared: self.context.shared && self.kind == Some(Kind::Server),
            ..Draft::new(self.context.trace_id, self.context.span_id)
        }
    }
}

/// Returns as much of the text as fits, in whole characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
