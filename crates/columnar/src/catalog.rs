//! Which parts hold spans now. Readers take a view of all parts at once and keep it as long as they need.

use std::sync::{Arc, PoisonError, RwLock};

use crate::deleted::Hidden;
use crate::memtable::Memtable;
use crate::segment::read::Segment;

/// The parts at one moment. A span is in exactly one of them, however they are sealed meanwhile.
#[derive(Clone, Debug)]
pub struct View {
    /// Segments, in order of arrival.
    pub segments: Vec<Arc<Segment>>,
    /// Memtables that wait to become segments, in order of arrival.
    pub sealed: Vec<Arc<Memtable>>,
    /// The one being filled.
    pub active: Arc<Memtable>,
    /// What of all that is deleted.
    pub hidden: Arc<Hidden>,
}

/// The current view.
#[derive(Debug)]
pub struct Catalog {
    view: RwLock<View>,
}

impl View {
    /// Returns all memtables, in order of arrival.
    pub fn memtables(&self) -> impl Iterator<Item = &Memtable> {
        self.sealed.iter().chain([&self.active]).map(|memtable| &**memtable)
    }
}

impl Catalog {
    /// Starts with a view.
    pub fn new(view: View) -> Self {
        Self { view: RwLock::new(view) }
    }

    /// Returns the view of now.
    pub fn view(&self) -> View {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts an empty memtable in place of the active one, which then waits to become a segment.
    pub fn seal_active(&self, now_ms: u64) {
        self.change(|view| {
            let empty = Arc::new(view.active.next());
            view.active.seal(now_ms);
            let full = std::mem::replace(&mut view.active, empty);
            view.sealed.push(full);
        });
    }

    /// Puts a segment in place of the memtable that it was made of.
    pub fn replace(&self, memtable: &Arc<Memtable>, segment: Option<Arc<Segment>>) {
        self.change(|view| {
            view.sealed.retain(|sealed| !Arc::ptr_eq(sealed, memtable));
            view.segments.extend(segment);
        });
    }

    /// Puts a segment, or nothing, in place of those with these names, which are neighbours.
    pub fn swap(&self, names: &[String], segment: Option<Arc<Segment>>) {
        let is_old = |segment: &Arc<Segment>| names.contains(&segment.entry().name);
        self.change(|view| {
            let at = view.segments.iter().position(is_old).unwrap_or(view.segments.len());
            view.segments.retain(|segment| !is_old(segment));
            view.segments.splice(at..at, segment);
        });
    }

    /// Changes what is deleted.
    pub fn hide(&self, hidden: Hidden) {
        self.change(|view| view.hidden = Arc::new(hidden));
    }

    /// Takes a segment out. Returns whether it was in.
    pub fn remove(&self, name: &str) -> bool {
        let mut removed = false;
        self.change(|view| {
            let before = view.segments.len();
            view.segments.retain(|segment| segment.entry().name != name);
            removed = view.segments.len() < before;
        });
        removed
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner));
    }
}
