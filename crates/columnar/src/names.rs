//! Which services there are, with the span names and remote services of each, and which values tags have.

use std::collections::{BTreeMap, BTreeSet};

use model::batch::Row;
use serde::{Deserialize, Serialize};
use storage::port::Names;

/// Most names and values that a part lists. Whoever sends more has put something else into names, such as ids, and no
/// list of them helps anybody; their spans are stored and found all the same.
pub const NAMES_MAX: usize = 20_000;

/// How many names and values a part lists, and how often one was left out for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    listed: usize,
    /// Names of spans that no list has, each time that they come.
    pub left_out: u64,
}

impl Tally {
    fn has_room(&mut self) -> bool {
        let room = self.listed < NAMES_MAX;
        if room {
            self.listed += 1;
        } else {
            self.left_out += 1;
        }
        room
    }
}

/// Names by local service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameSets {
    services: BTreeMap<String, Service>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Service {
    spans: BTreeSet<String>,
    remotes: BTreeSet<String>,
}

impl NameSets {
    /// Adds the names of a span, while there is room.
    pub fn insert(&mut self, row: &Row<'_>, tally: &mut Tally) {
        let Some(local) = row.local_service() else { return };
        if !self.services.contains_key(local) && tally.has_room() {
            self.services.insert(local.to_owned(), Service::default());
        }
        let Some(service) = self.services.get_mut(local) else { return };
        for (names, name) in [(&mut service.spans, row.name), (&mut service.remotes, row.remote_service())] {
            if let Some(name) = name
                && !names.contains(name)
                && tally.has_room()
            {
                names.insert(name.to_owned());
            }
        }
    }

    /// Says whether a span of this service, or of any, may have such a name and such a remote service, if no name was
    /// left out.
    pub fn may_have(&self, service: Option<&str>, name: Option<&str>, remote: Option<&str>) -> bool {
        let has = |it: &Service| {
            name.is_none_or(|name| it.spans.contains(name))
                && remote.is_none_or(|remote| it.remotes.contains(remote))
        };
        // The names of spans without a local service are not listed.
        service.is_none_or(|service| self.services.get(service).is_some_and(has))
    }

    /// Returns how many names there are.
    pub fn len(&self) -> usize {
        self.services.values().map(|it| 1 + it.spans.len() + it.remotes.len()).sum()
    }

    /// Adds the names asked for to those of other parts.
    pub fn collect(&self, names: &Names, out: &mut BTreeSet<String>) {
        let of = |service: &String| self.services.get(service);
        match names {
            Names::Services => out.extend(self.services.keys().cloned()),
            Names::Spans(service) => {
                out.extend(of(service).into_iter().flat_map(|it| it.spans.iter().cloned()))
            }
            Names::RemoteServices(service) => {
                out.extend(of(service).into_iter().flat_map(|it| it.remotes.iter().cloned()));
            }
            Names::Values(_) => {}
        }
    }
}

/// Values by the key of their tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TagValues {
    by_key: BTreeMap<String, BTreeSet<String>>,
}

impl TagValues {
    /// Returns how many values there are.
    pub fn len(&self) -> usize {
        self.by_key.values().map(BTreeSet::len).sum()
    }

    /// Adds the values of a span's tags with these keys, while there is room.
    pub fn insert(&mut self, row: &Row<'_>, keys: &[String], tally: &mut Tally) {
        for key in keys {
            let Some(value) = row.tag(key) else { continue };
            if !self.by_key.get(key).is_some_and(|values| values.contains(value)) && tally.has_room() {
                self.by_key.entry(key.clone()).or_default().insert(value.to_owned());
            }
        }
    }

    /// Adds the values asked for to those of other parts.
    pub fn collect(&self, names: &Names, out: &mut BTreeSet<String>) {
        if let Names::Values(key) = names {
            out.extend(self.by_key.get(key).into_iter().flatten().cloned());
        }
    }
}
