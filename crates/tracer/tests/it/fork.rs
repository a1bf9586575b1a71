//! Forked children trace on by themselves: nothing is lost, sent twice, or waited for.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tracer::{TraceContext, Tracer, b3};

use crate::alone::alone;
use crate::sink::{Behaviour, LONG, Sink, conserved, expected, names, record, tracer, until};

#[derive(Clone, Copy)]
enum Way {
    /// As os.fork and uwsgi do.
    Libc,
    /// Without libc's knowledge, and so without its handlers.
    Bare,
}

/// Runs the body in a fork and returns its process id. The child ends with 0 when the body holds.
#[expect(unsafe_code, reason = "fork has no safe form")]
fn fork(way: Way, body: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child runs the body, which is what is tested here, and ends without returning.
    unsafe {
        let pid = match way {
            Way::Libc => libc::fork(),
            Way::Bare => libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as libc::pid_t,
        };
        if pid == 0 {
            let holds = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(false);
            libc::_exit(i32::from(!holds));
        }
        assert!(pid > 0);
        pid
    }
}

/// Tells the threads beside a test to end, also when it fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for a child that must end by itself, and well.
#[expect(unsafe_code, reason = "waitpid has no safe form")]
fn join(pid: libc::pid_t) {
    let mut status = -1;
    // SAFETY: the status lives on this stack.
    until("a forked child ends", || unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == pid);
    assert_eq!(status, 0, "a check failed in a forked child");
}

fn started(tracer: &Tracer) -> TraceContext {
    tracer.join_or_start(b3::Extracted::Absent)
}

#[test]
fn parent_and_child_each_send_their_own() {
    alone("fork::parent_and_child_each_send_their_own", || {
        let sink = Sink::start(Behaviour::TryLater);
        let tracer = tracer(sink.port);
        record(&tracer, "parent", 10);
        until("the parent's spans are in its thread", || conserved(&tracer).try_later > 0);
        let child = fork(Way::Libc, || {
            let inherited = tracer.stats();
            record(&tracer, "child", 5);
            let running = tracer.stats().thread_alive;
            inherited == tracer::Stats::default()
                && running
                && tracer.flush(LONG)
                && conserved(&tracer).sent == 5
        });
        sink.always(Behaviour::Ok);
        join(child);
        assert!(tracer.flush(LONG));
        let seen = sink.seen();
        assert_eq!(names(&seen.spans), [expected("child", 5), expected("parent", 10)].concat());
        assert!(seen.connections >= 2, "the two shared a connection");
    });
}

#[test]
fn a_prefork_master_starts_nothing() {
    alone("fork::a_prefork_master_starts_nothing", || {
        let sink = Sink::start(Behaviour::Ok);
        let tracer = tracer(sink.port);
        let children: Vec<_> = (0..3)
            .map(|number| {
                let name = format!("worker{number}");
                fork(Way::Libc, || {
                    record(&tracer, &name, 4);
                    // A worker of a worker.
                    let nested = fork(Way::Libc, || {
                        record(&tracer, &format!("{name}-nested"), 4);
                        tracer.flush(LONG)
                    });
                    join(nested);
                    tracer.flush(LONG)
                })
            })
            .collect();
        children.into_iter().for_each(join);
        assert!(!tracer.stats().thread_alive);
        let all = (0..3).flat_map(|number| {
            [expected(&format!("worker{number}"), 4), expected(&format!("worker{number}-nested"), 4)].concat()
        });
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        assert_eq!(names(&sink.seen().spans), all);
    });
}

#[test]
fn locks_held_in_the_parent_hold_up_no_child() {
    alone("fork::locks_held_in_the_parent_hold_up_no_child", || {
        let sink = Sink::start(Behaviour::Ok);
        let tracer = tracer(sink.port);
        // Forks of a process that grows take ever longer.
        sink.forgets("busy-0");
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let done = Done(&done);
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.0.load(Ordering::Relaxed) {
                        tracer.stats();
                        record(&tracer, "busy", 1);
                    }
                });
            }
            for _ in 0..100 {
                join(fork(Way::Libc, || {
                    record(&tracer, "child", 1);
                    tracer.flush(LONG)
                }));
            }
        });
        // By their ids: a call whose answer is late on a busy machine is sent again.
        let from_children: HashSet<_> = sink.seen().spans.iter().map(|span| span.trace_id).collect();
        assert_eq!(from_children.len(), 100);
        conserved(&tracer);
    });
}

#[test]
fn children_make_other_ids() {
    alone("fork::children_make_other_ids", || {
        let sink = Sink::start(Behaviour::Ok);
        let tracer = tracer(sink.port);
        started(&tracer);
        let children: Vec<_> = (0..4)
            .map(|_| {
                fork(Way::Libc, || {
                    record(&tracer, "a", 50);
                    tracer.flush(LONG)
                })
            })
            .collect();
        children.into_iter().for_each(join);
        record(&tracer, "a", 50);
        assert!(tracer.flush(LONG));
        let ids: HashSet<_> = sink.seen().spans.iter().map(|span| span.trace_id).collect();
        assert_eq!(ids.len(), 250);
    });
}

#[test]
fn a_fork_that_libc_knows_nothing_of_is_seen_by_its_process_id() {
    alone("fork::a_fork_that_libc_knows_nothing_of_is_seen_by_its_process_id", || {
        let sink = Sink::start(Behaviour::Ok);
        let tracer = tracer(sink.port);
        record(&tracer, "parent", 10);
        assert!(tracer.flush(LONG));
        join(fork(Way::Bare, || {
            let inherited = tracer.stats();
            record(&tracer, "child", 5);
            inherited == tracer::Stats::default() && tracer.flush(LONG)
        }));
        assert_eq!(names(&sink.seen().spans), [expected("child", 5), expected("parent", 10)].concat());
    });
}
