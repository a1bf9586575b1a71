//! `spanlet config`, and what a person sees when settings are wrong.

use crate::process::{free_ports, spanlet, start, write};

#[test]
fn config_prints_what_holds_and_whence() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(
        dir.path(),
        "spanlet.toml",
        "mem_max_spans = 7\n[[access]]\nuser = 'ann'\npassword = 'pa55'\nscopes = ['query']\n",
    );
    let output = spanlet()
        .args(["config", "--query-port", "5"])
        .envs([
            ("SPANLET_CONFIG", file.as_str()),
            ("STRICT_TRACE_ID", "false"),
            ("SPANLET_INGEST_TOKEN", "s3cret"),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    for line in [
        "query_port = 5 # --query-port",
        &format!("mem_max_spans = 7 # {file}:1"),
        "strict_trace_id = false # STRICT_TRACE_ID",
        "# ingest_token = (hidden) # SPANLET_INGEST_TOKEN",
        "collector_port = 9410 # default",
        "# access of \"ann\": query (secret hidden)",
    ] {
        assert!(lines.contains(&line.split_whitespace().collect()), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("s3cret") && !text.contains("pa55"), "{text}");
}

#[test]
fn a_bad_setting_stops_the_start_with_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "spanlet.toml", "\nquery_prot = 5\n");
    let missing = dir.path().join("none.pem");
    let missing = missing.to_str().unwrap();
    for (flags, variable, wanted) in [
        (vec!["--config", file.as_str()], ("A", "b"), format!("{file}:2: unknown key query_prot")),
        (vec![], ("SPANLET_SERACH_ENABLED", "no"), "did you mean SPANLET_SEARCH_ENABLED?".into()),
        (vec![], ("STORAGE_TYPE", "mysql"), "STORAGE_TYPE=mysql".into()),
        (vec!["--tls-certificate", missing, "--tls-key", missing], ("A", "b"), missing.into()),
    ] {
        let output = spanlet().args(free_ports()).args(flags).env(variable.0, variable.1).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&wanted) && text.lines().count() == 1, "{text}\nwanted: {wanted}");
    }
}

#[test]
fn a_listener_that_is_open_to_the_network_says_so() {
    let open = start(&["--query-listen", "0.0.0.0:0"]);
    open.logged("is open to the network without access control (query)");
    assert_eq!(open.log.lock().unwrap().matches("open to the network").count(), 1);
    let guarded = start(&["--query-listen", "0.0.0.0:0", "--access-file", &access_file()]);
    let log = guarded.log.lock().unwrap().clone();
    assert!(!log.contains("open to the network"), "{log}");
}

/// A file that outlives the call: the server reads it once, at the start.
fn access_file() -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "[[access]]\ntoken = 't'\nscopes = ['query']\n").unwrap();
    let (_, path) = file.keep().unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_zipkin_variable_for_what_is_not_built_is_not_passed_over_in_silence() {
    let mut command = spanlet();
    command.args(free_ports()).args(["--log-format", "json"]).env("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092");
    let server = crate::process::Server::spawn(command);
    server.logged("KAFKA_BOOTSTRAP_SERVERS has no effect");
    let log = server.log.lock().unwrap().clone();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["fields"]["message"].is_string(), "{line}");
    }
}
