//! `cargo xtask`: build, show, test and check the whole project with one command each.

mod root;
mod tidy;

use clap::{Parser, Subcommand};

/// Build, show, test and check the whole project with one command each.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Hold the checkout against the rules of the house
    ///
    /// Crate edges, file sizes and names, dead links and files, unfinished work, machine paths.
    Tidy,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Tidy => tidy::run(),
    }
}
