//! The spans of a trace as one tree, laid out depth first: no recursion, so a trace may be as deep as it is long.

use std::collections::HashMap;

use crate::id::SpanId;
use crate::merge::merge;
use crate::span::Span;

/// Which rules say where a span hangs. They differ only where a half of a call is missing, or names another port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Zipkin's to the letter (openzipkin/zipkin `zipkin2.internal.SpanNode`), since its links depend on them: a server
    /// half without its client half hangs under the root; the callers of a server half are at its very endpoint.
    Zipkin,
    /// What people mean (`testdata/own-time/README.md`, step 2): a server half without its client half hangs under
    /// its parent; ports are not compared, since a process does not call out from the port it listens on.
    SameHost,
}

/// Row 0 is the root. The children of a row follow it, each with its whole subtree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Rows, parents before children, children by timestamp (absent first), equal ones in the order of the merge.
    pub nodes: Vec<Node>,
    /// Spans without a parent id.
    pub parentless: usize,
    /// Spans that hang under the root because their parent never came.
    pub orphans: usize,
    /// Spans that are their own ancestors: there is no place for them in a tree.
    pub unreached: usize,
}

/// One row of a tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// Nothing at a root that never came.
    pub span: Option<Span>,
    /// Row of the parent; nothing at the root.
    pub parent: Option<usize>,
    /// Rows of the subtree, this one included.
    pub size: usize,
}

impl Tree {
    /// Merges the reports of one trace and places each span. Nothing reported gives no rows.
    pub fn build(reported: &[Span], rules: Rules) -> Self {
        let spans = merge(reported);
        let parents = find_parents(&spans, rules);
        // To Zipkin a server half always has a parent, its client half, even when that never came.
        let may_be_root = |span: &Span| span.parent_id.is_none() && !(span.shared && rules == Rules::Zipkin);
        let is_parentless = |i: &usize| parents[*i].is_none() && may_be_root(&spans[*i]);
        let parentless = (0..spans.len()).filter(is_parentless).count();
        let root = (0..spans.len()).find(is_parentless);
        let orphans = (0..spans.len()).filter(|i| parents[*i].is_none() && !may_be_root(&spans[*i])).count();
        let children = children_of(&spans, &parents, root);
        Self { parentless, orphans, ..lay_out(spans, children, root) }
    }

    /// Returns the rows right below a row, in order.
    pub fn children(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let end = row + self.nodes[row].size;
        let from = move |at: usize| (at < end).then_some(at);
        std::iter::successors(from(row + 1), move |child| from(child + self.nodes[*child].size))
    }
}

fn find_parents(spans: &[Span], rules: Rules) -> Vec<Option<usize>> {
    let mut unshared: HashMap<SpanId, usize> = HashMap::new();
    let mut shared: HashMap<SpanId, Vec<usize>> = HashMap::new();
    for (i, span) in spans.iter().enumerate() {
        if span.shared {
            shared.entry(span.id).or_default().push(i);
        } else {
            // Zipkin forgets all but the last of several unshared spans with one id; here all stay, under their
            // own parents, and the first of them is the one that others hang under.
            unshared.entry(span.id).or_insert(i);
        }
    }
    let parent_of = |span: &Span| {
        if span.shared {
            let client = unshared.get(&span.id).copied();
            if client.is_some() || rules == Rules::Zipkin {
                return client;
            }
        }
        let parent_id = span.parent_id?;
        let servers = shared.get(&parent_id).map_or(&[][..], Vec::as_slice);
        let server = servers.iter().copied().find(|i| same_place(&spans[*i], span, rules));
        let any_server = || servers.first().copied().filter(|_| rules == Rules::SameHost);
        server.or_else(|| unshared.get(&parent_id).copied()).or_else(any_server)
    };
    spans.iter().map(parent_of).collect()
}

fn same_place(server: &Span, child: &Span, rules: Rules) -> bool {
    match (rules, &server.local_endpoint, &child.local_endpoint) {
        (Rules::Zipkin, server, child) => server == child,
        (Rules::SameHost, Some(server), Some(child)) => server.same_host(child),
        (Rules::SameHost, _, _) => true,
    }
}

/// Returns what hangs below each span, and last what hangs below a root that never came.
fn children_of(spans: &[Span], parents: &[Option<usize>], root: Option<usize>) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); spans.len() + 1];
    for (i, parent) in parents.iter().enumerate() {
        if Some(i) != root {
            children[parent.or(root).unwrap_or(spans.len())].push(i);
        }
    }
    for siblings in &mut children {
        siblings.sort_by_key(|i| spans[*i].timestamp_us);
    }
    children
}

fn lay_out(spans: Vec<Span>, children: Vec<Vec<usize>>, root: Option<usize>) -> Tree {
    if spans.is_empty() {
        return Tree::default();
    }
    let missing = spans.len();
    let mut spans: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
    spans.push(None);
    let mut nodes: Vec<Node> = Vec::with_capacity(spans.len());
    let mut stack = vec![(root.unwrap_or(missing), None)];
    while let Some((i, parent)) = stack.pop() {
        let row = nodes.len();
        nodes.push(Node { span: spans[i].take(), parent, size: 1 });
        stack.extend(children[i].iter().rev().map(|child| (*child, Some(row))));
    }
    for row in (1..nodes.len()).rev() {
        if let Some(parent) = nodes[row].parent {
            nodes[parent].size += nodes[row].size;
        }
    }
    let unreached = spans.iter().flatten().count();
    Tree { nodes, parentless: 0, orphans: 0, unreached }
}
