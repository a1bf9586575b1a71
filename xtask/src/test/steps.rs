//! The steps of a test run, in order.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::lanes::{Lane, Outcome, Step};
use super::{clients, relay, swift};
use crate::build::{self, Profile};
use crate::log::Log;
use crate::ports;
use crate::root::{root, shared, target};
use crate::spanlet::Spanlet;
use crate::tools;
use crate::venv::Venv;

/// What the heavy steps took on two busy cores, and some more.
const CLIENTS_TAKE: Duration = Duration::from_secs(4 * 60);
const KILLS_TAKE: Duration = Duration::from_secs(4 * 60);
const RELAY_TAKES: Duration = Duration::from_secs(3 * 60);
const SWIFT_TAKES: Duration = Duration::from_secs(8 * 60);
const ZIPKIN_TAKES: Duration = Duration::from_secs(6 * 60);

/// Returns all steps. One dev build is for cargo's tests, one release build for everything that runs the product.
pub fn all(end: Instant) -> Vec<Step> {
    use Lane::{Cargo, Other};
    vec![
        step("page packages", Other, &[], |log| tools::node().and_then(|()| build::page_packages(log))),
        step("tidy", Cargo, &[], |log| log.run(Command::new(std::env::current_exe()?).arg("tidy"))),
        step("fmt", Cargo, &[], |log| cargo(&["fmt", "--all", "--check"], log)),
        step("clippy", Cargo, &[], |log| {
            cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"], log)
        }),
        step("page", Other, &["page packages"], |log| build::page(log).map(drop)),
        step("binary", Cargo, &["page"], |log| build::binary(Profile::Release, log).map(drop)),
        step("page types", Other, &["page packages"], |log| build::npm(&["run", "check"], log)),
        step("page units", Other, &["page packages"], |log| build::npm(&["test"], log)),
        step("python packages", Other, &[], |log| python_tests_venv(log).map(drop)),
        step("wheel", Cargo, &[], |log| build::wheel(Profile::Release, log).map(drop)),
        step("cargo test", Cargo, &["binary"], cargo_test),
        step("pytest", Other, &["wheel", "python packages", "binary"], pytest),
        step("browser", Other, &["binary", "page packages"], browser),
        step("demo", Other, &["binary", "wheel"], |log| {
            log.run(Command::new(std::env::current_exe()?).args(["demo", "--once"]).current_dir(root()))
        }),
        heavy("clients", Other, &["binary"], end - CLIENTS_TAKE, clients::run),
        heavy("kills", Cargo, &["binary", "cargo test"], end - KILLS_TAKE, kills),
        heavy("relay", Cargo, &["binary", "cargo test"], end - RELAY_TAKES, relay::run),
        heavy("swift", Cargo, &["binary", "wheel"], end - SWIFT_TAKES, beside("swift", swift::on_spanlet)),
        heavy("zipkin", Cargo, &["wheel"], end - ZIPKIN_TAKES, beside("zipkin", swift::on_zipkin)),
    ]
}

fn step(
    name: &'static str,
    lane: Lane,
    needs: &'static [&'static str],
    run: impl FnOnce(&Log) -> Result<()> + Send + 'static,
) -> Step {
    Step { name, lane, needs, run: Box::new(move |log| run(log).map(|()| Outcome::Passed)) }
}

/// A step that takes minutes. Those with Swift stand in cargo's lane, after the last build, so that Swift has the machine
/// nearly for itself.
fn heavy(
    name: &'static str,
    lane: Lane,
    needs: &'static [&'static str],
    start_by: Instant,
    run: impl FnOnce(&Log) -> Result<Outcome> + Send + 'static,
) -> Step {
    let run = move |log: &Log| {
        if Instant::now() > start_by {
            return Ok(Outcome::Skipped("too late for it, SPANLET_TEST_MINUTES gives more time".to_owned()));
        }
        run(log)
    };
    Step { name, lane, needs, run: Box::new(run) }
}

/// What needs the folder beside the checkout.
fn beside(
    name: &'static str,
    run: impl FnOnce(&Path, &Log) -> Result<Outcome> + Send + 'static,
) -> impl FnOnce(&Log) -> Result<Outcome> + Send + 'static {
    move |log| {
        let Some(shared) = shared() else {
            anyhow::ensure!(std::env::var("CI").as_deref() != Ok("true"), "{name} needs ../shared");
            return Ok(Outcome::Skipped("it needs ../shared".to_owned()));
        };
        run(&shared, log)
    }
}

fn cargo(args: &[&str], log: &Log) -> Result<()> {
    log.run(Command::new(env!("CARGO")).args(args).current_dir(root()))
}

/// Passing tests may say what they skipped, so their output is shown.
fn cargo_test(log: &Log) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--locked", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    log.run(command.env("SPANLET_BIN", release_binary()).current_dir(root()))
}

/// Kills a server a hundred times under load; `cargo test` does it a few times.
fn kills(log: &Log) -> Result<Outcome> {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        "test",
        "--locked",
        "-p",
        "e2e",
        "--test",
        "it",
        "kill::acknowledged",
        "--",
        "--show-output",
    ]);
    command.env("SPANLET_KILLS", "100").env("SPANLET_BIN", release_binary());
    log.run(command.current_dir(root())).map(|()| Outcome::Passed)
}

fn release_binary() -> PathBuf {
    target().join("release/spanlet")
}

fn python_tests_venv(log: &Log) -> Result<Venv> {
    let venv = Venv::ensure(target().join("xtask/pytest-venv"), log)?;
    venv.pip(&["install", "--upgrade", "-r", "python/tests/requirements.txt"], log)?;
    Ok(venv)
}

fn pytest(log: &Log) -> Result<()> {
    let venv = Venv::ensure(target().join("xtask/pytest-venv"), log)?;
    venv.install_wheel(&build::wheel(Profile::Release, log)?, log)?;
    // Run from the tests' folder: from python/ the sources would be imported in place of the installed wheel.
    let tests = root().join("python/tests");
    let mut command = Command::new(venv.program("python"));
    command
        .args(["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"])
        .env("SPANLET_BIN", release_binary());
    log.run(command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(tests))
}

fn browser(log: &Log) -> Result<()> {
    let data = tempfile::tempdir().context("no folder for the spans")?;
    let [http_port, scribe_port] = ports::free()?;
    let server = Spanlet::start(&release_binary(), data.path(), http_port, scribe_port, log)?;
    let ui = root().join("ui");
    log.run(
        Command::new("npm").args(["run", "test:browser"]).env("SPANLET_URL", &server.address).current_dir(ui),
    )
}
