//! `cargo xtask`: build, show, test and check the whole project with one command each.

mod build;
mod demo;
mod http;
mod log;
mod ports;
mod process;
mod root;
mod shop;
mod spanlet;
mod stage;
mod test;
mod tidy;
mod tools;
mod venv;
mod wheels;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use build::Profile;

/// Build, show, test and check the whole project with one command each.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the release: the page, the binary that carries it, and the wheel; say where they are
    Build,
    /// Show it at work: a server, a small shop of eventlet services, traffic, and who made it slow
    ///
    /// One service of the shop, drawn at random, is slow now and then. The stored spans tell which: its own time grew.
    /// Runs until Ctrl-C. The page is at http://127.0.0.1:9411/zipkin/, on another port when that one is taken.
    Demo {
        /// Make the requests, check that each is one whole trace and that the slow service is found, and end
        #[arg(long)]
        once: bool,
        /// Requests to make before the slow service is named
        #[arg(short = 'n', long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(60..=5_000))]
        requests: u16,
        /// Use cargo's dev profile: builds faster, runs slower
        #[arg(long)]
        debug: bool,
    },
    /// Pass every test: rules, lints, units, contracts, the built binary, the wheel, the browser, the demo, a real Swift
    ///
    /// Output of a step is shown when it fails. SPANLET_TEST_MINUTES (60) is the time after which no heavy step starts.
    Test {
        /// Only these steps, and what they need
        #[arg(value_name = "STEP")]
        steps: Vec<String>,
    },
    /// Hold the checkout against the rules of the house
    ///
    /// Crate edges, file sizes and names, dead links and files, unfinished work, machine paths.
    Tidy,
    /// Build the wheels of a release: x86_64 and aarch64, glibc 2.17 and newer, and musl
    ///
    /// Takes some minutes, and gets zig from PyPI.
    Wheels,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Build => build::run(),
        Task::Demo { once, requests, debug } => demo::run(&demo::Options {
            once,
            requests: usize::from(requests),
            profile: if debug { Profile::Dev } else { Profile::Release },
        }),
        Task::Test { steps } => test::run(&steps),
        Task::Tidy => tidy::run(),
        Task::Wheels => wheels::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence with its causes; no stack trace, whatever the environment says.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
