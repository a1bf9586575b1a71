//! `spanlet server`: from settings to a running server, and to its end.

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use server::config::{Config, Store};
use server::run::Server;
use server::systemd::{self, Sockets};
use tokio::signal::unix::{SignalKind, signal};

use crate::settings::{self, LogFilter, LogFormat, Settings, Sources};

/// Variables of Zipkin's that would start something that is not built in: who sets one must hear of it.
const NOT_BUILT: [(&str, &str); 8] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "the Kafka collector"),
    ("RABBIT_ADDRESSES", "the RabbitMQ collector"),
    ("RABBIT_URI", "the RabbitMQ collector"),
    ("ACTIVEMQ_URL", "the ActiveMQ collector"),
    ("PULSAR_SERVICE_URL", "the Pulsar collector"),
    ("EUREKA_SERVICE_URL", "registration with Eureka"),
    ("STORAGE_THROTTLE_ENABLED", "Zipkin's throttle: a full store tells senders to try again instead"),
    ("JAVA_OPTS", "a Java machine"),
];

/// Runs a server until SIGTERM or SIGINT.
pub fn run(sources: &Sources) -> anyhow::Result<()> {
    let config = settings::lower(sources)?;
    let settings = Settings::read(sources)?;
    start_logging(settings.log_format, &settings.log_level)?;
    for (variable, what) in NOT_BUILT {
        if sources.environment.contains_key(variable) {
            tracing::warn!(
                "{variable} has no effect: there is no {what} here",
                what = what.trim_start_matches("the ")
            );
        }
    }
    raise_file_limit();
    let place = place(&config.store)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("can't start threads")?;
    runtime.block_on(serve(config, &place))
}

async fn serve(config: Config, place: &str) -> anyhow::Result<()> {
    // Before the doors open, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let sockets = Sockets::inherited().context("can't take the sockets that systemd passed")?;
    let server = Server::start(config, sockets).await?;
    for (name, address) in &server.addresses {
        match *name {
            "http" => println!("spanlet {} serves {scheme}://{address}/zipkin/", env!("CARGO_PKG_VERSION")),
            name => println!("{name} on {address}"),
        }
    }
    println!("{place}");
    systemd::notify("READY=1");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    systemd::notify("STOPPING=1");
    tracing::info!("stopping: finishing what was accepted");
    server.stop().await;
    Ok(())
}

/// Takes as many files and sockets as the system grants: the usual soft limit is for programs that use `select`.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "can't raise the limit of open files");
    }
}

/// Logs go to standard error.
fn start_logging(format: LogFormat, LogFilter(filter): &LogFilter) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::builder().parse(filter)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Says where data is. Only the usual directory is made: a mistyped one should not become a second, empty store.
fn place(store: &Store) -> anyhow::Result<String> {
    let Store::Embedded(embedded) = store else { return Ok("data in memory only".to_owned()) };
    if embedded.data_dir == settings::usual_data_dir() {
        match std::fs::create_dir(&embedded.data_dir) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error)
                    .context("can't make the directory spanlet-data here; name another with --data-dir");
            }
            _ => {}
        }
    }
    Ok(format!("data in {}", embedded.data_dir.display()))
}
