//! The rule that a relative link in a Markdown page leads somewhere.

use std::path::Path;

use super::Finding;
use super::source::Source;

/// Names the links of a page to files that are not there.
pub fn check(source: &Source, exists: &dyn Fn(&Path) -> bool) -> Vec<Finding> {
    if source.extension() != "md" {
        return Vec::new();
    }
    let page = source.on_disk();
    let folder = page.parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(source.text.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line) {
            let file = target.split(['#', '?']).next().unwrap_or("");
            if !file.is_empty() && !is_address(file) && !exists(&folder.join(file)) {
                findings
                    .push(Finding::new(format!("{}:{number}", source.path), format!("dead link `{target}`")));
            }
        }
    }
    findings
}

/// What `](target)`, `](target "title")` and `src="target"` point to.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let after = |opening: &'static str, closing: char| {
        line.match_indices(opening)
            .filter_map(move |(at, _)| line[at + opening.len()..].split(closing).next())
    };
    after("](", ')').map(|target| target.split(' ').next().unwrap_or(target)).chain(after("src=\"", '"'))
}

fn is_address(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let exists = |path: &Path| path.ends_with("docs/there.md") || path.ends_with("docs/there.png");
        check(&Source::new("docs/page.md", text), &exists).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_dead_link_is_named() {
        assert_eq!(findings("[a](there.md#part) and [b](gone.md \"title\")"), ["dead link `gone.md`"]);
        assert_eq!(findings("<img src=\"there.png\"> ![x](gone.png)"), ["dead link `gone.png`"]);
    }

    #[test]
    fn addresses_anchors_and_code_are_no_files() {
        assert!(findings("[a](https://example.org/x) [b](#part) [c](mailto:x@example.org)").is_empty());
        assert!(findings("```\n[a](gone.md)\n```").is_empty());
    }

    #[test]
    fn only_pages_are_read() {
        assert!(check(&Source::new("a.rs", "[a](gone.md)"), &|_| false).is_empty());
    }
}
