//! Who stands between: our relay, or the OpenTelemetry Collector with its queue on disk and fsync on.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::process::Process;
use e2e::relay::Relay;

use crate::load::Form;
use crate::sink::Sink;

const START_MAX: Duration = Duration::from_secs(30);

/// One that runs.
pub enum Peer {
    Relay(Relay),
    Collector { process: Process, http: SocketAddr },
}

impl Peer {
    /// Starts our relay, which sends on in the form that comes in.
    pub fn relay(data_dir: &Path, form: Form, sink: &Sink) -> Result<Self> {
        let to = match form {
            Form::Json => format!("http+json://{}", sink.http),
            Form::Scribe => format!("scribe://{}", sink.scribe),
        };
        let flags = ["--to", &to, "--flush-interval", "1s", "--retry-max-wait", "1s", "--disk-limit", "64g"];
        Ok(Self::Relay(Relay::start(data_dir, &flags)?))
    }

    /// Starts an OpenTelemetry Collector that has the Zipkin receiver and exporter and `file_storage`.
    pub fn collector(binary: &Path, data_dir: &Path, sink: &Sink) -> Result<Self> {
        let http = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = data_dir.join("config.yaml");
        std::fs::write(&config, settings(data_dir, http, sink))?;
        let mut command = Command::new(binary);
        command.arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::piped());
        let log = std::fs::File::create(data_dir.join("log"))?;
        let (process, _output) = Process::start({
            command.stderr(log);
            command
        })?;
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(http).is_err() {
            ensure!(Instant::now() < deadline, "the collector does not listen: see {}", data_dir.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self::Collector { process, http })
    }

    /// Returns where spans of a form are sent.
    pub fn address(&self, form: Form) -> SocketAddr {
        match self {
            Self::Relay(relay) if form == Form::Scribe => relay.scribe,
            Self::Relay(relay) => relay.http,
            Self::Collector { http, .. } => *http,
        }
    }

    /// Returns CPU seconds used so far.
    pub fn cpu_s(&self) -> Result<f64> {
        match self {
            Self::Relay(relay) => relay.cpu_s(),
            Self::Collector { process, .. } => process.cpu_s(),
        }
    }

    /// Returns the most memory it has had at one time.
    pub fn memory_peak_bytes(&self) -> Result<u64> {
        match self {
            Self::Relay(relay) => relay.memory_peak_bytes(),
            Self::Collector { process, .. } => process.memory_peak_bytes(),
        }
    }
}

fn settings(data_dir: &Path, http: SocketAddr, sink: &Sink) -> String {
    format!(
        "extensions:
  file_storage:
    directory: {directory}
    fsync: true
receivers:
  zipkin:
    endpoint: {http}
exporters:
  zipkin:
    endpoint: http://{sink}/api/v2/spans
    timeout: 5s
    sending_queue:
      enabled: true
      num_consumers: 4
      queue_size: 1000000
      storage: file_storage
    retry_on_failure:
      enabled: true
      initial_interval: 1s
      max_interval: 1s
      max_elapsed_time: 0
service:
  telemetry:
    metrics:
      level: none
  extensions: [file_storage]
  pipelines:
    traces:
      receivers: [zipkin]
      exporters: [zipkin]
",
        directory = data_dir.display(),
        sink = sink.http,
    )
}
