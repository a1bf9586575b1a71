//! Runs `spanlet server` and asks it by curl, which speaks every kind of HTTP and TLS.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running server, killed when dropped.
pub struct Server {
    child: Child,
    /// Where each listener is, by name: `http`, `scribe`, `ingest`, `query`, `admin`.
    pub at: HashMap<String, SocketAddr>,
    /// What it logged so far.
    pub log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    _data_dir: tempfile::TempDir,
}

/// Returns the binary with a clean environment.
pub fn spanlet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanlet"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns the arguments of a server on free ports, without OTLP's own, of which there is one pair a machine.
pub fn free_ports() -> Vec<String> {
    ["server", "--http-listen", "127.0.0.1:0", "--scribe-listen", "127.0.0.1:0"].map(str::to_owned).into()
}

/// Starts a server with further flags.
pub fn start(flags: &[&str]) -> Server {
    let mut command = spanlet();
    command.args(free_ports()).args(flags);
    Server::spawn(command)
}

impl Server {
    /// Starts this command with a data directory of its own, and waits until it listens.
    pub fn spawn(mut command: Command) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        command.env("SPANLET_DATA_DIR", data_dir.path());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let into = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).unwrap_or(0) > 0 {
                into.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        let mut at = HashMap::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the server ended: {:?}\n{}", child.wait(), log.lock().unwrap())
            };
            if let Some((_, url)) = line.split_once("://") {
                at.insert("http".into(), url.split('/').next().unwrap().parse().unwrap());
            } else if let Some((name, address)) = line.split_once(" on ") {
                at.insert(name.into(), address.parse().unwrap());
            } else if line.starts_with("data in") {
                break;
            }
        }
        let rest = std::thread::spawn(move || lines.for_each(drop));
        Self { child, at, log, readers: vec![reader, rest], _data_dir: data_dir }
    }

    /// Returns the URL of a path at the usual listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at["http"])
    }

    /// Reads a figure.
    pub fn metric(&self, name: &str) -> f64 {
        let text = curl(&[&self.url("/prometheus")]).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    }

    /// Waits until the log says this.
    pub fn logged(&self, text: &str) {
        wait_until(&format!("{text:?} in the log"), || self.log.lock().unwrap().contains(text));
    }

    pub fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("end of the server", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        status.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition, within a time in which it must come true on any machine.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An answer; status 0 where there was none.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// `1.1` or `2`.
    pub version: String,
    /// Lower-cased lines.
    pub head: String,
    pub body: String,
}

/// Asks by curl.
pub fn curl(arguments: &[&str]) -> Answer {
    let head = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--noproxy", "*"])
        .args(["--write-out", "\n%{http_version} %{http_code}", "--dump-header"])
        .arg(head.path())
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, end) = text.rsplit_once('\n').unwrap();
    let (version, status) = end.split_once(' ').unwrap();
    let mut lines = String::new();
    std::fs::File::open(head.path()).unwrap().read_to_string(&mut lines).unwrap();
    Answer {
        status: status.parse().unwrap(),
        version: version.into(),
        head: lines.to_lowercase(),
        body: body.into(),
    }
}

/// Writes a file and returns its path as text.
pub fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

pub const SPAN: &str = r#"[{"traceId":"000000000000000a","id":"000000000000000b","name":"probe"}]"#;
