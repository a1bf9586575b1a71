//! `spanlet check` as an operator meets it: sentences, exit codes, JSON.

use std::path::Path;
use std::process::Output;

use e2e::load;
use e2e::process::command;
use e2e::server::Server;

fn check(data_dir: &Path, flags: &[&str]) -> Output {
    let mut command = command(&["check", "--data-dir"]);
    command.arg(data_dir).args(flags).stderr(std::process::Stdio::piped()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

#[test]
fn what_a_check_says() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = Server::start(data_dir.path(), &[]).unwrap();
    let mut body = String::new();
    wire::json_v2::write_list(&mut body, &load::trace(1));
    assert_eq!(server.post("/api/v2/spans", body.as_bytes()).unwrap(), 202);
    let running = check(data_dir.path(), &[]);
    assert_eq!(running.status.code(), Some(1));
    assert!(said(&running).contains("in use by another process"), "{}", said(&running));
    server.kill().unwrap();

    let sound = check(data_dir.path(), &[]);
    assert_eq!(sound.status.code(), Some(0), "{}", said(&sound));
    assert!(
        said(&sound).contains("sound: 0 spans in 0 segments, 7 spans in 1 journal files"),
        "{}",
        said(&sound)
    );

    let manifest = data_dir.path().join("manifest.jsonl");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("journal_end", "journal_ent")).unwrap();
    let damaged = check(data_dir.path(), &[]);
    assert_eq!(damaged.status.code(), Some(1), "{}", said(&damaged));
    assert!(said(&damaged).starts_with("damage: manifest.jsonl, byte 0: "), "{}", said(&damaged));
    let json = check(data_dir.path(), &["--json"]);
    assert_eq!(json.status.code(), Some(1), "{}", said(&json));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&json["sound"], &json["findings"][0]["severity"]),
        (&false.into(), &"damage".into()),
        "{json}"
    );

    let empty = tempfile::tempdir().unwrap();
    let nothing = check(empty.path(), &[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(said(&nothing).contains("holds no store"), "{}", said(&nothing));
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing is left there");
}
