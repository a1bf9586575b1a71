//! Counts by slot of time and key, with a bound on how many keys there may be.

use std::collections::HashMap;

use indexmap::{Equivalent, IndexSet};
use model::histogram::Histogram;
use model::span::Kind;

/// Most keys of a table. Whoever has more has put something else into names, such as ids: then further operations are
/// counted together, as [`OperationKey::OTHER`], and further links not at all.
pub const KEYS_MAX: usize = 20_000;

/// Most bytes of text in the keys of a table.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Calls of one service by another.
    Link {
        /// The calling service.
        parent: String,
        /// The called service.
        child: String,
    },
    /// Spans of one operation.
    Operation(OperationKey),
}

/// What spans of one operation have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey {
    /// Who recorded them. Spans of nobody are not counted.
    pub service_name: String,
    /// Their name; empty when they have none.
    pub span_name: String,
    /// Who was at the other end.
    pub remote_service_name: Option<String>,
    /// Their side of the call.
    pub kind: Option<Kind>,
}

/// A key whose text is somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRef<'a> {
    /// Calls of one service by another.
    Link {
        /// The calling service.
        parent: &'a str,
        /// The called service.
        child: &'a str,
    },
    /// Spans of one operation.
    Operation {
        /// Who recorded them.
        service_name: &'a str,
        /// Their name.
        span_name: &'a str,
        /// Who was at the other end.
        remote_service_name: Option<&'a str>,
        /// Their side of the call.
        kind: Option<Kind>,
    },
}

/// What is counted of one key in one slot of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Calls, or spans.
    pub calls: i64,
    /// Those of them that failed.
    pub errors: i64,
    /// Durations of those that have one, in microseconds.
    pub durations: Histogram,
}

/// Counts by slot and key.
#[derive(Clone, Debug, Default)]
pub struct Table {
    keys: IndexSet<Key>,
    /// Keys that took room.
    named: usize,
    text_bytes: usize,
    cells: HashMap<(u64, u32), Cell>,
    left_out: u64,
}

impl OperationKey {
    /// Name of the operations that there was no room for, of the service without a name.
    pub const OTHER: &str = "other";
}

impl Table {
    /// Counts something that happened so many times; takes it away when that is negative.
    pub fn count(&mut self, slot: u64, key: KeyRef<'_>, failed: bool, duration_us: Option<u64>, times: i64) {
        let Some(cell) = self.cell(slot, key) else { return };
        cell.calls += times;
        cell.errors += if failed { times } else { 0 };
        if let Some(duration_us) = duration_us {
            cell.durations.record(duration_us, times);
        }
    }

    /// Adds what is counted elsewhere.
    pub fn merge(&mut self, slot: u64, key: KeyRef<'_>, counted: &Cell) {
        if let Some(cell) = self.cell(slot, key) {
            cell.merge(counted);
        }
    }

    /// Returns what is counted, in no order.
    pub fn cells(&self) -> impl Iterator<Item = (u64, &Key, &Cell)> {
        self.cells
            .iter()
            .filter_map(|((slot, key), cell)| Some((*slot, self.keys.get_index(*key as usize)?, cell)))
    }

    /// Returns how often something was counted without its own name, for want of room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn cell(&mut self, slot: u64, key: KeyRef<'_>) -> Option<&mut Cell> {
        let index = match self.keys.get_index_of(&key) {
            Some(index) => index,
            None if key == KeyRef::OTHER || self.has_room_for(&key) => self.keys.insert_full(key.to_key()).0,
            None => {
                self.left_out += 1;
                let other = matches!(key, KeyRef::Operation { .. }).then_some(KeyRef::OTHER)?;
                let known = self.keys.get_index_of(&other);
                known.unwrap_or_else(|| self.keys.insert_full(other.to_key()).0)
            }
        };
        Some(self.cells.entry((slot, index as u32)).or_default())
    }

    /// Takes room for a key; the other ones always have some.
    fn has_room_for(&mut self, key: &KeyRef<'_>) -> bool {
        let text_bytes = self.text_bytes + key.text_bytes();
        let room = self.named < KEYS_MAX && text_bytes <= TEXT_BYTES_MAX;
        if room {
            self.named += 1;
            self.text_bytes = text_bytes;
        }
        room
    }
}

impl Cell {
    /// Adds what another one counts.
    pub fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.durations.merge(&other.durations);
    }

    /// Says whether nothing is left of what was counted.
    pub fn is_empty(&self) -> bool {
        self.calls == 0 && self.errors == 0 && self.durations.is_empty()
    }
}

impl Key {
    /// Returns the same key on borrowed text.
    pub fn as_ref(&self) -> KeyRef<'_> {
        match self {
            Self::Link { parent, child } => KeyRef::Link { parent, child },
            Self::Operation(it) => KeyRef::Operation {
                service_name: &it.service_name,
                span_name: &it.span_name,
                remote_service_name: it.remote_service_name.as_deref(),
                kind: it.kind,
            },
        }
    }
}

impl KeyRef<'_> {
    /// All operations that there was no room for.
    const OTHER: Self = Self::Operation {
        service_name: "",
        span_name: OperationKey::OTHER,
        remote_service_name: None,
        kind: None,
    };

    /// Returns a key that owns its text.
    pub fn to_key(self) -> Key {
        match self {
            Self::Link { parent, child } => Key::Link { parent: parent.to_owned(), child: child.to_owned() },
            Self::Operation { service_name, span_name, remote_service_name, kind } => {
                Key::Operation(OperationKey {
                    service_name: service_name.to_owned(),
                    span_name: span_name.to_owned(),
                    remote_service_name: remote_service_name.map(str::to_owned),
                    kind,
                })
            }
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::Link { parent, child } => parent.len() + child.len(),
            Self::Operation { service_name, span_name, remote_service_name, .. } => {
                service_name.len() + span_name.len() + remote_service_name.map_or(0, str::len)
            }
        }
    }
}

// Both forms derive the same hash: the same variants with the same fields in the same order.
impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.as_ref()
    }
}
