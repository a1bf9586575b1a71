//! `cargo xtask tidy`: the rules of the house that no compiler checks.

mod edges;
mod files;
mod links;
mod source;
mod text;

use anyhow::{Result, bail};

/// One broken rule: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    place: String,
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Holds every file of the checkout against the rules; fails when one is broken.
pub fn run() -> Result<()> {
    let sources = source::all()?;
    let mut findings = edges::check(&edges::of_workspace()?);
    for source in &sources {
        findings.extend(files::check(source));
        findings.extend(text::check(source));
        findings.extend(links::check(source, &|path| path.exists()));
    }
    findings.extend(files::unreached(&sources));
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy: {} rule(s) broken", findings.len());
    }
    println!("tidy: {} files, no rule broken", sources.len());
    Ok(())
}
