//! The examples run, and make the traces that they say they make.

use std::path::PathBuf;
use std::process::Command;

use model::batch::Batch;
use model::span::Span;

/// Runs an example that cargo has built beside the tests. Returns what it said and what it recorded.
fn run(name: &str) -> Option<(String, Vec<Span>)> {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().unwrap().with_file_name("examples").join(name);
    if !program.exists() {
        // `cargo test --test it` builds none.
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is not there", program.display());
        println!("skipped example {name}: it is not built");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans");
    let output =
        Command::new(program).env("SPANLET_ENDPOINT", format!("file:{}", path.display())).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut batch = Batch::new();
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().for_each(|line| wire::json_v2::decode_list(line.as_bytes(), &mut batch).unwrap());
    Some((String::from_utf8(output.stdout).unwrap(), batch.rows().map(|row| row.to_span()).collect()))
}

#[test]
fn the_shop_is_one_trace_of_two_services() {
    let Some((said, spans)) = run("shop") else { return };
    let [first, ..] = &spans[..] else { panic!("no spans") };
    assert!(said.starts_with(&format!("3 left, says trace {}", first.trace_id)), "{said}");
    assert_eq!(spans.len(), 3);
    assert!(spans.iter().all(|span| span.trace_id == first.trace_id));
}

#[test]
fn the_batch_has_a_failed_span() {
    let Some((said, spans)) = run("batch") else { return };
    assert!(said.ends_with("the collector has it\n"), "{said}");
    assert_eq!(spans.len(), 4);
    let failed: Vec<_> = spans.iter().filter_map(|span| span.tag("error")).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
}
