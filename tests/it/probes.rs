//! The answers of the real Zipkin, recorded, held against ours over each store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::server::{Server, command};

#[test]
fn the_embedded_store_answers_as_zipkin_does() {
    check("probes of the embedded store", &[]);
}

#[test]
fn the_memory_store_answers_as_zipkin_does() {
    check("probes of the memory store", &["--storage-type", "mem"]);
}

fn check(test: &str, arguments: &[&str]) {
    let Some(replayer) = e2e::shared::path(test, "contract/record_probes.py") else { return };
    let probes = replayer.with_file_name("live-probes.jsonl");
    let count = std::fs::read_to_string(&probes).unwrap().lines().count();
    let text = replay(&replayer, arguments, &[]);
    assert_eq!(text.lines().last().unwrap_or_default(), format!("{count} same, 0 different"), "{text}");

    // With the texts of errors too, and Zipkin's statuses even where they are slips: only what we say differs.
    let text = replay(&replayer, arguments, &["--strict-errors", "--wait", "1"]);
    let differ = text.lines().filter_map(|line| line.strip_prefix("DIFF ")?.split_whitespace().next());
    assert_eq!(differ.map(str::to_owned).collect::<BTreeSet<_>>(), documented(), "{text}");
}

/// Replays all probes against a fresh server.
fn replay(replayer: &Path, arguments: &[&str], options: &[&str]) -> String {
    let data_dir = tempfile::tempdir().unwrap();
    let mut command = command(data_dir.path(), arguments);
    command.env("AUTOCOMPLETE_KEYS", "environment,region");
    let server = Server::spawn(command).unwrap();
    let output = Command::new("python3")
        .arg(replayer)
        .args(["replay", "--url", &server.url(), "--scribe", &server.scribe.to_string()])
        .args(options)
        .arg(replayer.with_file_name("live-probes.jsonl"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(" same, "), "the replayer failed: {}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Returns the probes that `differences.md` names.
fn documented() -> BTreeSet<String> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/differences.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, table) = text.split_once("## Recorded probes that see it").expect("the table of probes");
    let name = |line: &str| line.strip_prefix("| `")?.split('`').next().map(str::to_owned);
    table.lines().filter_map(name).collect()
}
