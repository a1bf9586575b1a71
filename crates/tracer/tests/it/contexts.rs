//! Who decides, who joins whom, and what is passed on.

use std::collections::HashMap;

use tracer::b3::{self, Extracted};
use tracer::{Config, Propagation, SpanId, TraceContext, Tracer};

use crate::sink::{config, local};

fn at_rate(sampling_rate: f64) -> Tracer {
    Tracer::new(Config { sampling_rate, ..config(1) })
}

/// Reads headers as a server does.
fn headers(headers: &[(&str, &str)]) -> Extracted {
    b3::extract(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
}

fn written(context: &TraceContext) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    let b3 = Propagation::parse("b3multi").unwrap();
    b3.inject(context, None, |name, value| drop(headers.insert(name.to_owned(), value.to_owned())));
    headers
}

#[test]
fn a_root_span_has_the_lower_half_of_its_trace_id() {
    for trace_id_128 in [false, true] {
        let tracer = Tracer::new(Config { trace_id_128, ..config(1) });
        let context = tracer.join_or_start(Extracted::Absent);
        assert_eq!(context.trace_id.low(), context.span_id.get());
        assert_eq!(context.trace_id.high() != 0, trace_id_128);
        assert_eq!((context.parent_id, context.shared, context.debug), (None, false, false));
        assert_eq!(written(&context)[b3::TRACE_ID].len(), if trace_id_128 { 32 } else { 16 });
    }
}

#[test]
fn the_caller_s_span_is_joined_with_its_decision() {
    let ids = [(b3::TRACE_ID, "463AC35C9F6413AD48485A3953BB6124"), (b3::SPAN_ID, "a2fb4a1d1a96d312")];
    for (decision, rate, sampled, debug) in [
        (None, 1.0, true, false),
        (None, 0.0, false, false),
        (Some((b3::SAMPLED, "1")), 0.0, true, false),
        (Some((b3::SAMPLED, "0")), 1.0, false, false),
        (Some((b3::FLAGS, "1")), 0.0, true, true),
    ] {
        let all: Vec<_> = ids.into_iter().chain([(b3::PARENT_SPAN_ID, "7")]).chain(decision).collect();
        let context = at_rate(rate).join_or_start(headers(&all));
        assert_eq!(context.trace_id.to_string(), "463ac35c9f6413ad48485a3953bb6124");
        assert_eq!(context.span_id.to_string(), "a2fb4a1d1a96d312");
        assert_eq!(context.parent_id, SpanId::new(7));
        assert!(context.shared);
        assert_eq!((context.sampled, context.debug), (sampled, debug), "{decision:?} at rate {rate}");
    }
}

#[test]
fn bad_headers_start_a_new_trace_with_our_own_decision() {
    for bad in [
        &[(b3::TRACE_ID, "zzz"), (b3::SPAN_ID, "1")][..],
        &[(b3::TRACE_ID, "1")],
        &[(b3::TRACE_ID, "1"), (b3::SPAN_ID, "1"), (b3::SAMPLED, "maybe")],
    ] {
        let context = at_rate(1.0).join_or_start(headers(bad));
        assert!(context.sampled && !context.shared, "{bad:?}");
        assert_ne!(context.trace_id.get(), 1);
    }
}

#[test]
fn a_decision_without_ids_holds_for_the_trace_that_starts() {
    let context = at_rate(1.0).join_or_start(headers(&[(b3::SAMPLED, "0")]));
    assert!(!context.sampled && !context.shared);
    let context = at_rate(0.0).join_or_start(headers(&[(b3::FLAGS, "1")]));
    assert!(context.sampled && context.debug && !context.shared);
}

#[test]
fn children_inherit_all_but_their_id() {
    let tracer = at_rate(1.0);
    let all = [(b3::TRACE_ID, "1f"), (b3::SPAN_ID, "2"), (b3::PARENT_SPAN_ID, "3"), (b3::FLAGS, "1")];
    let parent = tracer.join_or_start(headers(&all));
    let child = tracer.child(&parent);
    assert_ne!(child.span_id, parent.span_id);
    assert_eq!(
        child,
        TraceContext { span_id: child.span_id, parent_id: SpanId::new(2), shared: false, ..parent }
    );
    let written = written(&child);
    assert_eq!(written[b3::TRACE_ID], "000000000000001f");
    assert_eq!(written[b3::SPAN_ID], child.span_id.to_string());
    assert_eq!(written[b3::PARENT_SPAN_ID], "0000000000000002");
    assert_eq!(written[b3::FLAGS], "1");
    assert_eq!(written.len(), 4);
}

#[test]
fn unsampled_requests_are_passed_on_and_keep_no_span() {
    let tracer = at_rate(0.0);
    let context = tracer.join_or_start(Extracted::Absent);
    assert!(tracer.start(context, None, "work", &local()).is_none());
    assert_eq!(written(&tracer.child(&context))[b3::SAMPLED], "0");
}

#[test]
fn the_sampler_keeps_its_share() {
    let tracer = at_rate(0.1);
    let kept = (0..20_000).filter(|_| tracer.join_or_start(Extracted::Absent).sampled).count();
    assert!((1700..2300).contains(&kept), "{kept} of 20000 at rate 0.1");
}
