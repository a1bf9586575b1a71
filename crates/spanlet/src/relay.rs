//! `spanlet relay`: keeps spans on disk and passes them on; and what one asks of a running relay.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, FromArgMatches, Subcommand, ValueEnum};
use relay::config::{Config, Delivery, Overflow, Retry, Spool};
use relay::far::Destination;
use relay::redact::Redaction;
use relay::run::Relay;
use tokio::signal::unix::{SignalKind, signal};

mod ask;
mod fluentd;
mod outgoing;
mod sizes;
mod tail;

/// All doors together hold at most this much of messages that are not yet on disk.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;

/// Takes spans as the server does, keeps them on disk, and passes them on: nothing accepted is lost.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    ask: Option<Ask>,
    /// Where spans go; may be given several times: scribe://HOST:PORT, http://HOST:PORT (proto3), http+json://HOST:PORT, otlp://HOST:PORT.
    #[arg(
        long,
        env = "SPANLET_RELAY_TO",
        value_name = "URL",
        value_delimiter = ',',
        required_unless_present = "fluentd_conf"
    )]
    to: Vec<Destination>,
    /// Take addresses, limits and times from a fluentd configuration of scribe sources and matches; flags win over it.
    #[arg(long, env = "SPANLET_RELAY_FLUENTD_CONF", value_name = "FILE")]
    fluentd_conf: Option<PathBuf>,
    /// With several: each gets every span, or the first that lives gets them.
    #[arg(long, env = "SPANLET_RELAY_DELIVERY", value_enum, default_value_t = DeliveryFlag::Copy)]
    delivery: DeliveryFlag,
    /// Directory of the buffer, which must exist [default: ./spanlet-relay, made if missing].
    #[arg(long, env = "SPANLET_RELAY_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where scribe is taken; `off` switches it off.
    #[arg(
        long,
        env = "SPANLET_RELAY_SCRIBE_LISTEN",
        default_value = "127.0.0.1:9999",
        value_name = "ADDRESS:PORT"
    )]
    scribe_listen: Listen,
    /// Where fluentd's forward protocol is taken: events tagged zipkin.**; 127.0.0.1:24224 is its usual place.
    #[arg(long, env = "SPANLET_RELAY_FORWARD_LISTEN", default_value = "off", value_name = "ADDRESS:PORT")]
    forward_listen: Listen,
    /// Where HTTP v1 and v2, gRPC and OTLP are taken; health and figures are here too.
    #[arg(long, env = "SPANLET_RELAY_HTTP_LISTEN", default_value_t = ask::usual_address(), value_name = "ADDRESS:PORT")]
    http_listen: SocketAddr,
    /// What came is sent on after this time at the latest: 0s, 500ms, 60s, 5m.
    #[arg(long, env = "SPANLET_RELAY_FLUSH_INTERVAL", default_value = "1s", value_name = "TIME", value_parser = sizes::time)]
    flush_interval: Duration,
    /// What came is sent on when it has this many bytes: 512k, 8m, 1g.
    #[arg(long, env = "SPANLET_RELAY_CHUNK_LIMIT", default_value = "8m", value_name = "BYTES", value_parser = sizes::bytes)]
    chunk_limit: u64,
    /// Most bytes of spans on disk.
    #[arg(long, env = "SPANLET_RELAY_DISK_LIMIT", default_value = "8g", value_name = "BYTES", value_parser = sizes::bytes)]
    disk_limit: u64,
    /// Beyond: senders are told to try later, or the oldest spans are dropped and counted.
    #[arg(long, env = "SPANLET_RELAY_OVERFLOW", value_enum, default_value_t = OverflowFlag::Block)]
    overflow: OverflowFlag,
    /// The first wait before a call is tried again; each further one is twice as long.
    #[arg(long, env = "SPANLET_RELAY_RETRY_WAIT", default_value = "100ms", value_name = "TIME", value_parser = sizes::time)]
    retry_wait: Duration,
    /// The longest wait.
    #[arg(long, env = "SPANLET_RELAY_RETRY_MAX_WAIT", default_value = "30s", value_name = "TIME", value_parser = sizes::time)]
    retry_max_wait: Duration,
    /// Spans older than this become dead letters when a try fails [default: never].
    #[arg(long, env = "SPANLET_RELAY_RETRY_MAX_AGE", value_name = "TIME", value_parser = sizes::time)]
    retry_max_age: Option<Duration>,
    /// How long one call may take.
    #[arg(long, env = "SPANLET_RELAY_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = sizes::time)]
    timeout: Duration,
    #[command(flatten)]
    outgoing: outgoing::CallFlags,
    /// Share of traces that is passed on, 0.0 to 1.0.
    #[arg(long, env = "SPANLET_RELAY_SAMPLE_RATE", default_value_t = 1.0, value_name = "RATE")]
    sample_rate: f32,
    /// Take the values of these tags out before spans touch the disk; `*` at the end stands for anything.
    #[arg(long, env = "SPANLET_RELAY_REDACT", value_name = "KEY", value_delimiter = ',')]
    redact: Vec<String>,
    #[command(flatten)]
    tail: tail::Flags,
}

#[derive(Subcommand)]
enum Ask {
    /// Shows the backlog of a running relay.
    Status(Address),
    /// Has a running relay send its dead letters again.
    Resend(Address),
}

#[derive(Args)]
struct Address {
    /// The relay's --http-listen.
    #[arg(long, env = "SPANLET_RELAY_HTTP_LISTEN", default_value_t = ask::usual_address(), value_name = "ADDRESS:PORT")]
    http: SocketAddr,
}

#[derive(Clone, Copy, ValueEnum)]
enum DeliveryFlag {
    Copy,
    Failover,
}

#[derive(Clone, Copy, ValueEnum)]
enum OverflowFlag {
    Block,
    DropOldest,
}

/// An address, or `off`.
#[derive(Clone, Copy)]
struct Listen(Option<SocketAddr>);

impl std::str::FromStr for Listen {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self(None)) } else { text.parse().map(|address| Self(Some(address))) }
    }
}

/// Returns the subcommand's flags.
pub fn command() -> clap::Command {
    Arguments::augment_args(clap::Command::new("relay")).args_override_self(true).after_help(
        "The set-up of fluentd's in_scribe and out_scribe is:\n  spanlet relay --scribe-listen 127.0.0.1:9999 \
         --to scribe://collector:9410 --flush-interval 60s --chunk-limit 256m --data-dir DIR",
    )
}

/// Runs a relay until SIGTERM or SIGINT, or asks a running one.
pub fn run(matches: &clap::ArgMatches) -> anyhow::Result<()> {
    let arguments = Arguments::from_arg_matches(matches)?;
    match &arguments.ask {
        Some(Ask::Status(address)) => return ask::status(address.http),
        Some(Ask::Resend(address)) => return ask::resend(address.http),
        None => {}
    }
    start_logging();
    let config = check(with_fluentd(arguments)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("can't start threads")?;
    let done = runtime.block_on(serve(config));
    // A sender may be in a call that takes as long as it may: its spans are on disk.
    runtime.shutdown_background();
    done
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Before the doors open, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let place = config.spool.data_dir.clone();
    let to: Vec<String> = config.to.iter().map(ToString::to_string).collect();
    let relay = Relay::start(config).await?;
    println!("spanlet {} relays from http://{}/", env!("CARGO_PKG_VERSION"), relay.http_address);
    if let Some(address) = relay.scribe_address {
        println!("scribe on {address}");
    }
    if let Some(address) = relay.forward_address {
        println!("forward on {address}");
    }
    println!("to {}", to.join(", "));
    println!("buffer in {}", place.display());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: what was not delivered stays on disk");
    relay.stop().await;
    Ok(())
}

fn check(arguments: Arguments) -> anyhow::Result<Config> {
    let sampler = relay::config::sampler(arguments.sample_rate)?;
    ensure!(arguments.chunk_limit > 0, "--chunk-limit must not be 0");
    ensure!(arguments.disk_limit >= 16 << 20, "--disk-limit must be 16m at least");
    let usual = Spool::new(data_dir(arguments.data_dir)?);
    Ok(Config {
        scribe_listen: arguments.scribe_listen.0,
        forward_listen: arguments.forward_listen.0,
        http_listen: arguments.http_listen,
        to: arguments.to,
        delivery: match arguments.delivery {
            DeliveryFlag::Copy => Delivery::Copy,
            DeliveryFlag::Failover => Delivery::Failover,
        },
        announce_to: arguments.outgoing.servers(),
        name: arguments.outgoing.name(),
        outgoing: arguments.outgoing.lower()?,
        retry: Retry {
            wait: arguments.retry_wait,
            max_wait: arguments.retry_max_wait.max(arguments.retry_wait),
            max_age: arguments.retry_max_age,
            timeout: arguments.timeout,
        },
        spool: Spool {
            chunk_limit_bytes: arguments.chunk_limit,
            flush_interval: arguments.flush_interval,
            disk_limit_bytes: arguments.disk_limit,
            overflow: match arguments.overflow {
                OverflowFlag::Block => Overflow::Block,
                OverflowFlag::DropOldest => Overflow::DropOldest,
            },
            ..usual
        },
        in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
        sampler,
        redaction: Redaction::new(arguments.redact),
        tail: arguments.tail.rules()?,
    })
}

/// Reads the flags again, behind those that fluentd's configuration stands for, and prints the latter.
fn with_fluentd(arguments: Arguments) -> anyhow::Result<Arguments> {
    let Some(file) = &arguments.fluentd_conf else { return Ok(arguments) };
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let flags = fluentd::flags(&text).with_context(|| file.display().to_string())?;
    println!("{} means: spanlet relay {}", file.display(), flags.join(" "));
    let given = std::env::args_os().skip_while(|argument| argument != "relay").skip(1);
    let all = flags.into_iter().map(OsString::from).chain(given);
    let matches = command().no_binary_name(true).try_get_matches_from(all)?;
    Ok(Arguments::from_arg_matches(&matches)?)
}

/// Only the default directory is made: a mistyped one should not become a second, empty buffer.
fn data_dir(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let usual = Path::new("spanlet-relay");
    match given {
        Some(given) if given.is_dir() => Ok(given),
        Some(given) => bail!(
            "the directory {} does not exist; make it, or name another with --data-dir",
            given.display()
        ),
        None => {
            std::fs::create_dir_all(usual)
                .context("can't make the directory spanlet-relay here; name another with --data-dir")?;
            Ok(usual.to_owned())
        }
    }
}

/// Logs go to standard error; `RUST_LOG` chooses how much.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
