//! `cargo xtask build`: the page, the binary that carries it, and the wheel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use indicatif::HumanBytes;

use crate::log::Log;
use crate::root::{root, target};
use crate::stage::stage;
use crate::tools;
use crate::venv::Venv;

/// How much time cargo spends to make the product fast.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// Cargo's name of it.
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// The folder below the target folder.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Where everything was built.
pub struct Products {
    pub page: PathBuf,
    pub binary: PathBuf,
    pub wheel: PathBuf,
}

/// Builds all; what is up to date is left as it is.
pub fn all(profile: Profile) -> Result<Products> {
    tools::node()?;
    tools::python()?;
    Ok(Products {
        page: stage("page", page)?,
        binary: stage("binary", |log| binary(profile, log))?,
        wheel: stage("wheel", |log| wheel(profile, log))?,
    })
}

/// Builds the release and says where it is.
pub fn run() -> Result<()> {
    let products = all(Profile::Release)?;
    for (what, path) in [("page", &products.page), ("binary", &products.binary), ("wheel", &products.wheel)] {
        println!("{what:<8}{} ({})", path.display(), HumanBytes(size(path)?));
    }
    Ok(())
}

/// Installs the page's packages as locked.
pub fn page_packages(log: &Log) -> Result<()> {
    let ui = root().join("ui");
    let installed = ui.join("node_modules/.package-lock.json");
    if is_fresh(&installed, &[ui.join("package-lock.json"), ui.join("package.json")]) {
        return log.line("the packages are up to date");
    }
    npm(&["ci", "--no-audit", "--no-fund"], log)
}

/// Builds the page into `ui/dist`.
pub fn page(log: &Log) -> Result<PathBuf> {
    page_packages(log)?;
    let ui = root().join("ui");
    let dist = ui.join("dist");
    let sources = [
        "src",
        "public",
        "index.html",
        "package-lock.json",
        "svelte.config.js",
        "tsconfig.json",
        "vite.config.ts",
    ];
    if is_fresh(&dist.join("index.html"), &sources.map(|source| ui.join(source))) {
        log.line("the page is up to date")?;
    } else {
        npm(&["run", "build"], log)?;
    }
    Ok(dist)
}

/// Runs npm on the page.
pub fn npm(args: &[&str], log: &Log) -> Result<()> {
    log.run(Command::new("npm").args(args).current_dir(root().join("ui")))
}

/// Builds the binary; it carries the page, so the page comes first.
pub fn binary(profile: Profile, log: &Log) -> Result<PathBuf> {
    let binary = target().join(profile.folder()).join("spanlet");
    let cargo = |args: &[&str]| log.run(Command::new(env!("CARGO")).args(args).current_dir(root()));
    let build = ["build", "--locked", "--package", "spanlet", "--profile", profile.name()];
    cargo(&build)?;
    // Cargo watches the files of the page that it has seen. It saw none when the binary was built before the page.
    if !is_fresh(&binary, &[root().join("ui/dist/index.html")]) {
        cargo(&["clean", "--package", "api", "--profile", profile.name()])?;
        cargo(&build)?;
    }
    Ok(binary)
}

/// Builds the wheel the way `pip install ./python` does, so that this way is tried each time.
pub fn wheel(profile: Profile, log: &Log) -> Result<PathBuf> {
    let folder = target().join("wheels").join(profile.folder());
    let sources = ["python", "crates/tracer", "crates/wire", "crates/model", "Cargo.toml", "Cargo.lock"];
    if let Some(built) = the_wheel(&folder) {
        if is_fresh(&built, &sources.map(|source| root().join(source))) {
            log.line("the wheel is up to date")?;
            return Ok(built);
        }
        std::fs::remove_file(&built).with_context(|| format!("cannot replace {}", built.display()))?;
    }
    let venv = Venv::ensure(target().join("xtask/wheel-venv"), log)?;
    let folder_text = folder.to_str().context("the target folder's path is no UTF-8")?;
    let build_args = format!("build-args=--profile {}", profile.name());
    venv.pip(
        &["wheel", "--no-deps", "--config-settings", &build_args, "--wheel-dir", folder_text, "./python"],
        log,
    )?;
    the_wheel(&folder).with_context(|| format!("pip left no wheel in {}", folder.display()))
}

fn the_wheel(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

/// Whether the product is there and none of its sources is newer.
pub fn is_fresh(product: &Path, sources: &[PathBuf]) -> bool {
    let Ok(made) = product.metadata().and_then(|metadata| metadata.modified()) else { return false };
    sources.iter().all(|source| newest(source).is_none_or(|changed| changed <= made))
}

/// When a file, or anything below a folder, was last changed. A deleted file changes its folder.
fn newest(path: &Path) -> Option<SystemTime> {
    let own = path.metadata().ok()?.modified().ok()?;
    let below = std::fs::read_dir(path).into_iter().flatten().flatten();
    let written_by_python = |name: &std::ffi::OsStr| name == "__pycache__" || name == ".pytest_cache";
    below
        .filter(|entry| !written_by_python(&entry.file_name()))
        .filter_map(|entry| newest(&entry.path()))
        .chain([own])
        .max()
}

/// Bytes of a file, or of all files below a folder.
fn size(path: &Path) -> Result<u64> {
    let metadata = path.metadata().with_context(|| format!("{} was not built", path.display()))?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        bytes += size(&entry?.path())?;
    }
    if bytes == 0 {
        bail!("{} is empty", path.display());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_stale_when_a_file_below_a_source_is_newer() {
        let dir = tempfile::tempdir().expect("folder");
        let source = dir.path().join("src/deep");
        std::fs::create_dir_all(&source).expect("folder");
        let at = |path: &Path, seconds: u64| {
            let file = std::fs::File::options().read(true).open(path).expect("open");
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
                .expect("time");
        };
        let (file, product) = (source.join("a.rs"), dir.path().join("product"));
        std::fs::write(&file, "a").expect("write");
        let sources = [dir.path().join("src"), dir.path().join("absent")];
        assert!(!is_fresh(&product, &sources), "there is no product");
        std::fs::write(&product, "p").expect("write");
        for (path, seconds) in [(&file, 100), (&source, 100), (&sources[0], 100), (&product, 200)] {
            at(path, seconds);
        }
        assert!(is_fresh(&product, &sources));
        at(&file, 201);
        assert!(!is_fresh(&product, &sources));
    }
}
