//! Dependency links: who called whom, how often, and how often it failed.
//!
//! The rules are Zipkin's: openzipkin/zipkin `zipkin2.internal.DependencyLinker`.

use std::collections::BTreeMap;

use crate::span::{Kind, Span};
use crate::tree::{Node, Rules, Tree};

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

/// A link of a single call, and how long it took as far as its server, or else its client, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called whom.
    pub link: Link,
    /// Microseconds.
    pub duration_us: Option<u64>,
}

/// Returns who called whom in one trace, sorted. Reports may be partial, repeated, and in any order.
pub fn between(trace: &[Span]) -> Vec<Link> {
    merge(calls(trace).into_iter().map(|call| call.link))
}

/// Returns every call in one trace. Reports may be partial, repeated, and in any order.
pub fn calls(trace: &[Span]) -> Vec<Call> {
    calls_in(&Tree::build(trace, Rules::Zipkin))
}

/// Returns every call in a tree that was built by Zipkin's rules.
pub fn calls_in(tree: &Tree) -> Vec<Call> {
    let callers = callers_of(tree);
    let mut found = Vec::new();
    for (node, caller) in tree.nodes.iter().zip(callers) {
        let [unspoken, call] = links_of(node, caller);
        found.extend(unspoken.map(|link| Call { link, duration_us: None }));
        let duration_us = node.span.as_ref().and_then(|span| span.duration_us);
        found.extend(call.map(|link| Call { link, duration_us }));
    }
    found
}

/// Adds up links with the same ends and sorts them: for the links of several traces, or of several days.
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

/// Returns for each row the nearest span above it that took part in a call; local spans in between are looked through.
fn callers_of(tree: &Tree) -> Vec<Option<&Span>> {
    let mut callers: Vec<Option<&Span>> = Vec::with_capacity(tree.nodes.len());
    for node in &tree.nodes {
        let caller = node.parent.and_then(|above| {
            tree.nodes[above].span.as_ref().filter(|span| span.kind.is_some()).or(callers[above])
        });
        callers.push(caller);
    }
    callers
}

/// Returns the links that one span gives: one to a client that nobody spoke for, and one for the call itself.
fn links_of(node: &Node, caller: Option<&Span>) -> [Option<Link>; 2] {
    let Node { span: Some(span), size, .. } = node else { return [None, None] };
    let (local, remote) = (span.local_service(), span.remote_service());
    let kind = match span.kind {
        // What is below knows better whom it called.
        Some(Kind::Client) if *size > 1 => return [None, None],
        None if local.is_none() || remote.is_none() => return [None, None],
        kind => kind.unwrap_or(Kind::Client),
    };
    let mut failed = is_error(span);
    if matches!(kind, Kind::Producer | Kind::Consumer) {
        // Only the broker in between ties the two together.
        let (parent, child) = if kind == Kind::Producer { (local, remote) } else { (remote, local) };
        return [None, link(parent, child, failed)];
    }
    let (mut parent, child) = if kind == Kind::Client { (local, remote) } else { (remote, local) };
    let mut unspoken = None;
    if let Some((caller, name)) = caller.and_then(|above| Some((above, above.local_service()?))) {
        if kind == Kind::Client && local.is_some_and(|local| local != name) {
            // The client's own server half is missing. Whether that call failed is not known.
            unspoken = link(Some(name), local, false);
        }
        if kind == Kind::Server || parent.is_none() {
            parent = Some(name);
        }
        failed |= caller.kind == Some(Kind::Client) && span.parent_id == Some(caller.id) && is_error(caller);
    }
    [unspoken, link(parent, child, failed)]
}

fn link(parent: Option<&str>, child: Option<&str>, failed: bool) -> Option<Link> {
    Some(Link {
        parent: parent?.to_owned(),
        child: child?.to_owned(),
        call_count: 1,
        error_count: u64::from(failed),
    })
}

/// A tag named error, whatever its value; an annotation of that name says nothing.
fn is_error(span: &Span) -> bool {
    span.tag("error").is_some()
}
