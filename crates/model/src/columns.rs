//! A trace as columns, one row a span, depth first: what a page needs to draw it, without tags and annotations.

use std::collections::{BTreeSet, HashMap};

use crate::own_time::{OwnTime, Stretch, Times};
use crate::skew::{self, Skew};
use crate::span::{Kind, Span};
use crate::tree::{Node, Rules, Tree};

/// By which clocks a trace is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// Those of hosts that run behind their callers are mended.
    Mended,
    /// As reported.
    Raw,
}

/// A column of texts: few different ones, so that each row has the number of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// The different texts, in order of first use.
    pub of: Vec<String>,
    /// The number of each row's.
    pub at: Vec<u32>,
}

/// All rows of a trace. Where the root never came, row 0 stands for it and has no data.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The tree; its spans have what the columns leave out.
    pub tree: Tree,
    /// Where each row lies, and its own time.
    pub times: Times,
    /// The sums of these.
    pub own: OwnTime,
    /// Clocks that were mended, or would be.
    pub skews: Vec<Skew>,
    /// Names of all services, sorted, also of those nobody waited for.
    pub services: Vec<String>,
    /// Rows with a tag named `error`.
    pub failed: Vec<bool>,
}

/// What a span did, for people: `GET` and `/cart/7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// The span's name, else its HTTP method.
    pub name: &'a str,
    /// What it was done to, where the name does not say so, or `""`.
    pub path: &'a str,
}

impl Columns {
    /// Works out a trace. Reports may be partial, repeated, and in any order.
    pub fn of(trace: &[Span], clocks: Clocks) -> Self {
        let tree = Tree::build(trace, Rules::SameHost);
        let (mut shifts_us, skews) = skew::mend(&tree);
        if clocks == Clocks::Raw {
            shifts_us.fill(0);
        }
        let times = Times::of(&tree, &shifts_us);
        let own = times.sum_up(&tree);
        let services: BTreeSet<&str> =
            tree.nodes.iter().filter_map(|node| node.span.as_ref()?.local_service()).collect();
        let services = services.into_iter().map(str::to_owned).collect();
        let failed = |node: &Node| node.span.as_ref().is_some_and(|span| span.tag("error").is_some());
        let failed = tree.nodes.iter().map(failed).collect();
        Self { own, skews, services, failed, times, tree }
    }

    /// Returns the span that names the trace: the root, or the first one when the root never came.
    pub fn head(&self) -> Option<&Span> {
        self.tree.nodes.iter().find_map(|node| node.span.as_ref())
    }

    /// Says whether the root never came.
    pub fn is_rootless(&self) -> bool {
        self.tree.nodes.first().is_some_and(|root| root.span.is_none())
    }

    /// Returns how many spans there are.
    pub fn span_count(&self) -> usize {
        self.tree.nodes.len() - usize::from(self.is_rootless())
    }

    /// Returns from the first moment of the trace to its last; some of it may lie outside the root.
    pub fn extent(&self) -> Stretch {
        let placed = || self.times.bounds.iter().flatten();
        let from_us = placed().map(|it| it.from_us).min().unwrap_or(0);
        Stretch { from_us, to_us: placed().map(|it| it.to_us).max().unwrap_or(from_us) }
    }

    /// Returns a text of each row; a root that never came has an empty one.
    pub fn texts<'a>(&'a self, read: impl Fn(&'a Span) -> &'a str) -> Texts {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut texts = Texts::default();
        for node in &self.tree.nodes {
            let text = node.span.as_ref().map_or("", &read);
            let next = numbers.len() as u32;
            let number = *numbers.entry(text).or_insert_with(|| {
                texts.of.push(text.to_owned());
                next
            });
            texts.at.push(number);
        }
        texts
    }

    /// Returns the rows that contain a text: in names, services, ids, tags (`key=value`) and annotations, whatever the
    /// case. With `-` before the text: the rows that do not.
    pub fn find(&self, text: &str) -> Vec<u32> {
        let text = text.trim().to_lowercase();
        let (wanted, without) = match text.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            Some(rest) => (rest, true),
            None => (text.as_str(), false),
        };
        let meets = |node: &Node| node.span.as_ref().is_some_and(|span| contains(span, wanted) != without);
        let rows = self.tree.nodes.iter().zip(0..).filter(|(node, _)| !wanted.is_empty() && meets(node));
        rows.map(|(_, row)| row).collect()
    }
}

impl<'a> Operation<'a> {
    /// Instrumentation names spans by method alone as often as by route.
    pub fn of(span: &'a Span) -> Self {
        const PATHS: [&str; 6] =
            ["http.path", "http.uri", "http.route", "http.target", "url.path", "http.url"];
        let name = span.name.as_deref().or(span.tag("http.method")).unwrap_or_default();
        let path = PATHS.into_iter().find_map(|key| span.tag(key).filter(|value| !value.is_empty()));
        let says_it = |path: &str| name.contains(path) || name.contains('/');
        let path = path.filter(|path| Self::is_method(name) || !says_it(path)).unwrap_or_default();
        Self { name, path }
    }

    /// Says whether a name is an HTTP method, which is shown in capitals.
    pub fn is_method(name: &str) -> bool {
        const METHODS: [&str; 10] =
            ["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch", "copy"];
        METHODS.iter().any(|method| method.eq_ignore_ascii_case(name))
    }
}

/// Returns a kind as people write it, or `""`.
pub fn kind_text(kind: Option<Kind>) -> &'static str {
    match kind {
        None => "",
        Some(Kind::Client) => "client",
        Some(Kind::Server) => "server",
        Some(Kind::Producer) => "producer",
        Some(Kind::Consumer) => "consumer",
    }
}

fn contains(span: &Span, wanted: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    let names = [span.name.as_deref(), span.local_service(), span.remote_service()];
    names.into_iter().flatten().any(has)
        || has(&span.id.to_string())
        || span.tags.iter().any(|(key, value)| has(&format!("{key}={value}")))
        || span.annotations.iter().any(|it| has(&it.value))
}
