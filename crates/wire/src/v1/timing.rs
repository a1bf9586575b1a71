//! Works out kind, timestamp, duration and the shared flag from the ends of a call.

use std::borrow::Cow;

use model::span::Kind;

use super::V1Span;
use super::convert::{Converter, Core, Cores, same_service, us};

impl<'a> Converter<'a> {
    /// Times the spans, and returns the core annotations with those that had to be inferred.
    pub(super) fn time<'s>(&mut self, span: &'s V1Span<'a>, found: Cores<'s, 'a>) -> Cores<'s, 'a> {
        let mut cores = found;
        // A tracer that knows only span times has no start event: it is where the span starts, if it ends right.
        let start = |end: Option<Core<'s, 'a>>| {
            let end = end.filter(|end| {
                span.timestamp_us != 0
                    && span.duration_us != 0
                    && span.timestamp_us.checked_add(span.duration_us) == Some(end.at_us)
            })?;
            Some(Core { at_us: span.timestamp_us, endpoint: end.endpoint })
        };
        cores.cs = cores.cs.or_else(|| start(cores.cr));
        cores.sr = cores.sr.or_else(|| start(cores.ss));
        self.time_rpc(span, &cores);
        self.time_messaging(span, &cores);
        cores
    }

    fn time_rpc(&mut self, span: &V1Span<'a>, cores: &Cores<'_, 'a>) {
        match (cores.cs, cores.cr, cores.sr, cores.ss) {
            (Some(cs), cr, Some(sr), ss) => {
                // The client's end owns the span's own times.
                self.set_times(span, cs, cr);
                let client = self.place(span, Some(cs.endpoint));
                let server = self.other_side(span, (cs, Kind::Client), (sr, Kind::Server));
                let draft = self.draft(server);
                draft.shared = true;
                draft.timestamp_us = us(sr.at_us);
                if let Some(ss) = ss {
                    draft.duration_us = between(sr, ss);
                }
                // One way: nobody waited for an answer.
                if cr.is_none() && span.duration_us == 0 {
                    self.draft(client).duration_us = 0;
                }
            }
            (Some(cs), Some(cr), None, _) => self.set_times(span, cs, Some(cr)),
            (None, _, Some(sr), Some(ss)) => self.set_times(span, sr, Some(ss)),
            _ => self.time_incomplete_rpc(span, cores),
        }
        // v1 has no shared flag. A server that did not start the span leaves its times to the client.
        if let (None, Some(sr)) = (cores.cs, cores.sr)
            && (span.timestamp_us == 0 || (cores.ss.is_some() && span.duration_us == 0))
        {
            let server = self.place(span, Some(sr.endpoint));
            self.draft(server).shared = true;
        }
    }

    /// Half a call: what starts it gives the time, what ends it stays an annotation.
    fn time_incomplete_rpc(&mut self, span: &V1Span<'a>, cores: &Cores<'_, 'a>) {
        for draft in self.drafts() {
            let (start, end, name) = match draft.kind {
                Some(Kind::Client) => (cores.cs, cores.cr, "cr"),
                Some(Kind::Server) => (cores.sr, cores.ss, "ss"),
                _ => continue,
            };
            if let Some(start) = start {
                draft.timestamp_us = us(start.at_us);
            }
            if let Some(end) = end {
                draft.annotations.push((us(end.at_us), Cow::Borrowed(name)));
            }
        }
        if span.timestamp_us != 0 {
            let first = self.draft(0);
            first.timestamp_us = us(span.timestamp_us);
            first.duration_us = us(span.duration_us);
        }
    }

    fn time_messaging(&mut self, span: &V1Span<'a>, cores: &Cores<'_, 'a>) {
        match (cores.ms, cores.mr) {
            (Some(ms), Some(mr)) => {
                let producer = self.place(span, Some(ms.endpoint));
                let consumer = self.other_side(span, (ms, Kind::Producer), (mr, Kind::Consumer));
                let draft = self.draft(consumer);
                draft.shared = true;
                draft.timestamp_us = us(cores.wr.unwrap_or(mr).at_us);
                if let Some(wr) = cores.wr {
                    draft.duration_us = between(wr, mr);
                }
                let draft = self.draft(producer);
                draft.timestamp_us = us(ms.at_us);
                draft.duration_us = cores.ws.map_or(0, |ws| between(ms, ws));
            }
            (Some(ms), None) => self.set_times(span, ms, cores.ws),
            (None, Some(mr)) => match cores.wr {
                Some(wr) => self.set_times(span, wr, Some(mr)),
                None => self.set_times(span, mr, None),
            },
            (None, None) => {
                for (core, name) in [(cores.ws, "ws"), (cores.wr, "wr")] {
                    if let Some(core) = core {
                        let place = self.place(span, Some(core.endpoint));
                        self.draft(place).annotations.push((us(core.at_us), Cow::Borrowed(name)));
                    }
                }
            }
        }
    }

    /// Returns the place of the second end of a call. A service that calls itself gets a span of its own for it.
    fn other_side(
        &mut self,
        span: &V1Span<'a>,
        one: (Core<'_, 'a>, Kind),
        other: (Core<'_, 'a>, Kind),
    ) -> usize {
        if !same_service(one.0.endpoint, other.0.endpoint) {
            return self.place(span, Some(other.0.endpoint));
        }
        let place = self.place(span, Some(one.0.endpoint));
        self.draft(place).kind = Some(one.1);
        let place = self.fork(span, other.0.endpoint);
        self.draft(place).kind = Some(other.1);
        place
    }

    /// Times the span of an event by the v1 span's own times when it has both, or else by the events.
    fn set_times(&mut self, span: &V1Span<'a>, begin: Core<'_, 'a>, end: Option<Core<'_, 'a>>) {
        let place = self.place(span, Some(begin.endpoint));
        let draft = self.draft(place);
        if span.timestamp_us != 0 && span.duration_us != 0 {
            draft.timestamp_us = us(span.timestamp_us);
            draft.duration_us = us(span.duration_us);
            return;
        }
        draft.timestamp_us = us(begin.at_us);
        if let Some(end) = end {
            draft.duration_us = between(begin, end);
        }
    }
}

fn between(begin: Core<'_, '_>, end: Core<'_, '_>) -> u64 {
    us(end.at_us.saturating_sub(begin.at_us))
}
