//! Which services there are, with the span names and remote services of each, and which values tags have.

use std::collections::{BTreeMap, BTreeSet};

use model::batch::Row;
use serde::{Deserialize, Serialize};
use storage::port::Names;

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
    /// Adds the names of a span.
    pub fn insert(&mut self, row: &Row<'_>) {
        let Some(local) = row.local_service() else { return };
        if !self.services.contains_key(local) {
            self.services.insert(local.to_owned(), Service::default());
        }
        let Some(service) = self.services.get_mut(local) else { return };
        for (names, name) in [(&mut service.spans, row.name), (&mut service.remotes, row.remote_service())] {
            if let Some(name) = name
                && !names.contains(name)
            {
                names.insert(name.to_owned());
            }
        }
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
    /// Adds the values of a span's tags with these keys.
    pub fn insert(&mut self, row: &Row<'_>, keys: &[String]) {
        for key in keys {
            let Some(value) = row.tag(key) else { continue };
            if !self.by_key.get(key).is_some_and(|values| values.contains(value)) {
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
