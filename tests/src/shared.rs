//! The folder of facts beside the repository, which only developers and CI have.

use std::path::{Path, PathBuf};

/// Returns `../shared/PATH`, or nothing where it is missing: the test then skips itself by name.
///
/// # Panics
/// With `CI=true` a missing file is a failure.
pub fn path(test: &str, path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{test} needs ../shared/{path}");
    println!("skipped {test}: it needs ../shared/{path}");
    None
}
