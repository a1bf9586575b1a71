//! The binary: reads settings, lowers them once to checked configuration, and runs a server.

mod check;
mod directory;
mod export;
mod import;
mod progress;
mod relay;
mod server;
mod settings;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
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
        .subcommands([
            tool::<check::Arguments>("check"),
            tool::<export::Arguments>("export"),
            tool::<import::Arguments>("import"),
        ])
}

/// A subcommand that works on a data directory.
fn tool<T: Args>(name: &'static str) -> Command {
    T::augment_args(Command::new(name))
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("server", flags)) => run(flags),
        Some(("config", flags)) => config(flags),
        Some(("relay", flags)) => relay::run(flags).map(|()| ExitCode::SUCCESS),
        Some(("check", flags)) => run_tool(flags, check::run),
        Some(("export", flags)) => run_tool(flags, export::run),
        Some(("import", flags)) => run_tool(flags, import::run),
        _ => Ok(ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("spanlet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &ArgMatches) -> anyhow::Result<ExitCode> {
    let sources = Sources::gather(flags, std::env::vars_os())?;
    server::run(&sources).map(|()| ExitCode::SUCCESS)
}

fn run_tool<T: FromArgMatches>(
    flags: &ArgMatches,
    run: fn(&T) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    // What a store that opens says of damage; the rest is in the tool's own words.
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    run(&T::from_arg_matches(flags)?)
}

fn config(flags: &ArgMatches) -> anyhow::Result<ExitCode> {
    if flags.get_flag("reference") {
        print!("{}", settings::reference());
        return Ok(ExitCode::SUCCESS);
    }
    let sources = Sources::gather(flags, std::env::vars_os())?;
    let config = settings::lower(&sources)?;
    print!("{}", settings::print(&sources, &config.access));
    Ok(ExitCode::SUCCESS)
}
