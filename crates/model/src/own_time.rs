//! Own time: gives each moment of a trace to the one span that was being waited for, so that the parts add up to the whole.
//!
//! The algorithm, its reasons and its golden cases are in `testdata/own-time/`; the page has the same in TypeScript.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::id::SpanId;
use crate::skew::{instant, shifts_us};
use crate::span::{Kind, Span};
use crate::tree::{Node, Rules, Tree};

/// Where the time of a trace went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTime {
    /// Length of the root.
    pub duration_us: u64,
    /// Own time by service, largest first, equal ones by name; they add up to the duration.
    /// The service `""` did not give its name, or stands for time that no span covers below a root that never came.
    pub services: Vec<Share>,
    /// The same by service and span name.
    pub operations: Vec<Share>,
    /// The spans that were waited for, parents before children. A root that never came is not among them.
    pub path: Vec<PathSpan>,
    /// How many spans nobody waited for: their time is no part of the duration.
    pub aside: usize,
}

/// What a service, or one of its operations, accounts for by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The service, or `""`.
    pub service: String,
    /// The span name, or `""`; always `""` where services are summed up.
    pub name: String,
    /// Own time.
    pub own_us: u64,
    /// The part of it that calls spent between their client half and their server half.
    pub network_us: u64,
}

/// A span on the critical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSpan {
    /// Its id; both halves of a call have the same.
    pub id: SpanId,
    /// Whether it is the server half of an id that its client made.
    pub shared: bool,
    /// The service that recorded it, or `""`.
    pub service: String,
    /// Its own time.
    pub own_us: u64,
    /// Whether that time was spent between this client half and its server half.
    pub network: bool,
}

/// What is known of each row of a tree.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Where each row lies; nothing for one that has no place in time.
    pub bounds: Vec<Option<Stretch>>,
    /// What each row has by itself; nothing for one that nobody waited for.
    pub own: Vec<Option<Own>>,
}

/// The own time of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Apart from each other, the latest first.
    pub stretches: Vec<Stretch>,
    /// Whether they lie between a client half and its server half.
    pub network: bool,
}

impl Own {
    /// Returns the sum of the stretches.
    pub fn length_us(&self) -> u64 {
        self.stretches.iter().map(|stretch| stretch.length_us()).sum()
    }
}

/// Returns where the time of a trace went. Reports may be partial, repeated, and in any order.
pub fn of(trace: &[Span]) -> OwnTime {
    let tree = Tree::build(trace, Rules::SameHost);
    Times::of(&tree, &shifts_us(&tree)).sum_up(&tree)
}

impl Times {
    /// Returns the times of a tree whose clocks are mended by these shifts.
    pub fn of(tree: &Tree, shifts_us: &[i64]) -> Self {
        let bounds = bounds_of(tree, shifts_us);
        let own = walk(tree, &bounds);
        Self { bounds, own }
    }

    /// Returns the length of the root.
    pub fn duration_us(&self) -> u64 {
        self.bounds.first().copied().flatten().map_or(0, Stretch::length_us)
    }

    /// Adds up the rows of the tree that these are the times of.
    pub fn sum_up(&self, tree: &Tree) -> OwnTime {
        let mut shares: BTreeMap<(&str, &str), Share> = BTreeMap::new();
        let mut path = Vec::new();
        let mut aside = 0;
        for (node, own) in tree.nodes.iter().zip(&self.own) {
            let Some(own) = own else {
                aside += usize::from(node.span.is_some());
                continue;
            };
            let own_us = own.length_us();
            if node.span.is_some() || own_us > 0 {
                let (service, name) = (service_of(node), name_of(node));
                let share = shares.entry((service, name)).or_insert_with(|| Share::of(service, name));
                share.add(own_us, if own.network { own_us } else { 0 });
            }
            if let Some(span) = &node.span {
                let service = service_of(node).to_owned();
                path.push(PathSpan {
                    id: span.id,
                    shared: span.shared,
                    service,
                    own_us,
                    network: own.network,
                });
            }
        }
        let mut services: BTreeMap<&str, Share> = BTreeMap::new();
        for ((service, _), share) in &shares {
            services
                .entry(service)
                .or_insert_with(|| Share::of(service, ""))
                .add(share.own_us, share.network_us);
        }
        let (services, operations) = (largest_first(services), largest_first(shares));
        OwnTime { duration_us: self.duration_us(), services, operations, path, aside }
    }
}

impl Share {
    fn of(service: &str, name: &str) -> Self {
        Self { service: service.to_owned(), name: name.to_owned(), own_us: 0, network_us: 0 }
    }

    fn add(&mut self, own_us: u64, network_us: u64) {
        self.own_us += own_us;
        self.network_us += network_us;
    }
}

/// Equal ones stay in the order of their names.
fn largest_first<K>(shares: BTreeMap<K, Share>) -> Vec<Share> {
    let mut shares: Vec<Share> = shares.into_values().collect();
    shares.sort_by_key(|share| Reverse(share.own_us));
    shares
}

fn service_of(node: &Node) -> &str {
    node.span.as_ref().and_then(Span::local_service).unwrap_or_default()
}

fn name_of(node: &Node) -> &str {
    node.span.as_ref().and_then(|span| span.name.as_deref()).unwrap_or_default()
}

/// From one instant up to another, microseconds since the epoch by the mended clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Start.
    pub from_us: i64,
    /// End.
    pub to_us: i64,
}

impl Stretch {
    /// Returns how long it is.
    pub fn length_us(self) -> u64 {
        if self.from_us < self.to_us { self.to_us.abs_diff(self.from_us) } else { 0 }
    }

    /// Returns the part within another stretch, when any is left.
    fn clip(self, other: Self) -> Option<Self> {
        let clipped = Self { from_us: self.from_us.max(other.from_us), to_us: self.to_us.min(other.to_us) };
        (clipped.from_us < clipped.to_us).then_some(clipped)
    }
}

/// Returns where each row lies. A span without timestamp starts with the first thing under it, one without duration
/// ends with the last; one without timestamp and nothing under it has no place in time.
fn bounds_of(tree: &Tree, shifts_us: &[i64]) -> Vec<Option<Stretch>> {
    // What lies under each row, filled by its children, which come after it.
    let mut under: Vec<Option<Stretch>> = vec![None; tree.nodes.len()];
    let mut bounds = vec![None; tree.nodes.len()];
    for (row, node) in tree.nodes.iter().enumerate().rev() {
        let known = node.span.as_ref().and_then(|span| span.timestamp_us);
        let from_us =
            known.map(|us| instant(us).saturating_sub(shifts_us[row])).or(under[row].map(|it| it.from_us));
        let Some(from_us) = from_us else { continue };
        let to_us = match node.span.as_ref().and_then(|span| span.duration_us) {
            Some(us) => from_us.saturating_add(instant(us)),
            None => under[row].map_or(from_us, |it| it.to_us.max(from_us)),
        };
        let own = Stretch { from_us, to_us };
        bounds[row] = Some(own);
        if let Some(parent) = node.parent {
            let all = under[parent].unwrap_or(own);
            under[parent] = Some(Stretch { from_us: all.from_us.min(from_us), to_us: all.to_us.max(to_us) });
        }
    }
    bounds
}

/// Returns the own time of each row that was waited for.
fn walk(tree: &Tree, bounds: &[Option<Stretch>]) -> Vec<Option<Own>> {
    let mut rows = vec![None; tree.nodes.len()];
    // How a child is walked does not depend on the rest of its parent's walk, so a list of walks replaces recursion.
    let mut walks = Vec::new();
    if let Some(whole) = bounds.first().copied().flatten().filter(|whole| whole.length_us() > 0) {
        walks.push((0, whole));
    }
    while let Some((row, within)) = walks.pop() {
        let mut own = Own::default();
        let mut keep = |from_us: i64, to_us: i64| {
            own.stretches.extend((from_us < to_us).then_some(Stretch { from_us, to_us }));
        };
        let mut waited_for_server = false;
        let mut cursor_us = within.to_us;
        for (child, stretch) in waited_for(tree, bounds, row, within) {
            if stretch.from_us >= cursor_us {
                continue;
            }
            let to_us = stretch.to_us.min(cursor_us);
            keep(to_us, cursor_us);
            waited_for_server |= kind_of(tree, child) == Some(Kind::Server);
            walks.push((child, Stretch { to_us, ..stretch }));
            cursor_us = stretch.from_us;
        }
        keep(within.from_us, cursor_us);
        own.network = waited_for_server && kind_of(tree, row) == Some(Kind::Client);
        rows[row] = Some(own);
    }
    rows
}

fn kind_of(tree: &Tree, row: usize) -> Option<Kind> {
    tree.nodes[row].span.as_ref()?.kind
}

/// Returns the children clipped to a stretch of their parent: latest end first, then latest start, then tree order.
fn waited_for(tree: &Tree, bounds: &[Option<Stretch>], row: usize, within: Stretch) -> Vec<(usize, Stretch)> {
    let clip = |child: usize| Some((child, bounds[child]?.clip(within)?));
    let mut clipped: Vec<(usize, Stretch)> = tree.children(row).filter_map(clip).collect();
    clipped.sort_by_key(|(_, stretch)| Reverse((stretch.to_us, stretch.from_us)));
    clipped
}
