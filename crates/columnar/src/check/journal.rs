//! Holds every record of the journal against its checksum, and the files against the manifest: none may be missing.

use journal::log::Journal;
use journal::replay::first_of;
use model::batch::Batch;

use super::{Check, Severity};
use crate::config::OpenError;
use crate::manifest::Manifest;

impl Check<'_> {
    /// Looks through the journal's files.
    pub(super) fn journal(&mut self, names: &[String], manifest: Option<&Manifest>) -> Result<(), OpenError> {
        let from = manifest.map_or(0, |manifest| manifest.journal_end);
        let (mut records, mut spans, mut bad) = (0, 0, Vec::new());
        let (journal, files) =
            Journal::open(self.disk.clone(), self.dir.to_owned(), 0, &mut |number, payload| {
                records += 1;
                match Batch::from_bytes(payload.to_vec()) {
                    Ok(batch) if number >= from => spans += batch.len() as u64,
                    Ok(_) => {}
                    Err(damage) => bad.push((number, damage)),
                }
                self.passed(payload.len() as u64);
            })?;
        drop(journal);
        self.report.journal_files = files.len() as u64;
        self.report.journal_records = records;
        self.report.journal_spans = spans;
        for file in &files {
            if let Some(damage) = &file.damage {
                let next = format!(
                    "the next start serves its other records, and keeps it as {}.quarantined when segments hold them",
                    file.name
                );
                self.report.damage(&file.name, file.damaged_at, damage.clone(), next);
            } else if file.torn_bytes > 0 {
                let what = format!("ends in {} bytes of a write that was cut off", file.torn_bytes);
                let next = "the next start leaves them out; they were never acknowledged".to_owned();
                let offset = file.bytes - file.torn_bytes;
                self.report.add(Severity::Note, &file.name, Some(offset), what, next);
            } else if file.end <= from && file.end > file.first {
                let what = "all of its records are in segments";
                self.report.note(&file.name, what, "the next start removes it");
            }
        }
        for (number, damage) in bad {
            let holder = files.iter().find(|file| (file.first..file.end).contains(&number));
            let name = holder.map_or("", |file| &file.name);
            let what = format!("record {number} is whole, but holds no spans: {damage}");
            self.report.damage(name, None, what, "the next start leaves it out and serves the others");
        }
        if let Some(manifest) = manifest {
            self.missing(names, manifest.journal_end)?;
        }
        self.passed(self.all_bytes);
        Ok(())
    }

    /// Records that were acknowledged before the first file was made must be in segments.
    fn missing(&mut self, names: &[String], journal_end: u64) -> Result<(), OpenError> {
        let Some(name) = names.iter().find(|name| first_of(name).is_some()) else { return Ok(()) };
        let path = self.dir.join(name);
        let head =
            journal::replay::head(&**self.disk, &path).map_err(|error| OpenError::Io { path, error })?;
        if let Some(head) = head.filter(|head| head.acknowledged > journal_end && head.first > journal_end) {
            let what = format!(
                "records {journal_end} to {} were acknowledged before this file was made, and are in no file: one is missing",
                head.acknowledged - 1
            );
            self.report.damage(name, Some(0), what, "the next start serves what is there");
        }
        Ok(())
    }
}
