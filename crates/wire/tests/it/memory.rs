//! Counts the memory that a piece of work asks for, on its own thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what each thread asks for and gives back.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    /// Held now and at most since [`held_at_most_by`] began. Less than nothing where another thread's memory is freed.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static HELD_MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(asked: usize, given_back: usize) {
    let _ = ASKED.try_with(|total| total.set(total.get() + asked));
    let _ = HELD.try_with(|held| {
        held.set(held.get() + asked as isize - given_back as isize);
        let _ = HELD_MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

#[expect(unsafe_code, reason = "a global allocator is unsafe by its signature; it only counts and hands on")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Returns all bytes that the work asked for, also those it gave back.
pub fn asked_by(work: impl FnOnce()) -> usize {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

/// Returns the most bytes that the work held at one time.
pub fn held_at_most_by(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    HELD_MOST.set(before);
    work();
    HELD_MOST.get().saturating_sub(before).try_into().unwrap_or(0)
}
