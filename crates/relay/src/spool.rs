//! The buffer on disk, without threads: write, read, release are plain calls, so that tests drive it step by step.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use disk::port::{Disk, Lock, LockError};
use journal::error::JournalError;
use journal::log::{Extent, Journal};
use journal::read::{Reader, Step};
use storage::error::WriteError;

use crate::board::{Board, Filed, Route};
use crate::body::Body;
use crate::config::{Overflow, Spool as Config};
use crate::cursors::{self, Cursor};
use crate::dead::DeadLetters;
use crate::entry::{Entry, Head};
use crate::figures::{Figures, RouteFigures};

/// A journal file ends beyond this, so that what was delivered can go.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// When all is delivered, a file that is not larger stays open: a new one costs two syncs.
const IDLE_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of spans in one call to a destination.
pub const CALL_BYTES_MAX: usize = 1 << 20;

/// The buffer.
#[derive(Debug)]
pub struct Spool {
    disk: Arc<dyn Disk>,
    config: Config,
    journal: Mutex<Journal>,
    dead: Mutex<DeadLetters>,
    board: Mutex<Board>,
    changed: Condvar,
    saved: Mutex<Vec<Cursor>>,
    _lock: Box<dyn Lock>,
}

/// Why the buffer can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another relay has it.
    #[error("{} is in use by another relay; stop that one, or choose another with --data-dir", .0.display())]
    InUse(PathBuf),
    /// The directory can't be used.
    #[error("cannot use the directory {}: {error}", .dir.display())]
    Directory {
        /// Which one.
        dir: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Its journal can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Spans for one call, and which ones they are.
#[derive(Clone, Debug)]
pub struct Load {
    /// The spans.
    pub body: Body,
    /// One past the number of the last record in it.
    pub to: u64,
    /// Spans accepted before those in it.
    pub spans_before: u64,
    /// Spans accepted up to its end.
    pub spans_end: u64,
    /// When the oldest of them came.
    pub arrival_ms: u64,
}

/// What there is for a route.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// Spans to send.
    Load(Load),
    /// Nothing that is due.
    Nothing,
    /// Spans that have to wait so long.
    Held(Duration),
}

impl Spool {
    /// Opens the buffer in its directory, for routes with these names.
    pub fn open(disk: Arc<dyn Disk>, config: Config, names: &[String]) -> Result<Self, OpenError> {
        let dir = &config.data_dir;
        let lock = disk.lock(dir).map_err(|error| match error {
            LockError::Held => OpenError::InUse(dir.clone()),
            LockError::Io(error) => OpenError::Directory { dir: dir.clone(), error },
        })?;
        let saved = cursors::read(&*disk, dir);
        let from = saved.iter().map(|cursor| cursor.sequence).max().unwrap_or(0);
        let mut last: Option<(u64, u64)> = None;
        let (journal, files) =
            Journal::resume(Arc::clone(&disk), dir.clone(), from, &mut |sequence, payload| {
                if let Some((head, _)) = Head::read(payload)
                    && last.is_none_or(|(number, _)| number < sequence)
                {
                    last = Some((sequence, head.spans_end()));
                }
            })?;
        for damage in files.iter().filter_map(|file| file.damage.as_deref()) {
            tracing::error!(damage, dir = %dir.display(), "the journal is damaged");
        }
        let dead = DeadLetters::open(Arc::clone(&disk), dir, config.dead_letter_limit_bytes)?;
        let files = filed(&disk, dir.clone(), &journal)?;
        let saved_spans = saved.iter().map(|cursor| cursor.spans).max().unwrap_or(0);
        let filed_spans = files.iter().map(|file| file.spans_before).max().unwrap_or(0);
        let spans = last.map_or(0, |(_, spans)| spans).max(saved_spans).max(filed_spans);
        let next = journal.next();
        let routes = names.iter().map(|name| resumed(name, &saved, &files, (next, spans))).collect();
        let board = Board {
            files: files.into(),
            next,
            spans,
            due: next,
            chunk: None,
            routes,
            trouble: None,
            stopping: false,
            refused: 0,
            damaged: Vec::new(),
        };
        Ok(Self {
            disk,
            journal: Mutex::new(journal),
            dead: Mutex::new(dead),
            board: Mutex::new(board),
            changed: Condvar::new(),
            saved: Mutex::new(saved),
            config,
            _lock: lock,
        })
    }

    /// Makes entries durable with one sync: all or none of them.
    pub fn append(&self, entries: &mut [Entry]) -> Result<(), WriteError> {
        let spans: u64 = entries.iter().map(|entry| u64::from(entry.spans())).sum();
        let written = self.try_append(entries);
        let mut board = lock(&self.board);
        board.trouble = written.as_ref().err().map(ToString::to_string);
        board.refused += if written.is_err() { spans } else { 0 };
        written
    }

    fn try_append(&self, entries: &mut [Entry]) -> Result<(), WriteError> {
        let bytes: u64 = entries.iter().map(|entry| entry.payload().len() as u64 + 24).sum();
        let mut journal = lock(&self.journal);
        self.make_room(&mut journal, bytes)?;
        let (spans_before, arrival_ms) = (lock(&self.board).spans, now_ms());
        let spans = entries.iter_mut().fold(spans_before, |spans, entry| entry.stamp(arrival_ms, spans));
        let payloads: Vec<&[u8]> = entries.iter().map(Entry::payload).collect();
        let numbers = journal.append(&payloads).map_err(|error| {
            tracing::error!(%error, "spans are turned away");
            match error {
                JournalError::Full(_) => WriteError::Busy(error.to_string()),
                JournalError::Failed { .. } | JournalError::Newer { .. } => {
                    WriteError::Failed(error.to_string())
                }
            }
        })?;
        let mut board = lock(&self.board);
        if let Some(extent) = journal.newest_open() {
            match board.files.back_mut().filter(|file| file.extent.first == extent.first) {
                Some(file) => file.extent = extent,
                None => board.files.push_back(Filed { extent, spans_before, arrival_ms }),
            }
            if extent.bytes >= FILE_BYTES_MAX.min(self.config.chunk_limit_bytes) {
                journal.roll();
            }
        }
        (board.next, board.spans) = (numbers.end, spans);
        let waiting = board.chunk.is_some();
        let due =
            board.written(bytes, Instant::now(), self.config.chunk_limit_bytes, self.config.flush_interval);
        drop(board);
        if due || !waiting {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Makes room for more bytes, as the policy says.
    fn make_room(&self, journal: &mut Journal, bytes: u64) -> Result<(), WriteError> {
        let limit = self.config.disk_limit_bytes;
        let fits = |journal: &Journal| journal.bytes() + bytes <= limit;
        if fits(journal) {
            return Ok(());
        }
        let failed = |error: JournalError| WriteError::Failed(error.to_string());
        self.release(journal).map_err(failed)?;
        while !fits(journal) && self.config.overflow == Overflow::DropOldest {
            if !self.drop_oldest(journal).map_err(failed)? {
                break;
            }
        }
        if fits(journal) {
            return Ok(());
        }
        Err(WriteError::Busy(format!("the relay's buffer holds {} of {limit} bytes", journal.bytes())))
    }

    fn drop_oldest(&self, journal: &mut Journal) -> Result<bool, JournalError> {
        journal.roll();
        let mut board = lock(&self.board);
        let Some(oldest) = board.files.front().copied() else { return Ok(false) };
        let end = oldest.extent.end;
        let spans_end = board.spans_to(end);
        for route in board.routes.iter_mut().filter(|route| route.cursor < end) {
            let spans = spans_end.saturating_sub(route.spans_done);
            tracing::error!(
                spans,
                route = route.name,
                "the disk limit is reached: the oldest spans are dropped"
            );
            route.dropped += spans;
            (route.cursor, route.spans_done) = (end, spans_end);
        }
        drop(board);
        self.release(journal)?;
        Ok(true)
    }

    /// Removes files that no route needs, and saves how far each has got.
    pub fn tidy(&self) {
        let mut journal = lock(&self.journal);
        if let Err(error) = self.release(&mut journal) {
            tracing::error!(%error, "files that were delivered can't be removed now");
        }
        drop(journal);
        if let Err(error) = self.save_cursors() {
            tracing::error!(%error, "cursors can't be saved: after a crash spans are sent again");
        }
    }

    fn release(&self, journal: &mut Journal) -> Result<(), JournalError> {
        let (done, all, damaged) = {
            let mut board = lock(&self.board);
            let done = board.done();
            (done, done >= board.next, std::mem::take(&mut board.damaged))
        };
        if all
            && journal
                .newest_open()
                .is_some_and(|extent| extent.bytes > IDLE_BYTES_MAX.min(self.config.disk_limit_bytes / 2))
        {
            journal.roll();
        }
        damaged.into_iter().for_each(|first| journal.mark_damaged(first));
        let removed = journal.remove_below(done);
        let kept: Vec<u64> = journal.extents().map(|extent| extent.first).collect();
        lock(&self.board).files.retain(|file| kept.binary_search(&file.extent.first).is_ok());
        removed
    }

    fn save_cursors(&self) -> std::io::Result<()> {
        let now: Vec<Cursor> = lock(&self.board)
            .routes
            .iter()
            .map(|route| Cursor { name: route.name.clone(), sequence: route.cursor, spans: route.spans_done })
            .collect();
        let mut saved = lock(&self.saved);
        if *saved != now {
            cursors::write(&*self.disk, &self.config.data_dir, &now)?;
            *saved = now;
        }
        Ok(())
    }

    /// Returns a reader for a route.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.disk), self.config.data_dir.clone(), 0)
    }

    /// Waits until something is due for the route. Says whether to go on: not when the relay stops.
    pub fn wait(&self, route: usize) -> bool {
        let mut board = lock(&self.board);
        loop {
            if board.stopping {
                return false;
            }
            let Some(idle) = board.idle(route, Instant::now(), self.config.flush_interval) else {
                return true;
            };
            (board, _) = self.changed.wait_timeout(board, idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits so long. Says whether to go on.
    pub fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut board = lock(&self.board);
        while !board.stopping {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            (board, _) = self.changed.wait_timeout(board, left).unwrap_or_else(PoisonError::into_inner);
        }
        false
    }

    /// Makes everything due now.
    pub fn flush(&self) {
        lock(&self.board).flush();
        self.changed.notify_all();
    }

    /// Ends all waits.
    pub fn stop(&self) {
        lock(&self.board).stopping = true;
        self.changed.notify_all();
    }

    /// Reads what the route gets next, as far as it is so old.
    pub fn load_held(
        &self,
        route: usize,
        reader: &mut Reader,
        hold: Duration,
    ) -> Result<Loaded, JournalError> {
        let youngest_ms = now_ms().saturating_sub(hold.as_millis() as u64);
        let cursor = {
            let board = lock(&self.board);
            board.routes.get(route).map_or(board.next, |route| route.cursor)
        };
        reader.seek(cursor);
        let mut gathered: Option<Gathered> = None;
        while let Some(extent) = self.due_extent(reader.next()) {
            match reader.step(&extent)? {
                Step::Record(sequence, payload) => {
                    let Some((head, bytes)) = Head::read(payload) else {
                        self.damage(&extent, sequence..sequence + 1);
                        continue;
                    };
                    if !hold.is_zero() && head.arrival_ms > youngest_ms {
                        let left_ms = head.arrival_ms - youngest_ms;
                        reader.put_back();
                        if gathered.is_none() {
                            return Ok(Loaded::Held(Duration::from_millis(left_ms).min(hold)));
                        }
                        break;
                    }
                    let gathering = gathered.get_or_insert_with(|| Gathered::new(&head));
                    if !gathering.take(&head, bytes) {
                        reader.put_back();
                        break;
                    }
                }
                Step::Lost(numbers) => self.damage(&extent, numbers),
                Step::End => {}
            }
        }
        let load = gathered.and_then(|gathered| gathered.load(reader.next()));
        let mut board = lock(&self.board);
        // Without a load only skipped numbers, or records that are gone, lie before what is due.
        let to = if load.is_some() { cursor } else { reader.next().max(board.due) };
        let found = load.as_ref().map_or(board.spans_to(to), |load| load.spans_before);
        if let Some(route) = board.routes.get_mut(route).filter(|route| route.cursor == cursor) {
            route.damaged += found.saturating_sub(route.spans_done);
            route.spans_done = route.spans_done.max(found);
            route.cursor = route.cursor.max(to);
            route.busy_ms = load.as_ref().map(|load| load.arrival_ms);
        }
        Ok(load.map_or(Loaded::Nothing, Loaded::Load))
    }

    /// The spans of traces that are not worth keeping. Returns their number.
    pub fn sampled(&self, route: usize, spans: usize) -> usize {
        self.change(route, |route| route.sampled += spans as u64);
        spans
    }

    /// Returns the file of a record, up to what is due.
    fn due_extent(&self, sequence: u64) -> Option<Extent> {
        let board = lock(&self.board);
        let extent = board.file_of(sequence)?.extent;
        let end = extent.end.min(board.due);
        (sequence.max(extent.first) < end).then_some(Extent { end, ..extent })
    }

    fn damage(&self, extent: &Extent, numbers: std::ops::Range<u64>) {
        tracing::error!(?numbers, file = extent.first, "records are damaged");
        let mut board = lock(&self.board);
        if !board.damaged.contains(&extent.first) {
            board.damaged.push(extent.first);
        }
    }

    /// Says whether spans that were read have been dropped since.
    pub fn is_dropped(&self, route: usize, load: &Load) -> bool {
        lock(&self.board).routes.get(route).is_some_and(|route| route.cursor >= load.to)
    }

    /// The far side has taken so many spans of a load.
    pub fn delivered(&self, route: usize, spans: usize) {
        self.change(route, |route| {
            route.delivered += spans as u64;
            route.failing = None;
        });
    }

    /// A call was made; says why when it has to be made again.
    pub fn called(&self, route: usize, failing: Option<String>) {
        self.change(route, |route| {
            route.calls += 1;
            if failing.is_some() {
                route.retries += 1;
                route.failing = failing;
            }
        });
    }

    /// The load is dealt with: its spans, of which so many were answered for, may go.
    pub fn advance(&self, route: usize, load: &Load, answered: usize) {
        self.change(route, |route| {
            // What was dropped meanwhile did arrive after all.
            let dropped = route.spans_done.min(load.spans_end).saturating_sub(load.spans_before);
            route.dropped = route.dropped.saturating_sub(dropped.min(answered as u64));
            if route.cursor < load.to {
                (route.cursor, route.spans_done) = (load.to, route.spans_done.max(load.spans_end));
            }
            route.busy_ms = None;
        });
    }

    /// Keeps spans as dead letters.
    pub fn bury(&self, route: usize, body: &Body, arrival_ms: u64, why: &str) -> Result<(), JournalError> {
        lock(&self.dead).bury(body, arrival_ms, why)?;
        self.change(route, |route| route.dead += body.len() as u64);
        Ok(())
    }

    /// Puts all dead letters at the end of the buffer again. Returns the number of spans.
    pub fn resend(&self) -> Result<u64, WriteError> {
        let mut dead = lock(&self.dead);
        let resent = dead.empty(&mut |body| self.append(&mut Entry::of(&body)).map_err(Resend::Write));
        resent.map_err(|error| match error {
            Resend::Write(error) => error,
            Resend::Read(error) => WriteError::Failed(error.to_string()),
        })
    }

    fn change(&self, route: usize, change: impl FnOnce(&mut Route)) {
        if let Some(route) = lock(&self.board).routes.get_mut(route) {
            change(route);
        }
    }

    /// Returns all figures.
    pub fn figures(&self) -> Figures {
        let (bytes, syncs) = {
            let journal = lock(&self.journal);
            (journal.bytes(), journal.syncs())
        };
        let dead_letters = lock(&self.dead).tally();
        let board = lock(&self.board);
        let routes = board.routes.iter().map(|route| route_figures(&board, route)).collect();
        Figures {
            routes,
            spans: board.spans,
            refused: board.refused,
            bytes,
            bytes_max: self.config.disk_limit_bytes,
            syncs,
            dead_letters,
            trouble: board.trouble.clone(),
        }
    }
}

enum Resend {
    Write(WriteError),
    Read(JournalError),
}

impl From<JournalError> for Resend {
    fn from(error: JournalError) -> Self {
        Self::Read(error)
    }
}

/// Records put together for one call.
struct Gathered {
    first: Head,
    spans_end: u64,
    bytes: Vec<u8>,
}

impl Gathered {
    fn new(first: &Head) -> Self {
        Self { first: *first, spans_end: first.spans_before, bytes: Vec::new() }
    }

    /// Adds a record, if it is of the same form, follows without a gap, and fits.
    fn take(&mut self, head: &Head, bytes: &[u8]) -> bool {
        let follows = head.form == self.first.form && head.spans_before == self.spans_end;
        if !follows || !self.bytes.is_empty() && self.bytes.len() + bytes.len() > CALL_BYTES_MAX {
            return false;
        }
        self.bytes.extend_from_slice(bytes);
        self.spans_end = head.spans_end();
        true
    }

    fn load(self, to: u64) -> Option<Load> {
        let Self { first, spans_end, bytes } = self;
        let body = Body::from_bytes(first.form, bytes);
        if body.is_none() {
            tracing::error!(to, "records of a later version, or damaged: they are left out");
        }
        let (spans_before, arrival_ms) = (first.spans_before, first.arrival_ms);
        body.map(|body| Load { body, to, spans_before, spans_end, arrival_ms })
    }
}

/// Reads the first head of each file.
fn filed(disk: &Arc<dyn Disk>, dir: PathBuf, journal: &Journal) -> Result<Vec<Filed>, JournalError> {
    let mut files: Vec<Filed> = Vec::new();
    let mut reader = Reader::new(Arc::clone(disk), dir, 0);
    for extent in journal.extents().filter(|extent| extent.first < extent.end) {
        reader.seek(extent.first);
        let head = loop {
            match reader.step(&extent)? {
                Step::Record(_, payload) => break Head::read(payload).map(|(head, _)| head),
                Step::Lost(_) => {}
                Step::End => break None,
            }
        };
        let before = files.last().map_or((0, 0), |file| (file.spans_before, file.arrival_ms));
        let (spans_before, arrival_ms) = head.map_or(before, |head| (head.spans_before, head.arrival_ms));
        files.push(Filed { extent, spans_before, arrival_ms });
    }
    Ok(files)
}

/// Returns a route that goes on where it was; a new one begins with the oldest spans there are.
fn resumed(name: &str, saved: &[Cursor], files: &[Filed], end: (u64, u64)) -> Route {
    let oldest = files.first().map_or(end, |file| (file.extent.first, file.spans_before));
    let known = saved.iter().find(|cursor| cursor.name == name);
    let (cursor, spans_done) = match known {
        Some(known) if known.sequence > oldest.0 => (known.sequence, known.spans),
        _ => oldest,
    };
    Route { name: name.to_owned(), cursor, spans_done, ..Route::default() }
}

fn route_figures(board: &Board, route: &Route) -> RouteFigures {
    let backlog_spans = board.spans.saturating_sub(route.spans_done);
    let behind = || board.files.iter().filter(|file| file.extent.end > route.cursor);
    let arrival_ms = route.busy_ms.or_else(|| behind().next().map(|file| file.arrival_ms));
    let oldest_age_ms = arrival_ms.filter(|_| backlog_spans > 0).map_or(0, |at| now_ms().saturating_sub(at));
    RouteFigures {
        name: route.name.clone(),
        backlog_spans,
        backlog_bytes: behind().map(|file| file.extent.bytes).sum(),
        oldest_age_ms,
        delivered: route.delivered,
        dead: route.dead,
        dropped: route.dropped,
        damaged: route.damaged,
        sampled: route.sampled,
        calls: route.calls,
        retries: route.retries,
        failing: route.failing.clone(),
    }
}

/// Returns milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
