//! Collectors that do not work, or not now.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use tracer::{Config, Destination, Tracer};

use crate::sink::{Behaviour, LONG, Sink, config, conserved, expected, names, record, tracer, until};

/// A port where nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_collector_that_comes_later_gets_what_waited() {
    let port = closed_port();
    let tracer = tracer(port);
    record(&tracer, "a", 10);
    until("connecting has failed twice", || conserved(&tracer).failures >= 2);
    let stats = conserved(&tracer);
    assert_eq!((stats.queued, stats.sent), (10, 0));
    assert!(stats.last_error.unwrap().starts_with(&format!("collector 127.0.0.1:{port}: ")));
    let sink = Sink::start_at(port, Behaviour::Ok);
    assert!(tracer.flush(LONG));
    assert_eq!(names(&sink.seen().spans), expected("a", 10));
}

#[test]
fn a_host_without_an_address_is_a_failure_like_others() {
    let tracer =
        Tracer::new(Config { destination: Destination::scribe("no such host", 9410), ..config(9410) });
    record(&tracer, "a", 1);
    until("the name is looked up", || conserved(&tracer).failures > 0);
    assert_eq!(conserved(&tracer).queued, 1);
}

#[test]
fn a_collector_that_never_answers_is_left_and_asked_again() {
    let sink = Sink::start(Behaviour::Silent);
    let tracer = Tracer::new(Config { call_timeout: Duration::from_millis(500), ..config(sink.port) });
    record(&tracer, "a", 10);
    until("three calls were given up", || conserved(&tracer).failures >= 3);
    assert_eq!(conserved(&tracer).queued, 10);
    assert!(sink.seen().connections >= 3, "an answer that comes late must not be taken for another call's");
    sink.always(Behaviour::Ok);
    assert!(tracer.flush(LONG));
    assert_eq!(names(&sink.seen().spans), expected("a", 10));
}

#[test]
fn a_collector_that_goes_away_and_comes_back() {
    let sink = Sink::start(Behaviour::Ok);
    let port = sink.port;
    let tracer = tracer(port);
    record(&tracer, "before", 5);
    assert!(tracer.flush(LONG));
    assert_eq!(names(&sink.close().spans), expected("before", 5));
    record(&tracer, "while", 5);
    until("its absence is noticed", || conserved(&tracer).failures > 0);
    let sink = Sink::start_at(port, Behaviour::Ok);
    assert!(tracer.flush(LONG));
    record(&tracer, "after", 5);
    assert!(tracer.flush(LONG));
    assert_eq!(names(&sink.seen().spans), [expected("after", 5), expected("while", 5)].concat());
    assert_eq!(conserved(&tracer).reconnects, 1);
}

#[test]
fn an_idle_connection_that_was_closed_costs_no_pause() {
    let sink = Sink::start(Behaviour::Ok);
    let pause = Duration::from_secs(3600);
    let tracer = Tracer::new(Config { backoff_min: pause, backoff_max: pause, ..config(sink.port) });
    record(&tracer, "a", 1);
    assert!(tracer.flush(LONG));
    sink.then(&[Behaviour::Close]);
    record(&tracer, "b", 1);
    until("it is sent again", || sink.seen().spans.len() == 2);
    assert_eq!(conserved(&tracer).failures, 1);
}

#[test]
fn try_later_keeps_the_batch_and_the_connection() {
    let sink = Sink::start(Behaviour::Ok);
    sink.then(&[Behaviour::TryLater, Behaviour::TryLater]);
    let tracer = tracer(sink.port);
    record(&tracer, "a", 10);
    assert!(tracer.flush(LONG));
    assert_eq!(names(&sink.seen().spans), expected("a", 10));
    assert_eq!(sink.seen().connections, 1);
    assert_eq!(conserved(&tracer).try_later, 2);
}

#[test]
fn a_batch_that_grows_too_old_is_dropped() {
    let sink = Sink::start(Behaviour::TryLater);
    let tracer = Tracer::new(Config { batch_age_max: Duration::from_millis(30), ..config(sink.port) });
    record(&tracer, "old", 10);
    until("it has expired", || conserved(&tracer).dropped_expired == 10);
    sink.always(Behaviour::Ok);
    record(&tracer, "new", 10);
    assert!(tracer.flush(LONG));
    assert_eq!(names(&sink.seen().spans), expected("new", 10));
}

#[test]
fn a_batch_the_collector_cannot_read_is_dropped_and_the_next_is_sent() {
    let sink = Sink::start(Behaviour::Ok);
    sink.then(&[Behaviour::Exception]);
    let tracer = tracer(sink.port);
    record(&tracer, "poison", 10);
    assert!(!tracer.flush(LONG), "nothing of it was acknowledged");
    record(&tracer, "good", 10);
    assert!(tracer.flush(LONG));
    let stats = conserved(&tracer);
    assert_eq!((stats.dropped_refused, stats.sent), (10, 10));
    assert_eq!(stats.last_error.as_deref(), Some("the collector refused a batch: poison"));
    assert_eq!(names(&sink.seen().spans), expected("good", 10));
    assert_eq!(sink.seen().connections, 1);
}

#[test]
fn answers_that_are_no_scribe_end_the_connection() {
    for behaviour in [Behaviour::Garbage, Behaviour::Endless, Behaviour::Close] {
        let sink = Sink::start(Behaviour::Ok);
        sink.then(&[behaviour]);
        let tracer = tracer(sink.port);
        record(&tracer, "a", 10);
        assert!(tracer.flush(LONG), "{behaviour:?}");
        assert_eq!(names(&sink.seen().spans), expected("a", 10), "{behaviour:?}");
        let stats = conserved(&tracer);
        assert_eq!((stats.failures, stats.reconnects), (1, 1), "{behaviour:?}");
    }
}

#[test]
fn a_flush_ends_a_pause() {
    let port = closed_port();
    let pause = Duration::from_secs(3600);
    let tracer = Tracer::new(Config { backoff_min: pause, backoff_max: pause, ..config(port) });
    record(&tracer, "a", 1);
    until("the pause begins", || conserved(&tracer).failures == 1);
    let sink = Sink::start_at(port, Behaviour::Ok);
    assert!(tracer.flush(LONG));
    assert_eq!(sink.seen().spans.len(), 1);
}

#[test]
fn shutdown_does_not_wait_for_a_stalled_collector() {
    let sink = Sink::start(Behaviour::Silent);
    let tracer = tracer(sink.port);
    record(&tracer, "a", 10);
    until("the first call is out", || sink.seen().calls > 0);
    let start = Instant::now();
    tracer.shutdown(Duration::from_millis(20));
    assert!(start.elapsed() < LONG / 2);
    until("the thread has ended", || !tracer.stats().thread_alive);
    let stats = conserved(&tracer);
    assert_eq!((stats.dropped_stopped, stats.queued), (10, 0));
}
