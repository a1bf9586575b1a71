//! `cargo xtask wheels`: the wheels of a release, for each processor and libc, all built here with zig.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use indicatif::HumanBytes;

use crate::log::Log;
use crate::root::{root, target};
use crate::stage::stage;
use crate::tools;
use crate::venv::Venv;

/// What is built for, and the oldest systems it must run on: maturin fails when a symbol is newer.
const PLATFORMS: [(&str, &str); 4] = [
    ("x86_64-unknown-linux-gnu", "manylinux_2_17"),
    ("aarch64-unknown-linux-gnu", "manylinux_2_17"),
    ("x86_64-unknown-linux-musl", "musllinux_1_2"),
    ("aarch64-unknown-linux-musl", "musllinux_1_2"),
];
/// The tools that build them; zig comes as a wheel too.
const BUILDERS: [&str; 2] = ["maturin>=1.9,<2", "ziglang"];

/// Builds all wheels, and says where they are.
pub fn run() -> Result<()> {
    let folder = target().join("wheels/dist");
    let venv = stage("builders", |log| {
        let venv = Venv::ensure(target().join("xtask/wheels-venv"), log)?;
        venv.pip(&["install", "-q", BUILDERS[0], BUILDERS[1]], log)?;
        Ok(venv)
    })?;
    stage("standard libraries", standard_libraries)?;
    for (platform, system) in PLATFORMS {
        stage(platform, |log| build(&venv, platform, system, &folder, log))?;
    }
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        println!("{} ({})", path.display(), HumanBytes(path.metadata()?.len()));
    }
    Ok(())
}

/// Fetches what rustc needs for platforms that are not this one.
fn standard_libraries(log: &Log) -> Result<()> {
    ensure!(
        tools::output("rustup", &["--version"]).is_some(),
        "rustup is needed to build for other platforms and is not in PATH: install it from https://rustup.rs"
    );
    let platforms = PLATFORMS.map(|(platform, _)| platform);
    log.run(Command::new("rustup").args(["target", "add"]).args(platforms).current_dir(root()))
}

fn build(venv: &Venv, platform: &str, system: &str, folder: &Path, log: &Log) -> Result<()> {
    let python = venv.program("python");
    // maturin looks for a python that has zig.
    let programs = python.parent().context("the environment has no folder")?;
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    log.run(
        Command::new(venv.program("maturin"))
            .args([
                "build",
                "--locked",
                "--release",
                "--zig",
                "--target",
                platform,
                "--compatibility",
                system,
            ])
            .arg("--out")
            .arg(folder)
            .env("PATH", path)
            .current_dir(root().join("python")),
    )
}
