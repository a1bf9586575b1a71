//! Finds traces by something rare that they must have, looking only where it may be.
//!
//! A trace matches only if each required test is met by some span of it, in whatever part. So all matching traces
//! are among those with a span that meets one of these tests, and the one that fewest row groups may have is
//! looked for. The traces found are few, and are read whole and tested.

use std::collections::BTreeSet;

use model::id::TraceId;

use crate::search::needs::{Needs, Test};
use crate::search::part::Part;
use crate::search::sightings::Seen;
use crate::search::{Reading, SearchError};

/// With more traces than these, to read them whole takes longer than to look at all parts.
const TRACES_MAX: usize = 1000;

/// A test, and where it may be met.
struct Driver<'a> {
    test: &'a Test,
    /// Parts with the row groups to look at.
    places: Vec<(Part<'a>, Vec<usize>)>,
    rows: usize,
}

impl Reading<'_> {
    /// Returns all traces that may match, when the query asks for something rare; nothing when it does not.
    pub fn find_rare(&self, needs: &Needs) -> Result<Option<Vec<Seen>>, SearchError> {
        let mut rarest: Option<Driver<'_>> = None;
        for test in needs.required().filter(|test| test.can_be_rare(needs)) {
            let mut driver = Driver { test, places: Vec::new(), rows: 0 };
            for part in Part::all(self.view) {
                let groups = part.groups_with(needs, test)?;
                let rows = part.rows_of(&groups);
                driver.rows += rows;
                if rows > 0 {
                    driver.places.push((part, groups));
                }
            }
            if rarest.as_ref().is_none_or(|rarest| driver.rows < rarest.rows) {
                rarest = Some(driver);
            }
        }
        let Some(driver) = rarest else { return Ok(None) };
        let all: usize = Part::all(self.view).map(|part| part.rows()).sum();
        // With lenient ids the other ids of a trace would have to be looked for everywhere.
        if driver.rows > 0 && (driver.rows * 2 > all || !self.config.strict_trace_id) {
            return Ok(None);
        }
        let mut found: BTreeSet<TraceId> = BTreeSet::new();
        for (part, groups) in &driver.places {
            self.count_part();
            part.find(groups, needs, driver.test, &mut |id| {
                found.insert(id);
            })?;
            if found.len() > TRACES_MAX {
                return Ok(None);
            }
        }
        Ok(Some(found.into_iter().map(Seen::of_strict).collect()))
    }
}
