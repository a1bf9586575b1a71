//! Looks through the columns of a segment for what a search needs, without making spans.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, DictionaryArray, ListArray, MapArray, PrimitiveArray, RecordBatch, StringArray};
use model::id::TraceId;
use storage::facts::Facts;

use crate::search::gather::Gather;
use crate::search::needs::{Needs, Test, Value};
use crate::search::sightings::Sightings;
use crate::segment::error::SegmentError;
use crate::segment::read::{Segment, trace_ids};
use crate::segment::rows::{BadColumns, column, range};

/// Adds what a segment shows of each of its traces.
pub fn scan(
    segment: &Segment,
    needs: &Needs,
    gather: Gather,
    sightings: &mut Sightings,
) -> Result<(), SegmentError> {
    let mut columns = vec!["trace_id", "timestamp"];
    columns.extend(needs.service.is_some().then_some("local_service"));
    columns.extend(gather.roots.then_some("parent_id"));
    columns.extend(gather.durations.then_some("duration"));
    columns.extend(gather.errors.then_some("tags"));
    columns.extend(needs.tests.iter().flat_map(columns_of));
    for batch in segment.scan(&Vec::from_iter(segment.groups()), &columns)? {
        see(&batch?, needs, gather, sightings).map_err(|error| segment.bad(error))?;
    }
    Ok(())
}

/// Calls with the trace id of each counted span in some row groups that meets a test.
pub fn find(
    segment: &Segment,
    groups: &[usize],
    needs: &Needs,
    test: &Test,
    call: &mut impl FnMut(TraceId),
) -> Result<(), SegmentError> {
    let mut columns = vec!["trace_id"];
    columns.extend(needs.service.is_some().then_some("local_service"));
    columns.extend(columns_of(test));
    for batch in segment.scan(groups, &columns)? {
        let batch = batch?;
        let of = |test| Rows::of(&batch, test);
        let counted = needs.service.as_deref().map(|it| Rows::with_text(&batch, "local_service", it));
        let counted = counted.transpose().map_err(|error| segment.bad(error))?;
        let rows = of(test).map_err(|error| segment.bad(error))?;
        let ids = trace_ids(&batch).map_err(|error| segment.bad(error))?;
        for (_, id) in ids
            .enumerate()
            .filter(|(row, _)| rows.hold(*row) && counted.as_ref().is_none_or(|counted| counted.hold(*row)))
        {
            call(id);
        }
    }
    Ok(())
}

/// Returns the columns that a test looks at.
fn columns_of(test: &Test) -> &'static [&'static str] {
    match test {
        Test::Counts => &[],
        Test::Name(_) => &["name"],
        Test::Remote(_) => &["remote_service"],
        Test::Duration { .. } => &["duration"],
        Test::Tag { .. } => &["tags"],
        Test::Has(_) => &["tags", "annotations"],
    }
}

fn see(
    batch: &RecordBatch,
    needs: &Needs,
    gather: Gather,
    sightings: &mut Sightings,
) -> Result<(), BadColumns> {
    let gathered = Gathered::of(batch, gather)?;
    let counted = match &needs.service {
        Some(service) => Some(Rows::with_text(batch, "local_service", service)?),
        None => None,
    };
    let tests = needs.tests.iter().map(|test| Rows::of(batch, test)).collect::<Result<Vec<_>, _>>()?;
    for (row, id) in trace_ids(batch)?.enumerate() {
        let mut met = 0;
        if counted.as_ref().is_none_or(|rows| rows.hold(row)) {
            for (bit, rows) in tests.iter().enumerate() {
                met |= u64::from(rows.hold(row)) << bit;
            }
        }
        sightings.add(id, met, &gathered.facts(row));
    }
    Ok(())
}

/// Columns of facts.
struct Gathered<'a> {
    timestamps: &'a PrimitiveArray<TimestampMicrosecondType>,
    parents: Option<&'a PrimitiveArray<UInt64Type>>,
    durations: Option<&'a PrimitiveArray<UInt64Type>>,
    errors: Option<Vec<bool>>,
}

impl<'a> Gathered<'a> {
    fn of(batch: &'a RecordBatch, gather: Gather) -> Result<Self, BadColumns> {
        Ok(Self {
            timestamps: column(batch, "timestamp")?,
            parents: gather.roots.then(|| column(batch, "parent_id")).transpose()?,
            durations: gather.durations.then(|| column(batch, "duration")).transpose()?,
            errors: gather.errors.then(|| with_tag(batch, "error", None)).transpose()?,
        })
    }

    fn facts(&self, row: usize) -> Facts {
        let timestamps = self.timestamps;
        let duration = |durations: &PrimitiveArray<_>| durations.is_valid(row).then(|| durations.value(row));
        Facts::of_span(
            self.parents.is_some_and(|parents| parents.is_null(row)),
            timestamps.is_valid(row).then(|| timestamps.value(row) as u64),
            self.durations.and_then(duration),
            self.errors.as_ref().is_some_and(|errors| errors.get(row) == Some(&true)),
        )
    }
}

/// Which rows of a batch hold what is needed.
enum Rows<'a> {
    All,
    Text { keys: &'a PrimitiveArray<Int32Type>, wanted: Vec<bool> },
    Duration { durations: &'a PrimitiveArray<UInt64Type>, min_us: u64, max_us: u64 },
    These(Vec<bool>),
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch, test: &Test) -> Result<Self, BadColumns> {
        Ok(match test {
            Test::Counts => Self::All,
            Test::Name(name) => Self::with_text(batch, "name", name)?,
            Test::Remote(name) => Self::with_text(batch, "remote_service", name)?,
            Test::Duration { min_us, max_us } => {
                Self::Duration { durations: column(batch, "duration")?, min_us: *min_us, max_us: *max_us }
            }
            Test::Tag { key, value } => Self::These(with_tag(batch, key, Some(value))?),
            Test::Has(text) => {
                let mut rows = with_tag(batch, text, None)?;
                with_annotation(batch, text, &mut rows)?;
                Self::These(rows)
            }
        })
    }

    fn with_text(batch: &'a RecordBatch, name: &'static str, text: &str) -> Result<Self, BadColumns> {
        let array = column::<DictionaryArray<Int32Type>>(batch, name)?;
        Ok(Self::Text { keys: array.keys(), wanted: wanted(array, text).ok_or(BadColumns(name))? })
    }

    fn hold(&self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::Text { keys, wanted } => {
                keys.is_valid(row) && wanted.get(keys.value(row) as usize) == Some(&true)
            }
            // No duration counts as zero, which is never wanted.
            Self::Duration { durations, min_us, max_us } => {
                durations.is_valid(row) && (*min_us..=*max_us).contains(&durations.value(row))
            }
            Self::These(rows) => rows.get(row) == Some(&true),
        }
    }
}

/// Says for each text of a dictionary whether it is the one.
fn wanted(array: &DictionaryArray<Int32Type>, text: &str) -> Option<Vec<bool>> {
    let texts: &StringArray = array.values().as_string_opt()?;
    Some(texts.iter().map(|found| found == Some(text)).collect())
}

fn with_tag(batch: &RecordBatch, key: &str, value: Option<&Value>) -> Result<Vec<bool>, BadColumns> {
    let tags = column::<MapArray>(batch, "tags")?;
    let keys = tags.keys().as_dictionary_opt::<Int32Type>().ok_or(BadColumns("tags"))?;
    let values: &StringArray = tags.values().as_string_opt().ok_or(BadColumns("tags"))?;
    let wanted = wanted(keys, key).ok_or(BadColumns("tags"))?;
    let mut rows = vec![false; batch.num_rows()];
    if wanted.contains(&true) {
        for (row, found) in rows.iter_mut().enumerate() {
            *found = range(tags.value_offsets(), row).any(|at| {
                wanted.get(keys.keys().value(at) as usize) == Some(&true)
                    && value.is_none_or(|value| value.is_met_by(values.value(at)))
            });
        }
    }
    Ok(rows)
}

fn with_annotation(batch: &RecordBatch, text: &str, rows: &mut [bool]) -> Result<(), BadColumns> {
    let annotations = column::<ListArray>(batch, "annotations")?;
    let fields = annotations.values().as_struct_opt().map(|list| list.columns());
    let Some([_, values]) = fields else { return Err(BadColumns("annotations")) };
    let values: &StringArray = values.as_string_opt().ok_or(BadColumns("annotations"))?;
    for (row, found) in rows.iter_mut().enumerate() {
        *found |= range(annotations.value_offsets(), row).any(|at| values.value(at) == text);
    }
    Ok(())
}
