//! A disk in memory that loses what was not synced, tears writes, fills up and fails on demand.
//!
//! What a crash leaves follows POSIX as file systems really behave: of bytes not synced any part may be there,
//! cut anywhere, with holes of zeros; of names not synced, each directory has either all changes or none. After
//! a failed sync the lost bytes read back until the crash and later syncs claim success ("fsyncgate").

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::port::{Disk, File, Lock, LockError};

/// What goes wrong at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device fails this once; a write leaves half of its bytes.
    Eio,
    /// There is no room this once; a write leaves half of its bytes.
    Full,
    /// The power goes: this and every later operation fails until [`Faulty::crash`].
    PowerCut,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct Faulty {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    random: u64,
    files: Vec<Content>,
    names: Names,
    names_synced: Names,
    dirs: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    capacity_bytes: Option<u64>,
    power_is_cut: bool,
    /// Counts crashes, so that files and locks of the dead process are no use to the next.
    life: u64,
}

type Names = BTreeMap<PathBuf, usize>;

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    sync_failed: bool,
}

impl Faulty {
    /// Returns an empty disk; the seed decides what crashes leave of what was not synced.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: seed.wrapping_mul(2).wrapping_add(1),
            files: Vec::new(),
            names: Names::new(),
            names_synced: Names::new(),
            dirs: BTreeSet::new(),
            locked: BTreeSet::new(),
            operations: 0,
            faults: BTreeMap::new(),
            capacity_bytes: None,
            power_is_cut: false,
            life: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Returns how many operations were asked so far; reads do not count.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Makes the operation with this number fail; the first has the number 0.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.state().faults.insert(operation, fault);
    }

    /// Sets how many bytes fit on the disk.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Returns how many bytes the files hold.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// Cuts the power and turns it on again: what was not synced is lost, or torn. Faults are forgotten.
    pub fn crash(&self) {
        let state = &mut *self.state();
        state.start_anew();
        let dirs: Vec<PathBuf> = state.dirs.iter().cloned().collect();
        for dir in dirs {
            if state.random(2) == 0 {
                state.sync_names(&dir);
            }
        }
        state.names = state.names_synced.clone();
        for index in 0..state.files.len() {
            state.tear(index);
        }
    }

    /// Ends the process only: the operating system still has what was not synced. Faults are forgotten.
    pub fn kill(&self) {
        self.state().start_anew();
    }

    /// Flips bits of a byte of a file, as bad hardware does.
    pub fn flip(&self, path: &Path, at: usize, bits: u8) {
        let state = &mut *self.state();
        let Some(file) = state.names.get(path).and_then(|index| state.files.get_mut(*index)) else { return };
        for bytes in [&mut file.now, &mut file.synced] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bits;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns a number below the bound: xorshift64*, enough for choosing where to tear.
    fn random(&mut self, bound: usize) -> usize {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound.max(1)
    }

    fn start_anew(&mut self) {
        self.life += 1;
        self.power_is_cut = false;
        self.faults.clear();
        self.locked.clear();
    }

    fn used_bytes(&self) -> u64 {
        let held: BTreeSet<usize> = self.names.values().copied().collect();
        held.iter().filter_map(|index| self.files.get(*index)).map(|file| file.now.len() as u64).sum()
    }

    /// Counts an operation. Returns the fault that hits it.
    fn next(&mut self) -> Option<Fault> {
        let fault = self.faults.remove(&self.operations);
        self.operations += 1;
        self.power_is_cut |= fault == Some(Fault::PowerCut);
        if self.power_is_cut { Some(Fault::PowerCut) } else { fault }
    }

    fn next_or_fail(&mut self) -> io::Result<()> {
        self.next().map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn powered(&self) -> io::Result<()> {
        if self.power_is_cut { Err(Fault::PowerCut.error()) } else { Ok(()) }
    }

    fn sync_names(&mut self, dir: &Path) {
        self.names_synced.retain(|path, _| path.parent() != Some(dir));
        let now = self.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        self.names_synced.extend(now.map(|(path, index)| (path.clone(), *index)));
    }

    fn tear(&mut self, index: usize) {
        let choice = self.random(3);
        let (kept, hole) = (self.random(usize::MAX), self.random(usize::MAX));
        let Some(file) = self.files.get_mut(index) else { return };
        let safe = file.synced.len();
        if file.now.len() > safe && file.now.starts_with(&file.synced) && choice > 0 && !file.sync_failed {
            let tail = file.now.len() - safe;
            let kept = kept % (tail + 1);
            file.now.truncate(safe + kept);
            if choice == 2 {
                // The end was written back, something before it was not.
                let hole = hole % (kept + 1);
                file.now.iter_mut().skip(safe).take(hole).for_each(|byte| *byte = 0);
            }
        } else {
            file.now.clone_from(&file.synced);
        }
        file.synced.clone_from(&file.now);
        file.sync_failed = false;
    }

    fn check_dir(&self, path: &Path) -> io::Result<()> {
        let known = path.parent().is_some_and(|dir| self.dirs.contains(dir));
        if known { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Self::Eio => io::Error::other("input/output error"),
            Self::Full => io::ErrorKind::StorageFull.into(),
            Self::PowerCut => io::Error::other("power cut"),
        }
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = &mut *self.state();
        state.next_or_fail()?;
        state.check_dir(path)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let index = state.files.len();
        state.files.push(Content::default());
        state.names.insert(path.to_owned(), index);
        Ok(Box::new(FaultyFile { disk: self.clone(), index, life: state.life }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = self.state();
        state.powered()?;
        let index = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(FaultyFile { disk: self.clone(), index, life: state.life }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.next_or_fail()?;
        state.check_dir(to)?;
        let index = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), index);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.next_or_fail()?;
        state.names.remove(path).map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.powered()?;
        if !state.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let here = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(here.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.next_or_fail()?;
        state.dirs.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.next_or_fail()?;
        state.sync_names(dir);
        Ok(())
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Lock>, LockError> {
        let state = &mut *self.state();
        state.next_or_fail().map_err(LockError::Io)?;
        if !state.dirs.contains(dir) {
            return Err(LockError::Io(io::ErrorKind::NotFound.into()));
        }
        if !state.locked.insert(dir.to_owned()) {
            return Err(LockError::Held);
        }
        Ok(Box::new(FaultyLock { disk: self.clone(), dir: dir.to_owned(), life: state.life }))
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: Faulty,
    index: usize,
    life: u64,
}

impl FaultyFile {
    /// Runs something on the content; fails when the process that opened the file is dead.
    fn with<T>(&self, run: impl FnOnce(&mut State, usize) -> io::Result<T>) -> io::Result<T> {
        let state = &mut *self.disk.state();
        state.powered()?;
        if state.life != self.life || self.index >= state.files.len() {
            return Err(io::Error::other("file of a process that is gone"));
        }
        run(state, self.index)
    }
}

impl File for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.with(|state, index| {
            let room =
                state.capacity_bytes.map(|capacity| capacity.saturating_sub(state.used_bytes()) as usize);
            let fault = match (state.next(), room) {
                (None, Some(room)) if room < bytes.len() => Some((Fault::Full, room)),
                (fault, _) => fault.map(|fault| (fault, bytes.len() / 2)),
            };
            let written = fault.map_or(bytes.len(), |(_, written)| written);
            if let Some(file) = state.files.get_mut(index) {
                file.now.extend(bytes.iter().take(written));
            }
            fault.map_or(Ok(()), |(fault, _)| Err(fault.error()))
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|state, index| {
            let fault = state.next();
            let Some(file) = state.files.get_mut(index) else { return Ok(()) };
            match fault {
                Some(Fault::PowerCut) => return Err(Fault::PowerCut.error()),
                Some(fault) => {
                    file.sync_failed = true;
                    return Err(fault.error());
                }
                None if file.sync_failed => {}
                None => file.synced.clone_from(&file.now),
            }
            Ok(())
        })
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.with(|state, index| {
            let file = state.files.get(index).map_or(&[][..], |file| &file.now);
            let end = (offset as usize).saturating_add(buffer.len());
            buffer.copy_from_slice(file.get(offset as usize..end).ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|state, index| Ok(state.files.get(index).map_or(0, |file| file.now.len() as u64)))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.with(|state, index| {
            state.next_or_fail()?;
            if let Some(file) = state.files.get_mut(index) {
                file.now.resize(length as usize, 0);
            }
            Ok(())
        })
    }
}

#[derive(Debug)]
struct FaultyLock {
    disk: Faulty,
    dir: PathBuf,
    life: u64,
}

impl Lock for FaultyLock {}

impl Drop for FaultyLock {
    fn drop(&mut self) {
        let state = &mut *self.disk.state();
        if state.life == self.life {
            state.locked.remove(&self.dir);
        }
    }
}
