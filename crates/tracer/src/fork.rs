//! Tells a forked child from its parent: a number that grows in every child, before fork() returns there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(1);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Returns the number of this process among its ancestors, starting from 1.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Makes this process another one than its parent. Does no more than signal handlers may.
pub fn forked_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Asks libc to count forks from now on, once a process. This sees forks made in C (uwsgi) as well as
/// `os.fork`; only a bare `clone` goes unseen, for which the process id is compared on the slow paths.
pub fn watch() {
    if !WATCHED.swap(true, Ordering::Relaxed) {
        #[expect(unsafe_code, reason = "pthread_atfork has no safe form; the handler only adds to an atomic")]
        // SAFETY: the handler is async-signal-safe and lives as long as the library that holds it.
        unsafe {
            libc::pthread_atfork(None, None, Some(forked_child_handler));
        }
    }
}

#[expect(unsafe_code, reason = "the type libc asks for")]
unsafe extern "C" fn forked_child_handler() {
    forked_child();
}
