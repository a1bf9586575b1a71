//! What a sender makes of the far side's answers.

use std::sync::Arc;
use std::time::Duration;

use relay::config::{Retry, Spool as Config};
use relay::far::Far;
use relay::sender::Sender;

use crate::world::{Mood, Shelf, accept, config, disk, drain, open, retry};

#[test]
fn refused_spans_become_dead_letters_alone() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let spool = open(&disk, config(), 1).unwrap();
    let numbers: Vec<u64> = (0..100).collect();
    accept(&spool, &numbers).unwrap();
    shelf.poison(&[0, 41, 42, 99]);
    drain(&spool, &mut [shelf.sender(&spool, 0)]);
    let taken = shelf.taken();
    assert_eq!((taken.len(), taken.is_sorted()), (96, true));
    let figures = spool.figures();
    assert_eq!((figures.routes[0].dead, figures.dead_letters.spans), (4, 4));
    assert_eq!(figures.routes[0].delivered, 96);
    // A few halvings each, not a call for every span.
    assert!(shelf.calls() < 60, "{}", shelf.calls());
}

#[test]
fn dead_letters_survive_a_start_and_can_be_sent_again() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let spool = open(&disk, config(), 1).unwrap();
    shelf.poison(&[1, 3]);
    (0..5).for_each(|number| accept(&spool, &[number]).unwrap());
    drain(&spool, &mut [shelf.sender(&spool, 0)]);
    spool.tidy();
    drop(spool);
    disk.crash();
    let spool = open(&disk, config(), 1).unwrap();
    assert_eq!(spool.figures().dead_letters.spans, 2);
    // The far side has learned to read them.
    let mended = Shelf::default();
    assert_eq!(spool.resend().unwrap(), 2);
    drain(&spool, &mut [mended.sender(&spool, 0)]);
    assert_eq!(mended.taken(), [1, 3]);
    assert_eq!(spool.figures().dead_letters.spans, 0);
    assert_eq!(spool.resend().unwrap(), 0);
}

#[test]
fn dead_letters_have_a_limit() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let spool = open(&disk, Config { dead_letter_limit_bytes: 10 << 20, ..config() }, 1).unwrap();
    shelf.poison(&[7]);
    let padding = "0".repeat(200_000);
    for _ in 0..70 {
        let mut messages = wire::messages::Messages::default();
        messages.push(format!("span {padding}7").as_bytes());
        spool.append(&mut relay::entry::Entry::of(&messages.into())).unwrap();
        drain(&spool, &mut [shelf.sender(&spool, 0)]);
        spool.tidy();
    }
    let tally = spool.figures().dead_letters;
    assert_eq!(tally.spans + tally.dropped, 70);
    assert!(tally.dropped > 0 && tally.bytes <= 10 << 20, "{tally:?}");
}

#[test]
fn a_busy_far_side_is_asked_again_until_it_takes_them() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let spool = open(&disk, config(), 1).unwrap();
    shelf.moods([Mood::Busy; 50]);
    accept(&spool, &[1, 2]).unwrap();
    drain(&spool, &mut [shelf.sender(&spool, 0)]);
    assert_eq!(shelf.taken(), [1, 2]);
    let route = &spool.figures().routes[0];
    assert_eq!((route.calls, route.retries, route.failing.clone()), (51, 50, None));
}

#[test]
fn what_is_too_old_is_given_up_when_a_try_fails() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let spool = open(&disk, config(), 1).unwrap();
    let retry = Retry { max_age: Some(Duration::ZERO), ..retry() };
    shelf.moods([Mood::Takes, Mood::Busy]);
    let mut sender = Sender::new(Arc::clone(&spool), 0, vec![Box::new(shelf.clone())], retry);
    accept(&spool, &[1]).unwrap();
    assert!(sender.step());
    accept(&spool, &[2]).unwrap();
    assert!(sender.step());
    assert_eq!(shelf.taken(), [1]);
    assert_eq!(spool.figures().dead_letters.spans, 1);
}

#[test]
fn with_failover_the_first_that_lives_takes_them() {
    let (disk, shelves) = (disk(1), [Shelf::default(), Shelf::default()]);
    let spool = open(&disk, config(), 1).unwrap();
    let fars = shelves.iter().map(|shelf| Box::new(shelf.clone()) as Box<dyn Far>).collect();
    // The first rests long after a failure.
    let retry = Retry { wait: Duration::from_secs(60), max_wait: Duration::from_secs(60), ..retry() };
    let mut sender = Sender::new(Arc::clone(&spool), 0, fars, retry);
    for number in 0..6 {
        accept(&spool, &[number]).unwrap();
        shelves[0].moods([if number == 3 { Mood::Busy } else { Mood::Takes }]);
        assert!(sender.step());
    }
    assert_eq!((shelves[0].taken(), shelves[1].taken()), (vec![0, 1, 2], vec![3, 4, 5]));
}

#[test]
fn a_chunk_is_sent_when_it_is_full_or_old() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let config = Config { flush_interval: Duration::from_secs(3600), chunk_limit_bytes: 400, ..config() };
    let spool = open(&disk, config, 1).unwrap();
    let mut sender = shelf.sender(&spool, 0);
    accept(&spool, &[1]).unwrap();
    assert!(sender.step());
    assert!(shelf.taken().is_empty());
    (2..10).for_each(|number| accept(&spool, &[number]).unwrap());
    assert!(sender.step());
    let taken = shelf.taken().len();
    assert!((5..9).contains(&taken), "{taken}");
    spool.flush();
    while shelf.taken().len() < 9 {
        assert!(sender.step());
    }
}
