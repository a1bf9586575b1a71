//! The queue's limits are reached, counted, and hold.

use std::fs;

use tracer::{Config, ConfigError, Kind, Rule, Tracer, b3};

use crate::alone::alone;
use crate::sink::{Behaviour, LONG, Sink, config, conserved, expected, local, names, record, until};

#[test]
fn spans_over_the_limit_are_dropped_newest_first() {
    let sink = Sink::start(Behaviour::TryLater);
    let tracer = Tracer::new(Config { queue_spans_max: 100, ..config(sink.port) });
    record(&tracer, "a", 1000);
    let stats = conserved(&tracer);
    assert_eq!((stats.queued, stats.dropped_full_spans, stats.dropped()), (100, 900, 900));
    sink.always(Behaviour::Ok);
    assert!(tracer.flush(LONG));
    assert_eq!(names(&sink.seen().spans), expected("a", 100), "the oldest were kept");
    record(&tracer, "b", 100);
    assert!(tracer.flush(LONG));
    assert_eq!(conserved(&tracer).sent, 200, "there is room again");
}

#[test]
fn bytes_over_the_limit_are_dropped() {
    let sink = Sink::start(Behaviour::TryLater);
    let tracer = Tracer::new(Config { queue_bytes_max: 100_000, ..config(sink.port) });
    for _ in 0..20 {
        let context = tracer.join_or_start(b3::Extracted::Absent);
        let mut span = tracer.start(context, Some(Kind::Server), "large", &local()).unwrap();
        span.tag("text", "x".repeat(10_000));
        tracer.finish(span);
    }
    let stats = conserved(&tracer);
    assert_eq!((stats.queued, stats.dropped_full_bytes), (9, 11));
    assert!((90_000..=100_000).contains(&stats.queued_bytes), "{}", stats.queued_bytes);
    sink.always(Behaviour::Ok);
    assert!(tracer.flush(LONG));
    assert_eq!(conserved(&tracer).queued_bytes, 0);
}

#[test]
fn memory_stays_flat_without_a_collector() {
    alone("limits::memory_stays_flat_without_a_collector", || {
        let tracer = Tracer::new(Config { queue_spans_max: 2000, ..config(1) });
        record(&tracer, "a", 20_000);
        let before = resident_bytes();
        record(&tracer, "b", 300_000);
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 8 << 20, "grown by {grown} bytes");
        assert_eq!(conserved(&tracer).queued, 2000);
    });
}

#[test]
fn memory_stays_flat_while_all_is_sent() {
    alone("limits::memory_stays_flat_while_all_is_sent", || {
        let sink = Sink::start(Behaviour::TryLater);
        let tracer = Tracer::new(config(sink.port));
        let round = || {
            sink.always(Behaviour::Exception);
            record(&tracer, "a", 5000);
            until("all are settled", || conserved(&tracer).queued == 0);
        };
        (0..5).for_each(|_| round());
        let before = resident_bytes();
        (0..30).for_each(|_| round());
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 8 << 20, "grown by {grown} bytes");
    });
}

#[test]
fn configurations_are_checked() {
    let check = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        config.check()
    };
    assert_eq!(check(|_| ()), Ok(()));
    assert_eq!(check(|config| config.sampling_rate = 1.5), Err(ConfigError::SamplingRate(1.5)));
    assert_eq!(check(|config| config.sampling_rate = -0.1), Err(ConfigError::SamplingRate(-0.1)));
    assert!(check(|config| config.sampling_rate = f64::NAN).is_err());
    assert!(
        check(|config| config.sampling_rules = vec![Rule::new("/a", 0.1), Rule::new("/b", 7.0)]).is_err()
    );
    assert!(check(|config| config.traces_per_second = Some(0.0)).is_err());
    assert_eq!(check(|config| config.traces_per_second = Some(0.1)), Ok(()));
    assert_eq!(check(|config| config.queue_spans_max = 0), Err(ConfigError::Limit("queue_spans_max")));
    assert_eq!(check(|config| config.tick *= 2), Err(ConfigError::Limit("tick")));
    assert_eq!(check(|config| config.batch_bytes_max = 1 << 30), Err(ConfigError::Limit("batch_bytes_max")));
    assert_eq!(
        check(|config| config.backoff_max = config.backoff_min / 2),
        Err(ConfigError::Limit("backoff_max"))
    );
}

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
