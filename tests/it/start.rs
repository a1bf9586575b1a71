//! What a person sees when a server can't start: one clear sentence, and exit code 1.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use e2e::server::{Server, command};

fn refusal(data_dir: &Path, arguments: &[&str]) -> String {
    let output = command(data_dir, arguments).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "one sentence, not:\n{text}");
    text
}

#[test]
fn data_directory_that_is_missing() {
    let parent = tempfile::tempdir().unwrap();
    let missing = parent.path().join("missing");
    let text = refusal(&missing, &[]);
    assert!(text.contains(missing.to_str().unwrap()) && text.contains("create it"), "{text}");
}

#[test]
fn default_data_directory_is_made() {
    let here = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(e2e::process::binary());
    command.args(["server", "--http-listen", "127.0.0.1:0", "--scribe-listen", "127.0.0.1:0"]);
    command.current_dir(here.path()).stdout(Stdio::piped());
    let server = Server::spawn(command).unwrap();
    assert!(here.path().join("spanlet-data").is_dir());
    assert!(server.terminate().unwrap().success());
}

#[test]
fn data_directory_that_is_a_file() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    let text = refusal(&file, &[]);
    assert!(text.contains(file.to_str().unwrap()), "{text}");
}

#[test]
fn data_directory_that_is_not_writable() {
    let parent = tempfile::tempdir().unwrap();
    let closed = parent.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o500)).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        // Root may write anywhere; a directory of /proc nobody can write to.
        let text = refusal(Path::new("/proc/spanlet"), &[]);
        assert!(text.contains("/proc/spanlet"), "{text}");
        return;
    }
    let text = refusal(&closed, &[]);
    assert!(text.contains(closed.to_str().unwrap()), "{text}");
}

#[test]
fn data_directory_of_another_server() {
    let data_dir = tempfile::tempdir().unwrap();
    let first = Server::start(data_dir.path(), &[]).unwrap();
    let text = refusal(data_dir.path(), &[]);
    assert!(text.contains(data_dir.path().to_str().unwrap()) && text.contains("another process"), "{text}");
    assert_eq!(first.get("/health").unwrap().0, 200);
}

#[test]
fn port_that_is_taken() {
    let data_dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = command(data_dir.path(), &[]);
    command.args(["--query-port", &port]).stderr(Stdio::piped());
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_owned()).collect();
    let mut plain = std::process::Command::new(command.get_program());
    // Without --http-listen, so that Zipkin's own name for the port counts.
    plain.args(
        arguments.iter().filter(|a| *a != "--http-listen" && *a != "127.0.0.1:0").filter(|a| {
            !["--scribe-listen", "--otlp-grpc-listen", "--otlp-http-listen"].iter().any(|b| a == b)
        }),
    );
    let output = plain.env("COLLECTOR_SCRIBE_ENABLED", "false").stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&port) && text.contains("--http-listen"), "{text}");
}

#[test]
fn unknown_storage_type_names_itself() {
    let data_dir = tempfile::tempdir().unwrap();
    let text = refusal(data_dir.path(), &["--storage-type", "mysql"]);
    assert!(text.contains("--storage-type mysql") && text.contains("use mem"), "{text}");
}
