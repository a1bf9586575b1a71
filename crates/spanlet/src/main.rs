//! The binary: reads settings, lowers them once to checked configuration, and runs a server.

mod relay;
mod server;
mod settings;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use settings::Sources;

fn command() -> Command {
    let server = Command::new("server")
        .about("Collects spans, stores them durably, answers Zipkin's API, and shows the web page")
        .after_help(
            "Started without flags it listens on this machine only, on Zipkin's ports, and keeps its data in \
             ./spanlet-data.",
        )
        .args(settings::arguments());
    let reference = Arg::new("reference")
        .long("reference")
        .action(ArgAction::SetTrue)
        .help("Print the reference page of all settings instead");
    let config = Command::new("config")
        .about("Prints every setting that holds and where it comes from, given the flags of `server`")
        .arg(reference)
        .args(settings::arguments());
    Command::new("spanlet")
        .about("Tells which service added the unexpected latency: a Zipkin-compatible tracing server")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([server, config, relay::command()])
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("server", flags)) => run(flags),
        Some(("config", flags)) => config(flags),
        Some(("relay", flags)) => relay::run(flags),
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spanlet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &ArgMatches) -> anyhow::Result<()> {
    let sources = Sources::gather(flags, std::env::vars_os())?;
    server::run(&sources)
}

fn config(flags: &ArgMatches) -> anyhow::Result<()> {
    if flags.get_flag("reference") {
        print!("{}", settings::reference());
        return Ok(());
    }
    let sources = Sources::gather(flags, std::env::vars_os())?;
    let config = settings::lower(&sources)?;
    print!("{}", settings::print(&sources, &config.access));
    Ok(())
}
