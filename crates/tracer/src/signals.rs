//! Keeps the application's signals away from threads that are not the application's.

#![expect(unsafe_code, reason = "signal masks have no safe form")]

use std::mem::MaybeUninit;
use std::ptr;

/// Faults belong to the thread that makes them, and to whoever prints a traceback of it.
const FAULTS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

/// Runs something with signals blocked; threads started meanwhile inherit that.
pub fn blocked<T>(run: impl FnOnce() -> T) -> T {
    let mut before = MaybeUninit::uninit();
    let mut mask = MaybeUninit::uninit();
    // SAFETY: both sets live on this stack; `sigfillset` makes the one, `pthread_sigmask` the other before it is read.
    let changed = unsafe {
        libc::sigfillset(mask.as_mut_ptr());
        for signal in FAULTS {
            libc::sigdelset(mask.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, mask.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = run();
    if changed {
        // SAFETY: the call above succeeded, so it wrote the mask of before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
    result
}
