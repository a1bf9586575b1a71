//! B3 headers, both ways.

use model::id::{SpanId, TraceId};
use proptest::prelude::*;
use wire::b3::{Context, Extracted, FLAGS, PARENT_SPAN_ID, SAMPLED, SPAN_ID, TRACE_ID, extract, inject};

/// Writes headers as `trace:span:parent:sampled:flags`, where nothing stands for no header.
fn read(text: &str) -> Extracted {
    let values: Vec<_> = text.split(':').collect();
    let names = [TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SAMPLED, FLAGS];
    extract(|name| {
        let at = names.iter().position(|known| *known == name)?;
        values.get(at).copied().filter(|value| *value != "-")
    })
}

/// What was read, as `trace:span:parent:sampled:debug`.
fn summary(text: &str) -> String {
    let word = |decision: Option<bool>| decision.map_or("-".into(), |sampled| sampled.to_string());
    match read(text) {
        Extracted::Absent => "absent".into(),
        Extracted::Invalid => "invalid".into(),
        Extracted::Decision { sampled, debug } => format!("decision {sampled} {debug}"),
        Extracted::Context(found) => {
            let parent = found.parent_id.map_or("-".into(), |id| id.get().to_string());
            let (trace, span) = (found.trace_id.get(), found.span_id.get());
            format!("{trace}:{span}:{parent}:{}:{}", word(found.sampled), found.debug)
        }
    }
}

#[test]
fn headers_are_read_by_the_rules() {
    for (headers, expected) in [
        ("-:-:-:-:-", "absent"),
        ("::::", "absent"),
        ("-:-:-:1:-", "decision true false"),
        ("-:-:-:0:-", "decision false false"),
        ("-:-:-:-:1", "decision true true"),
        ("-:-:-:-:0", "absent"),
        // A span without its trace.
        ("-:1:-:-:-", "absent"),
        ("10:a:-:-:-", "16:10:-:-:false"),
        ("10:a:b:1:-", "16:10:11:true:false"),
        ("10:A:B:0:-", "16:10:11:false:false"),
        ("10:a:-:true:-", "16:10:-:true:false"),
        ("10:a:-:False:-", "16:10:-:false:false"),
        ("10:a:-:d:-", "16:10:-:true:true"),
        ("10:a:-:-:1", "16:10:-:true:true"),
        // Debug wins over a decision that says otherwise.
        ("10:a:-:0:1", "16:10:-:true:true"),
        // Flags other than debug say nothing.
        ("10:a:-:-:4", "16:10:-:-:false"),
        ("10:a:-:-:x", "16:10:-:-:false"),
        // The root, as old tracers mark it.
        ("a:a:a:1:-", "10:10:-:true:false"),
        ("a:a:0:1:-", "10:10:-:true:false"),
        ("a:a::1:-", "10:10:-:true:false"),
        ("ffffffffffffffff:8000000000000000:-:-:-", "18446744073709551615:9223372036854775808:-:-:false"),
        ("00000000000000010000000000000000:1:-:-:-", "18446744073709551616:1:-:-:false"),
        ("ffffffffffffffffffffffffffffffff:1:-:-:-", "340282366920938463463374607431768211455:1:-:-:false"),
    ] {
        assert_eq!(summary(headers), expected, "{headers}");
    }
}

#[test]
fn bad_headers_are_invalid() {
    for headers in [
        "zzz:1:-:1:-",
        "0:1:-:1:-",
        "00000000000000000000000000000000:1:-:1:-",
        "1:0:-:1:-",
        "1:-:-:1:-",
        "1::-:1:-",
        "1:zzz:-:1:-",
        "1:1:zzz:1:-",
        "0x1:1:-:1:-",
        " 1:1:-:1:-",
        // A header sent twice, as WSGI joins them.
        "1,1:1:-:1:-",
        "1:1:-:1,1:-",
        "1:1:-:2:-",
        "1:1:-:yes:-",
        "-:-:-:maybe:-",
        "\u{ff11}:1:-:1:-",
        "111111111111111111111111111111111:1:-:1:-",
        "1:11111111111111111:-:1:-",
        "1:1:11111111111111111:1:-",
    ] {
        assert_eq!(read(headers), Extracted::Invalid, "{headers}");
    }
}

fn written(context: &Context) -> Vec<(String, String)> {
    inject(context).iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn contexts_are_written_with_as_few_headers_as_needed() {
    let mut context = Context {
        trace_id: TraceId::new(0xff).unwrap(),
        span_id: SpanId::new(u64::MAX).unwrap(),
        parent_id: None,
        sampled: None,
        debug: false,
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let ids = [header(TRACE_ID, "00000000000000ff"), header(SPAN_ID, "ffffffffffffffff")];
    assert_eq!(written(&context), ids);
    context.sampled = Some(false);
    assert_eq!(written(&context), [&ids[..], &[header(SAMPLED, "0")]].concat());
    context.parent_id = SpanId::new(1);
    context.sampled = Some(true);
    let parent = header(PARENT_SPAN_ID, "0000000000000001");
    assert_eq!(written(&context), [&ids[..], &[parent.clone(), header(SAMPLED, "1")]].concat());
    context.debug = true;
    assert_eq!(written(&context), [&ids[..], &[parent, header(FLAGS, "1")]].concat());
    context.trace_id = TraceId::new(1 << 127 | 1).unwrap();
    assert_eq!(written(&context)[0], header(TRACE_ID, "80000000000000000000000000000001"));
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace in 1u128.., span in 1u64.., parent: u64, sampled: Option<bool>, debug: bool) {
        let context = Context {
            trace_id: TraceId::new(trace).unwrap(),
            span_id: SpanId::new(span).unwrap(),
            parent_id: SpanId::new(parent).filter(|parent| parent.get() != span),
            sampled: if debug { Some(true) } else { sampled },
            debug,
        };
        let headers = written(&context);
        let found = extract(|name| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value));
        prop_assert_eq!(found, Extracted::Context(context));
    }

    #[test]
    fn anything_can_be_read(values in prop::collection::vec(prop::option::of(".{0,40}"), 5)) {
        let names = [TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SAMPLED, FLAGS];
        extract(|name| values[names.iter().position(|known| *known == name).unwrap()].as_deref());
    }
}
