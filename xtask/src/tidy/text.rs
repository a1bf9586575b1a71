//! Rules about what a file says: no unfinished work, no machine's path, no registry's host.

use super::Finding;
use super::source::Source;

/// Marks of unfinished work. Spelt in two parts, so that this file does not break its own rule.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
/// A clone must work with any registry, so none is named. Lock files do so by nature.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("registry.", "npmjs.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pypi.org/", "simple"),
    concat!("files.", "pythonhosted.org"),
    concat!("deb.", "debian.org"),
    concat!("repo.maven.", "apache.org"),
    concat!("proxy.", "golang.org"),
];
/// Folders that exist on the machine of whoever wrote the line.
const MACHINE_PATHS: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Use", "rs/")];

/// Holds one file against the rules.
pub fn check(source: &Source) -> Vec<Finding> {
    let is_lock = matches!(source.path.rsplit('/').next(), Some("Cargo.lock" | "package-lock.json"));
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        let mut find = |what: String| findings.push(Finding::new(format!("{}:{number}", source.path), what));
        for mark in UNFINISHED.iter().filter(|mark| has_word(line, mark)) {
            find(format!("{mark}: finish it, or file it where issues are kept"));
        }
        for path in MACHINE_PATHS.iter().filter(|path| has_absolute_path(line, path)) {
            find(format!("`{path}` is a folder of one machine"));
        }
        for host in REGISTRY_HOSTS.iter().filter(|host| !is_lock && line.contains(**host)) {
            find(format!("`{host}` is a registry's host: let the tool's own settings name it"));
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word).any(|(at, _)| {
        is_edge(line[..at].chars().next_back()) && is_edge(line[at + word.len()..].chars().next())
    })
}

/// A folder within a longer path or an address is nobody's own.
fn has_absolute_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "._-})*]$/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        check(&Source::new("docs/operate/start.md", text)).len()
    }

    #[test]
    fn unfinished_work_is_named() {
        assert_eq!(findings(concat!("// TO", "DO: later")), 1);
        assert_eq!(findings(concat!("(FIX", "ME)")), 1);
        assert_eq!(findings(concat!("MASTO", "DON and TO", "DOS")), 0);
    }

    #[test]
    fn a_path_of_one_machine_is_named() {
        assert_eq!(findings(concat!("cd /wo", "rk/main")), 1);
        assert_eq!(findings(concat!("\"/ro", "ot/.cache\"")), 1);
        assert_eq!(findings(concat!("https://example.org/ho", "me/x and target/wo", "rk/x")), 0);
    }

    #[test]
    fn a_registry_is_named_except_in_a_lock_file() {
        let line = concat!("\"resolved\": \"https://registry.", "npmjs.org/x\"");
        assert_eq!(findings(line), 1);
        assert!(check(&Source::new("ui/package-lock.json", line)).is_empty());
    }

    #[test]
    fn the_place_has_the_line() {
        let found = check(&Source::new("a.rs", concat!("one\ntwo FIX", "ME\n")));
        assert!(found[0].to_string().starts_with("a.rs:2: "), "{}", found[0]);
    }
}
