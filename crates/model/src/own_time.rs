//! Own time: gives each moment of a trace to the one span that was being waited for, so that the parts add up to the whole.
//!
//! The algorithm, its reasons and its golden cases are in `testdata/own-time/`; the page has the same in TypeScript.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::id::SpanId;
use crate::skew::{instant, shifts_us};
use crate::span::Span;
use crate::tree::{Rules, Tree};

/// Where the time of a trace went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTime {
    /// Length of the root.
    pub duration_us: u64,
    /// Service and its own time in microseconds, largest first, equal ones by name; they add up to the duration.
    /// The service `""` did not give its name, or stands for time that no span covers below a root that never came.
    pub services: Vec<(String, u64)>,
    /// The spans that were waited for, parents before children. A root that never came is not among them.
    pub path: Vec<PathSpan>,
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
}

/// Returns where the time of a trace went. Reports may be partial, repeated, and in any order.
pub fn of(trace: &[Span]) -> OwnTime {
    let tree = Tree::build(trace, Rules::SameHost);
    let bounds = bounds_of(&tree);
    let own_us = walk(&tree, &bounds);
    let duration_us = bounds.first().copied().flatten().map_or(0, Stretch::length_us);
    let mut services: BTreeMap<&str, u64> = BTreeMap::new();
    let mut path = Vec::new();
    for (node, own_us) in tree.nodes.iter().zip(own_us) {
        let Some(own_us) = own_us else { continue };
        let service = node.span.as_ref().and_then(Span::local_service).unwrap_or_default();
        if node.span.is_some() || own_us > 0 {
            *services.entry(service).or_default() += own_us;
        }
        if let Some(span) = &node.span {
            path.push(PathSpan { id: span.id, shared: span.shared, service: service.to_owned(), own_us });
        }
    }
    let mut services: Vec<_> = services.into_iter().map(|(service, us)| (service.to_owned(), us)).collect();
    // Stable, and the map was in order of names.
    services.sort_by_key(|(_, us)| Reverse(*us));
    OwnTime { duration_us, services, path }
}

/// From one instant up to another, microseconds since the epoch by the mended clock.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from_us: i64,
    to_us: i64,
}

impl Stretch {
    fn length_us(self) -> u64 {
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
fn bounds_of(tree: &Tree) -> Vec<Option<Stretch>> {
    let shifts_us = shifts_us(tree);
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
fn walk(tree: &Tree, bounds: &[Option<Stretch>]) -> Vec<Option<u64>> {
    let mut own_us = vec![None; tree.nodes.len()];
    // How a child is walked does not depend on the rest of its parent's walk, so a list of walks replaces recursion.
    let mut walks = Vec::new();
    if let Some(whole) = bounds.first().copied().flatten().filter(|whole| whole.length_us() > 0) {
        walks.push((0, whole));
    }
    while let Some((row, within)) = walks.pop() {
        let mut own = 0;
        let mut cursor_us = within.to_us;
        for (child, stretch) in waited_for(tree, bounds, row, within) {
            if stretch.from_us >= cursor_us {
                continue;
            }
            let to_us = stretch.to_us.min(cursor_us);
            own += cursor_us.abs_diff(to_us);
            walks.push((child, Stretch { to_us, ..stretch }));
            cursor_us = stretch.from_us;
        }
        own_us[row] = Some(own + cursor_us.abs_diff(within.from_us));
    }
    own_us
}

/// Returns the children clipped to a stretch of their parent: latest end first, then latest start, then tree order.
fn waited_for(tree: &Tree, bounds: &[Option<Stretch>], row: usize, within: Stretch) -> Vec<(usize, Stretch)> {
    let clip = |child: usize| Some((child, bounds[child]?.clip(within)?));
    let mut clipped: Vec<(usize, Stretch)> = tree.children(row).filter_map(clip).collect();
    clipped.sort_by_key(|(_, stretch)| Reverse((stretch.to_us, stretch.from_us)));
    clipped
}
