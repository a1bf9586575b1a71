//! Spans reach a collector that works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tracer::{Config, Tracer, b3};

use crate::sink::{Behaviour, LONG, Sink, config, conserved, expected, local, names, record, tracer, until};

#[test]
fn all_spans_arrive_once_over_one_connection() {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = tracer(sink.port);
    for round in 0..10 {
        record(&tracer, &format!("round{round}"), 100);
        assert!(tracer.flush(LONG));
    }
    let seen = sink.seen();
    let mut all: Vec<_> = (0..10).flat_map(|round| expected(&format!("round{round}"), 100)).collect();
    all.sort_unstable();
    assert_eq!(names(&seen.spans), all);
    assert_eq!(seen.connections, 1);
    let stats = conserved(&tracer);
    assert_eq!((stats.sent, stats.queued, stats.queued_bytes, stats.dropped()), (1000, 0, 0, 0));
    assert_eq!((stats.failures, stats.reconnects, stats.calls), (0, 0, seen.calls as u64));
}

#[test]
fn spans_leave_without_a_flush() {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = tracer(sink.port);
    record(&tracer, "a", 1);
    until("the first span arrives", || sink.seen().spans.len() == 1);
    record(&tracer, "b", 1);
    until("the second span arrives", || sink.seen().spans.len() == 2);
}

#[test]
fn nothing_starts_before_the_first_finished_span() {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = tracer(sink.port);
    let context = tracer.join_or_start(b3::Extracted::Absent);
    let span = tracer.start(context, None, "work", &local()).unwrap();
    assert!(tracer.flush(LONG), "nothing to wait for");
    assert!(!tracer.stats().thread_alive);
    tracer.finish(span);
    assert!(tracer.stats().thread_alive);
    assert!(tracer.flush(LONG));
    assert_eq!(sink.seen().connections, 1);
}

#[test]
fn calls_are_about_as_large_as_batches_may_be() {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = Tracer::new(Config { batch_bytes_max: 20_000, tick: Duration::ZERO, ..config(sink.port) });
    record(&tracer, "a", 2000);
    assert!(tracer.flush(LONG));
    let seen = sink.seen();
    assert_eq!(seen.spans.len(), 2000);
    // Every entry takes 22 bytes besides its message, here one of more than 200.
    assert!((10_000..24_000).contains(&seen.frame_bytes_max), "{}", seen.frame_bytes_max);
    assert!(seen.calls >= 2000 * 200 / 24_000, "{} calls", seen.calls);
}

#[test]
fn flush_waits_for_the_acknowledgement() {
    let sink = Sink::start(Behaviour::TryLater);
    let tracer = tracer(sink.port);
    record(&tracer, "a", 3);
    assert!(!tracer.flush(Duration::from_millis(50)), "nothing was acknowledged");
    let flusher = thread::spawn({
        let tracer = tracer.clone();
        move || tracer.flush(LONG)
    });
    sink.always(Behaviour::Ok);
    assert!(flusher.join().unwrap());
    assert_eq!(names(&sink.seen().spans), expected("a", 3));
}

#[test]
fn shutdown_sends_what_is_left_and_ends_the_thread() {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = tracer(sink.port);
    record(&tracer, "a", 50);
    tracer.shutdown(LONG);
    assert_eq!(names(&sink.seen().spans), expected("a", 50));
    assert!(!tracer.stats().thread_alive);
    record(&tracer, "late", 2);
    let stats = conserved(&tracer);
    assert_eq!((stats.sent, stats.dropped_stopped, stats.queued), (50, 2, 0));
    assert!(!stats.thread_alive, "a late span starts no thread");
    tracer.shutdown(LONG);
}

#[test]
fn a_tracer_that_never_ran_can_be_shut_down() {
    let tracer = tracer(1);
    tracer.shutdown(LONG);
    record(&tracer, "late", 1);
    assert_eq!(conserved(&tracer).dropped_stopped, 1);
}

#[test]
fn every_span_is_accounted_for_at_any_time() {
    let sink = Sink::start(Behaviour::Ok);
    let tracer = Tracer::new(Config { queue_spans_max: 500, batch_bytes_max: 5_000, ..config(sink.port) });
    let odd =
        [Behaviour::TryLater, Behaviour::Ok, Behaviour::Exception, Behaviour::Close, Behaviour::Garbage];
    sink.then(&odd.repeat(20));
    let done = Arc::new(AtomicBool::new(false));
    let watcher = thread::spawn({
        let (tracer, done) = (tracer.clone(), Arc::clone(&done));
        move || {
            while !done.load(Ordering::Relaxed) {
                conserved(&tracer);
            }
        }
    });
    let recorders: Vec<_> = (0..3)
        .map(|number| {
            let tracer = tracer.clone();
            thread::spawn(move || record(&tracer, &format!("thread{number}"), 3000))
        })
        .collect();
    recorders.into_iter().for_each(|recorder| recorder.join().unwrap());
    until("the queue is empty", || conserved(&tracer).queued == 0);
    done.store(true, Ordering::Relaxed);
    watcher.join().unwrap();
    let stats = conserved(&tracer);
    assert_eq!(stats.finished, 9000);
    assert!(stats.dropped_refused > 0 && stats.try_later > 0 && stats.reconnects > 0, "{stats:?}");
    assert_eq!(stats.queued_bytes, 0);
    assert_eq!(sink.seen().spans.len() as u64, stats.sent, "a call whose answer was lost was not taken here");
}
