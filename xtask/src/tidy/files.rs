//! Rules about whole files: their length, opening line and name, and that a module reaches them.

use std::collections::HashSet;

use super::Finding;
use super::source::Source;

/// Above this a file is two files. Tests may be longer: a table of cases reads well in one place.
const SOURCE_LINES_MAX: usize = 600;
const TEST_LINES_MAX: usize = 1_000;
const SOURCE_EXTENSIONS: &[&str] = &["rs", "py", "ts", "svelte", "mjs", "css", "sh"];
/// Names that say nothing, so that everything ends up there.
const BANNED_NAMES: &[&str] = &["util", "utils", "common", "misc", "helper", "helpers"];

/// Holds one file against the rules.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !SOURCE_EXTENSIONS.contains(&source.extension()) {
        return findings;
    }
    let lines = source.text.lines().count();
    let lines_max = if is_test(&source.path) { TEST_LINES_MAX } else { SOURCE_LINES_MAX };
    if lines > lines_max {
        findings.push(Finding::new(
            &source.path,
            format!("{lines} lines, at most {lines_max}: split it by what changes together"),
        ));
    }
    if source.extension() == "rs" && !source.text.starts_with("//! ") {
        findings.push(Finding::new(&source.path, "open it with a `//!` sentence that says what it is for"));
    }
    let stems = source.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    for stem in stems.filter(|stem| BANNED_NAMES.contains(stem)) {
        findings
            .push(Finding::new(&source.path, format!("`{stem}` says nothing: name it after what it holds")));
    }
    findings
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| part == "tests" || part == "testdata")
        || name == "tests.rs"
        || name.starts_with("test_")
        || name.contains(".test.")
}

/// Names the Rust files that no `mod` line reaches: cargo does not compile them, so nobody knows that they rot.
pub fn unreached(sources: &[Source]) -> Vec<Finding> {
    let rust = || sources.iter().filter(|source| source.extension() == "rs");
    let mut reached: HashSet<String> = HashSet::new();
    for source in rust() {
        let folder = module_folder(&source.path);
        for line in source.text.lines() {
            if let Some(name) = declared_module(line) {
                reached.insert(format!("{folder}/{name}.rs"));
                reached.insert(format!("{folder}/{name}/mod.rs"));
            }
        }
    }
    let roots = ["main.rs", "lib.rs", "build.rs"];
    rust()
        .filter(|source| {
            let name = source.path.rsplit('/').next().unwrap_or(&source.path);
            let stands_alone =
                ["/benches/", "/examples/", "/src/bin/"].iter().any(|folder| source.path.contains(folder));
            !roots.contains(&name) && !stands_alone && !reached.contains(&source.path)
        })
        .map(|source| Finding::new(&source.path, "no `mod` line reaches it: declare it or delete it"))
        .collect()
}

/// Where the modules that a file declares lie.
fn module_folder(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "main.rs" | "lib.rs" | "mod.rs" => folder,
        _ => path.strip_suffix(".rs").unwrap_or(path),
    }
}

fn declared_module(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with(' ') => rest,
        Some(rest) => rest.strip_prefix('(')?.split_once(')')?.1,
        None => line,
    };
    line.trim_start().strip_prefix("mod ")?.trim_end().strip_suffix(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn a_long_file_is_named() {
        let text = |lines: usize| format!("//! A table.\n{}", "1\n".repeat(lines - 1));
        assert_eq!(findings("crates/wire/src/thrift.rs", &text(600)), 0);
        assert_eq!(findings("crates/wire/src/thrift.rs", &text(601)), 1);
        assert_eq!(findings("crates/wire/src/thrift/tests.rs", &text(1_000)), 0);
        assert_eq!(findings("crates/wire/src/thrift/tests.rs", &text(1_001)), 1);
        assert_eq!(findings("ui/src/model/tree.test.ts", &text(601)), 0);
        assert_eq!(findings("ui/package-lock.json", &text(2_000)), 0);
    }

    #[test]
    fn a_rust_file_that_does_not_say_what_it_is_for_is_named() {
        assert_eq!(findings("crates/wire/src/b3.rs", "use model::id;\n"), 1);
        assert_eq!(findings("crates/wire/src/b3.rs", "//! B3 headers.\n"), 0);
    }

    #[test]
    fn names_that_say_nothing_are_named() {
        assert_eq!(findings("crates/wire/src/utils.rs", "//! Things.\n"), 1);
        assert_eq!(findings("python/spanlet/helpers.py", ""), 1);
        assert_eq!(findings("ui/src/common/date.ts", ""), 1);
        assert_eq!(findings("crates/wire/src/commonplace.rs", "//! Things.\n"), 0);
    }

    #[test]
    fn a_file_that_no_module_reaches_is_named() {
        let sources = [
            Source::new("crates/wire/src/lib.rs", "//! Wire.\npub mod json;\npub(crate) mod b3;\n"),
            Source::new("crates/wire/src/json.rs", "//! JSON.\nmod escape;\n"),
            Source::new("crates/wire/src/json/escape.rs", "//! Escapes.\n"),
            Source::new("crates/wire/src/b3.rs", "//! B3.\n"),
            Source::new("crates/wire/src/old.rs", "//! Forgotten.\n"),
        ];
        let places: Vec<_> = unreached(&sources).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["crates/wire/src/old.rs"]);
    }
}
