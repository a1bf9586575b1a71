//! Dead letters: what the far side will never take, in a journal of its own, with the reason.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::port::Disk;
use journal::error::JournalError;
use journal::log::{Extent, Journal};
use journal::read::{Reader, Step};

use crate::body::Body;
use crate::entry::{Entry, Head};

/// Name of the folder in the data directory.
pub const FOLDER: &str = "dead-letter";
/// A file ends beyond, so that the oldest letters can go.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The folder.
#[derive(Debug)]
pub struct DeadLetters {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    journal: Journal,
    bytes_max: u64,
    spans: u64,
    spans_dropped: u64,
}

/// Figures of the folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Spans in it.
    pub spans: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Spans that went because there was no room for them.
    pub dropped: u64,
}

impl DeadLetters {
    /// Opens the folder in a data directory.
    pub fn open(disk: Arc<dyn Disk>, data_dir: &Path, bytes_max: u64) -> Result<Self, JournalError> {
        let dir = data_dir.join(FOLDER);
        let made = disk.create_dir_all(&dir);
        made.map_err(|error| JournalError::Failed { doing: "make", path: dir.clone(), error })?;
        let (journal, _) = Journal::resume(Arc::clone(&disk), dir.clone(), 0, &mut |_, _| {})?;
        let mut letters = Self { disk, dir, journal, bytes_max, spans: 0, spans_dropped: 0 };
        let extents: Vec<Extent> = letters.journal.extents().collect();
        for extent in extents {
            letters.spans += letters.spans_of(&extent)?;
        }
        Ok(letters)
    }

    /// Keeps a body that came at a time, and why nobody takes it.
    pub fn bury(&mut self, body: &Body, arrival_ms: u64, why: &str) -> Result<(), JournalError> {
        let reason: String = why.chars().take(1000).collect();
        let mut payloads = Vec::new();
        for mut entry in Entry::of(body) {
            entry.stamp(arrival_ms, 0);
            let mut payload = (reason.len() as u16).to_le_bytes().to_vec();
            payload.extend_from_slice(reason.as_bytes());
            payload.extend_from_slice(entry.payload());
            payloads.push(payload);
        }
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        self.journal.append(&slices)?;
        self.spans += body.len() as u64;
        if self.journal.newest_open().is_some_and(|extent| extent.bytes >= FILE_BYTES_MAX) {
            self.journal.roll();
        }
        while self.journal.bytes() > self.bytes_max && self.drop_oldest()? {}
        Ok(())
    }

    fn drop_oldest(&mut self) -> Result<bool, JournalError> {
        // What is being written stays.
        let Some(oldest) = self.journal.extents().next().filter(|_| self.journal.extents().count() > 1)
        else {
            return Ok(false);
        };
        let spans = self.spans_of(&oldest)?;
        self.journal.remove_below(oldest.end)?;
        self.spans = self.spans.saturating_sub(spans);
        self.spans_dropped += spans;
        tracing::error!(spans, dir = %self.dir.display(), "dead letters are over their limit: the oldest are dropped");
        Ok(true)
    }

    /// Gives every letter to `take`, and empties the folder when it took all. Returns the number of spans.
    pub fn empty<E: From<JournalError>>(
        &mut self,
        take: &mut dyn FnMut(Body) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.journal.roll();
        let extents: Vec<Extent> = self.journal.extents().collect();
        let mut spans = 0;
        for extent in extents {
            self.read(&extent, |head, bytes| {
                spans += u64::from(head.spans);
                Body::from_bytes(head.form, bytes.to_vec()).map_or(Ok(()), &mut *take)
            })?;
            // File by file: a failure further on does not send these twice.
            self.journal.remove_below(extent.end)?;
        }
        self.spans = 0;
        Ok(spans)
    }

    /// Returns the figures.
    pub fn tally(&self) -> Tally {
        Tally { spans: self.spans, bytes: self.journal.bytes(), dropped: self.spans_dropped }
    }

    fn spans_of(&self, extent: &Extent) -> Result<u64, JournalError> {
        let mut spans = 0;
        self.read(extent, |head, _| {
            spans += u64::from(head.spans);
            Ok::<(), JournalError>(())
        })?;
        Ok(spans)
    }

    fn read<E: From<JournalError>>(
        &self,
        extent: &Extent,
        mut visit: impl FnMut(Head, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut reader = Reader::new(Arc::clone(&self.disk), self.dir.clone(), extent.first);
        loop {
            match reader.step(extent)? {
                Step::Record(_, payload) => {
                    let entry = payload.split_first_chunk().and_then(|(length, rest)| {
                        rest.get(usize::from(u16::from_le_bytes(*length))..).and_then(Head::read)
                    });
                    if let Some((head, bytes)) = entry {
                        visit(head, bytes)?;
                    }
                }
                Step::Lost(_) => {}
                Step::End => return Ok(()),
            }
        }
    }
}
