//! The kit runs all of its cases.

/// A case that the macro does not name would never run.
#[test]
fn every_case_is_named_in_the_macro() {
    let source = |path: &str| {
        std::fs::read_to_string(format!("{}/src/{path}", env!("CARGO_MANIFEST_DIR"))).expect(path)
    };
    let kit = source("lib.rs");
    let mut cases = 0;
    let modules = source("cases.rs");
    let topics = modules.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for topic in topics {
        let start = kit.find(&format!(" {topic} (")).unwrap_or_else(|| panic!("{topic} is not in the macro"));
        let named = kit[start..].split('}').next().unwrap_or_default();
        for line in source(&format!("cases/{topic}.rs")).lines() {
            if let Some(case) = line.strip_prefix("pub async fn ").and_then(|rest| rest.split('(').next()) {
                assert!(named.contains(&format!(" {case},")), "{topic}::{case} is not in the macro");
                cases += 1;
            }
        }
    }
    assert!(cases > 100, "{cases} cases");
}
