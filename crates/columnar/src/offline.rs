//! A data directory that no server runs on.

use std::path::Path;
use std::sync::Arc;

use disk::port::{Disk, Lock, LockError};
use journal::replay::first_of;

use crate::config::{Config, OpenError};
use crate::engine::Engine;
use crate::manifest;
use crate::segment::meta::is_segment;

/// Keeps servers out of a directory that has a store; of any other nothing is touched.
pub fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn Lock>, OpenError> {
    let names = disk.list(dir).map_err(|error| OpenError::of_directory(dir, LockError::Io(error)))?;
    let ours = |name: &String| is_segment(name) || first_of(name).is_some() || name == manifest::FILE;
    if !names.iter().any(ours) {
        return Err(OpenError::NoStore(dir.to_owned()));
    }
    disk.lock(dir).map_err(|error| OpenError::of_directory(dir, error))
}

/// Opens the store in a directory that has one; of any other nothing is touched.
pub fn open(disk: Arc<dyn Disk>, config: Config) -> Result<Engine, OpenError> {
    let lock = lock(&*disk, &config.data_dir)?;
    Engine::open_locked(disk, config, lock)
}
