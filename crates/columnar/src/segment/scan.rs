//! Looks through the columns of a segment for what a search needs, without making spans.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, DictionaryArray, ListArray, MapArray, PrimitiveArray, RecordBatch, StringArray};
use storage::query::Condition;

use crate::search::needs::{Need, Needs};
use crate::search::sightings::Sightings;
use crate::segment::error::SegmentError;
use crate::segment::read::{Segment, trace_ids};
use crate::segment::rows::{BadColumns, column, range};

/// Adds what a segment shows of each of its traces.
pub fn scan(segment: &Segment, needs: &Needs, sightings: &mut Sightings) -> Result<(), SegmentError> {
    let mut columns = vec!["trace_id", "timestamp"];
    columns.extend(needs.service.is_some().then_some("local_service"));
    columns.extend(needs.all.iter().flat_map(|need| match need {
        Need::Any => &[][..],
        Need::Name(_) => &["name"],
        Need::Remote(_) => &["remote_service"],
        Need::Duration { .. } => &["duration"],
        Need::Condition(Condition::Tag(..)) => &["tags"],
        Need::Condition(Condition::Has(_)) => &["tags", "annotations"],
    }));
    for batch in segment.scan(&columns)? {
        let batch = batch.map_err(|error| SegmentError::of_arrow(&segment.entry().name, error))?;
        see(&batch, needs, sightings).map_err(|error| segment.bad(error))?;
    }
    Ok(())
}

fn see(batch: &RecordBatch, needs: &Needs, sightings: &mut Sightings) -> Result<(), BadColumns> {
    let timestamps = column::<PrimitiveArray<TimestampMicrosecondType>>(batch, "timestamp")?;
    let counted = match &needs.service {
        Some(service) => Some(Rows::with_text(batch, "local_service", service)?),
        None => None,
    };
    let tests = needs.all.iter().map(|need| Rows::of(batch, need)).collect::<Result<Vec<_>, _>>()?;
    for (row, id) in trace_ids(batch)?.enumerate() {
        let mut met = 0;
        if counted.as_ref().is_none_or(|rows| rows.hold(row)) {
            for (bit, rows) in tests.iter().enumerate() {
                met |= u64::from(rows.hold(row)) << bit;
            }
        }
        let timestamp_us = timestamps.is_valid(row).then(|| timestamps.value(row) as u64);
        sightings.add(id, timestamp_us, met);
    }
    Ok(())
}

/// Which rows of a batch hold what is needed.
enum Rows<'a> {
    All,
    Text { keys: &'a PrimitiveArray<Int32Type>, wanted: Vec<bool> },
    Duration { durations: &'a PrimitiveArray<UInt64Type>, min_us: u64, max_us: u64 },
    These(Vec<bool>),
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch, need: &Need) -> Result<Self, BadColumns> {
        Ok(match need {
            Need::Any => Self::All,
            Need::Name(name) => Self::with_text(batch, "name", name)?,
            Need::Remote(name) => Self::with_text(batch, "remote_service", name)?,
            Need::Duration { min_us, max_us } => {
                Self::Duration { durations: column(batch, "duration")?, min_us: *min_us, max_us: *max_us }
            }
            Need::Condition(Condition::Tag(key, value)) => Self::These(with_tag(batch, key, Some(value))?),
            Need::Condition(Condition::Has(text)) => {
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

fn with_tag(batch: &RecordBatch, key: &str, value: Option<&str>) -> Result<Vec<bool>, BadColumns> {
    let tags = column::<MapArray>(batch, "tags")?;
    let keys = tags.keys().as_dictionary_opt::<Int32Type>().ok_or(BadColumns("tags"))?;
    let values: &StringArray = tags.values().as_string_opt().ok_or(BadColumns("tags"))?;
    let wanted = wanted(keys, key).ok_or(BadColumns("tags"))?;
    let mut rows = vec![false; batch.num_rows()];
    if wanted.contains(&true) {
        for (row, found) in rows.iter_mut().enumerate() {
            *found = range(tags.value_offsets(), row).any(|at| {
                wanted.get(keys.keys().value(at) as usize) == Some(&true)
                    && value.is_none_or(|value| values.value(at) == value)
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
