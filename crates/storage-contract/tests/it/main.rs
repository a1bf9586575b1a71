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

/// A case that the list of Zipkin's tests names is there.
#[test]
fn every_case_for_a_test_of_zipkin_exists() {
    let read =
        |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect(path);
    let list = read("upstream.md");
    let mut named = 0;
    for (topic, case) in list.split('`').filter_map(|word| word.split_once("::")) {
        let source = read(&format!("src/cases/{topic}.rs"));
        assert!(source.contains(&format!("pub async fn {case}(")), "{topic}::{case}");
        named += 1;
    }
    assert!(named > 70, "{named} cases");
}
