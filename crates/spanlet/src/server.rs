//! `spanlet server`: flags win over environment variables, those over defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use server::config::{Config, Store};
use server::run::Server;
use tokio::signal::unix::{SignalKind, signal};

#[derive(clap::Args)]
#[command(after_help = "Started without flags it listens on this machine only, on Zipkin's ports, \
                        and keeps its data in ./spanlet-data.")]
pub struct Arguments {
    /// Directory of the embedded store, which must exist [default: ./spanlet-data, made if missing].
    #[arg(long, env = "SPANLET_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the web page, the API and the HTTP collector listen [default: 127.0.0.1:QUERY_PORT].
    #[arg(long, env = "SPANLET_HTTP_LISTEN", value_name = "ADDRESS:PORT")]
    http_listen: Option<SocketAddr>,
    /// Where the scribe collector listens [default: 127.0.0.1:COLLECTOR_PORT].
    #[arg(long, env = "SPANLET_SCRIBE_LISTEN", value_name = "ADDRESS:PORT")]
    scribe_listen: Option<SocketAddr>,
    /// Port of --http-listen, under Zipkin's name.
    #[arg(long, env = "QUERY_PORT", default_value_t = 9411, value_name = "PORT")]
    query_port: u16,
    /// Port of --scribe-listen, under Zipkin's name.
    #[arg(long, env = "COLLECTOR_PORT", default_value_t = 9410, value_name = "PORT")]
    collector_port: u16,
    /// Whether to listen for scribe at all.
    #[arg(long, env = "COLLECTOR_SCRIBE_ENABLED", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    collector_scribe_enabled: bool,
    /// `mem` keeps spans in memory only; otherwise the embedded store is used.
    #[arg(long, env = "STORAGE_TYPE", value_name = "TYPE")]
    storage_type: Option<String>,
    /// With `mem`: above this many spans whole oldest traces are forgotten.
    #[arg(long, env = "MEM_MAX_SPANS", default_value_t = 500_000, value_name = "SPANS")]
    mem_max_spans: usize,
    /// Fresh spans are kept in memory up to this many bytes, then sealed into a segment.
    #[arg(long, env = "SPANLET_MEMTABLE_BYTES", value_name = "BYTES")]
    memtable_bytes: Option<usize>,
}

/// Runs a server until SIGTERM or SIGINT.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = check(arguments)?;
    let place = match &config.store {
        Store::Embedded(store) => format!("data in {}", store.data_dir.display()),
        Store::Memory { .. } => "data in memory only".to_owned(),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("can't start threads")?;
    runtime.block_on(async {
        // Before the doors open, so that no signal is missed.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = Server::start(config).await?;
        println!("spanlet {} serves http://{}/zipkin/", env!("CARGO_PKG_VERSION"), server.http_address);
        if let Some(address) = server.scribe_address {
            println!("scribe on {address}");
        }
        println!("{place}");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what was accepted");
        server.stop().await;
        Ok(())
    })
}

fn check(arguments: Arguments) -> anyhow::Result<Config> {
    let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let store = match arguments.storage_type.as_deref() {
        None | Some("") => {
            let usual = server::config::Embedded::new(data_dir(arguments.data_dir)?);
            let memtable_bytes_max = arguments.memtable_bytes.unwrap_or(usual.memtable_bytes_max);
            Store::Embedded(server::config::Embedded { memtable_bytes_max, ..usual })
        }
        Some("mem") => Store::Memory { spans_max: arguments.mem_max_spans },
        Some(other) => {
            bail!("STORAGE_TYPE={other} is not known; leave it out for the embedded store, or use mem")
        }
    };
    let scribe = arguments.scribe_listen.unwrap_or_else(|| loopback(arguments.collector_port));
    Ok(Config {
        http_listen: arguments.http_listen.unwrap_or_else(|| loopback(arguments.query_port)),
        scribe_listen: arguments.collector_scribe_enabled.then_some(scribe),
        store,
        api: server::config::Answers::default(),
        doors: server::config::Doors {
            scribe_enabled: arguments.collector_scribe_enabled,
            ..server::config::Doors::default()
        },
    })
}

/// Only the default directory is made: a mistyped one should not become a second, empty store.
fn data_dir(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given);
    }
    let usual = PathBuf::from("spanlet-data");
    match std::fs::create_dir(&usual) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).context("can't make the directory spanlet-data here; name another with --data-dir")
        }
        _ => Ok(usual),
    }
}
