//! The binary: reads flags and environment, lowers them once to checked configuration, and runs a server.

mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tells which service added the unexpected latency: a Zipkin-compatible tracing server.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Collects spans, stores them durably, answers Zipkin's API, and shows the web page.
    Server(server::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging();
    let done = match arguments.command {
        Command::Server(arguments) => server::run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spanlet: {error:#}");
            ExitCode::FAILURE
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
