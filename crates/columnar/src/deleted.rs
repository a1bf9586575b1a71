//! What was deleted and may still lie in files: the manifest remembers it, every read leaves it out, and files that are
//! written anew lose it.
//!
//! A deletion counts for all that came before it, and for nothing that comes later: it names the journal record that
//! was next. When it is made, what it could concern of the active memtable is sealed; so each part lies wholly before
//! it, or holds nothing that it concerns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::id::TraceId;
use serde::{Deserialize, Serialize};
use storage::order::TraceKey;

use crate::segment::meta::Extent;

/// Most deletions that wait to be carried out; more are refused.
pub const DELETIONS_MAX: usize = 10_000;

/// A trace id as the manifest writes it: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexId(pub TraceId);

impl From<HexId> for String {
    fn from(HexId(id): HexId) -> Self {
        format!("{:032x}", id.get())
    }
}

impl TryFrom<String> for HexId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        TraceId::from_lower_hex(&text).map(Self).map_err(|error| format!("{text} {error}"))
    }
}

/// One deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// Counts deletions, from 1 on.
    pub number: u64,
    /// Journal records below this number were there when it was made.
    pub journal_end: u64,
    /// What is deleted.
    #[serde(flatten)]
    pub what: What,
}

/// What is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum What {
    /// A trace.
    Trace {
        /// Its id.
        trace_id: HexId,
    },
    /// All spans that start before an instant.
    Before {
        /// The instant.
        before_us: u64,
        /// Traces that were pinned then: they stay.
        except: Vec<HexId>,
    },
}

impl Deletion {
    /// Says whether a file of this extent must be written anew for it; `may_hold` may err on the side of yes.
    pub fn concerns(&self, extent: &Extent, may_hold: impl FnOnce(TraceId) -> bool) -> bool {
        let applies = extent.journal_end <= self.journal_end && extent.deletions < self.number;
        applies
            && match &self.what {
                What::Trace { trace_id } => may_hold(trace_id.0),
                What::Before { before_us, .. } => extent.timestamp_min_us.is_some_and(|us| us < *before_us),
            }
    }
}

/// All deletions, ready to be asked.
#[derive(Debug, Default)]
pub struct Hidden {
    strict_trace_id: bool,
    /// The end of each deleted trace's journal records.
    traces: HashMap<TraceKey, u64>,
    before: Vec<Before>,
}

#[derive(Debug)]
struct Before {
    before_us: u64,
    journal_end: u64,
    except: HashSet<TraceKey>,
}

impl Hidden {
    /// Gathers deletions.
    pub fn new(deletions: &[Deletion], strict_trace_id: bool) -> Self {
        let mut hidden = Self { strict_trace_id, ..Self::default() };
        let key = |id: &HexId| TraceKey::new(id.0, strict_trace_id);
        for Deletion { journal_end, what, .. } in deletions {
            match what {
                What::Trace { trace_id } => {
                    let end = hidden.traces.entry(key(trace_id)).or_default();
                    *end = (*end).max(*journal_end);
                }
                What::Before { before_us, except } => hidden.before.push(Before {
                    before_us: *before_us,
                    journal_end: *journal_end,
                    except: except.iter().map(key).collect(),
                }),
            }
        }
        hidden
    }

    /// Says whether a span is deleted that lies in a part which ends before this journal record.
    pub fn hides(&self, journal_end: u64, id: TraceId, timestamp_us: Option<u64>) -> bool {
        if self.is_empty() {
            return false;
        }
        let key = TraceKey::new(id, self.strict_trace_id);
        let is_old = |it: &Before| timestamp_us.is_some_and(|us| us < it.before_us);
        self.traces.get(&key).is_some_and(|end| journal_end <= *end)
            || self
                .before
                .iter()
                .any(|it| journal_end <= it.journal_end && is_old(it) && !it.except.contains(&key))
    }

    /// Says whether spans may be deleted of a part that ends before this journal record, whose oldest span starts then,
    /// and that may hold traces whose ids end so.
    pub fn concerns(&self, journal_end: u64, oldest_us: Option<u64>, may_hold: impl Fn(u64) -> bool) -> bool {
        let is_old = |it: &Before| oldest_us.is_some_and(|us| us < it.before_us);
        self.before.iter().any(|it| journal_end <= it.journal_end && is_old(it))
            || self.traces.iter().any(|(key, end)| journal_end <= *end && may_hold(key.low()))
    }

    /// Says whether nothing is deleted.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty() && self.before.is_empty()
    }
}

/// What is deleted of one part.
#[derive(Clone, Debug)]
pub struct HiddenHere {
    /// All deletions.
    pub hidden: Arc<Hidden>,
    /// The end of the part's journal records.
    pub journal_end: u64,
}

impl HiddenHere {
    /// Says whether a span of the part is deleted.
    pub fn hides(&self, id: TraceId, timestamp_us: Option<u64>) -> bool {
        self.hidden.hides(self.journal_end, id, timestamp_us)
    }
}
