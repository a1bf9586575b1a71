//! The single B3 header, both ways.

use model::id::{SpanId, TraceId};
use proptest::prelude::*;
use wire::b3::{Context, Extracted};
use wire::b3_single::{extract, inject};

fn summary(value: &str) -> String {
    match extract(value) {
        Extracted::Absent => "absent".into(),
        Extracted::Invalid => "invalid".into(),
        Extracted::Decision { sampled, debug } => format!("decision {sampled} {debug}"),
        Extracted::Context(found) => {
            let parent = found.parent_id.map_or("-".into(), |id| id.to_string());
            let sampled = found.sampled.map_or("-".into(), |sampled| sampled.to_string());
            format!("{} {} {parent} {sampled} {}", found.trace_id, found.span_id, found.debug)
        }
    }
}

#[test]
fn values_are_read_by_the_rules() {
    const LONG: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const A: &str = "e457b5a2e4d86bd1";
    const B: &str = "05e3ac9a4f6e3b90";
    for (value, expected) in [
        (String::new(), "absent".to_owned()),
        ("0".into(), "decision false false".into()),
        ("1".into(), "decision true false".into()),
        ("d".into(), "decision true true".into()),
        ("true".into(), "invalid".into()),
        (format!("{LONG}-{A}"), format!("{LONG} {A} - - false")),
        (format!("{LONG}-{A}-1"), format!("{LONG} {A} - true false")),
        (format!("{LONG}-{A}-0-{B}"), format!("{LONG} {A} {B} false false")),
        (format!("{LONG}-{A}-d-{B}"), format!("{LONG} {A} {B} true true")),
        (format!("{LONG}-{A}-{B}"), format!("{LONG} {A} {B} - false")),
        (format!("{B}-{A}-1-{A}"), format!("{B} {A} - true false")),
        (format!("{LONG}-"), "invalid".into()),
        (format!("-{A}"), "invalid".into()),
        (format!("{LONG}-{A}-2"), "invalid".into()),
        (format!("{LONG}-{A}-1-{B}-x"), "invalid".into()),
        (format!("{LONG}-{A}-1-"), "invalid".into()),
        (format!("{LONG}0-{A}"), "invalid".into()),
        (format!("{}-{A}", "0".repeat(32)), "invalid".into()),
        (format!("{LONG}-{}", "0".repeat(16)), "invalid".into()),
        (format!("{LONG}-{A}é"), "invalid".into()),
    ] {
        assert_eq!(summary(&value), expected, "{value}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace: u128, span: u64, parent: u64, sampled: Option<bool>, debug: bool) {
        prop_assume!(trace != 0 && span != 0 && parent != span);
        let context = Context {
            trace_id: TraceId::new(trace).unwrap(),
            span_id: SpanId::new(span).unwrap(),
            parent_id: SpanId::new(parent),
            sampled: if debug { Some(true) } else { sampled },
            debug,
        };
        prop_assert_eq!(extract(&inject(&context)), Extracted::Context(context));
    }

    #[test]
    fn no_text_does_harm(value in "\\PC*") {
        extract(&value);
    }

    #[test]
    fn nearly_right_text_does_no_harm(value in "[0-9a-fA-F]{0,33}(-[0-9a-fd]{0,17}){0,5}") {
        if let Extracted::Context(found) = extract(&value) {
            prop_assert_eq!(extract(&inject(&found)), Extracted::Context(found));
        }
    }
}
