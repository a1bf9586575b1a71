//! The disk limit with both policies, and that a slow route slows nobody before.

use relay::config::{Overflow, Spool as Config};
use relay::spool::Loaded;
use storage::error::WriteError;

use crate::world::{Mood, Shelf, accept, config, disk, drain, open};

fn small(overflow: Overflow) -> Config {
    Config { disk_limit_bytes: 2_000, overflow, ..config() }
}

#[test]
fn blocked_senders_are_told_and_taken_again_when_there_is_room() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let spool = open(&disk, small(Overflow::Block), 1).unwrap();
    let accepted = (0..1000).take_while(|number| accept(&spool, &[*number]).is_ok()).count() as u64;
    assert!((10..1000).contains(&accepted), "{accepted}");
    assert!(matches!(accept(&spool, &[accepted]), Err(WriteError::Busy(_))));
    let figures = spool.figures();
    assert!(figures.bytes <= figures.bytes_max && figures.trouble.is_some() && figures.refused == 2);
    let mut sender = shelf.sender(&spool, 0);
    drain(&spool, std::slice::from_mut(&mut sender));
    accept(&spool, &[accepted]).unwrap();
    drain(&spool, &mut [sender]);
    assert_eq!(shelf.taken(), (0..=accepted).collect::<Vec<_>>());
    assert_eq!(spool.figures().trouble, None);
}

#[test]
fn the_oldest_are_dropped_and_counted_for_each_route() {
    let (disk, shelves) = (disk(1), [Shelf::default(), Shelf::default()]);
    let spool = open(&disk, small(Overflow::DropOldest), 2).unwrap();
    let mut senders = [0, 1].map(|route| shelves[route].sender(&spool, route));
    for number in 0..500 {
        accept(&spool, &[number]).unwrap();
        if number % 10 == 0 {
            // The first one lives, the second is away.
            assert!(senders[0].step());
        }
    }
    assert!(spool.figures().bytes <= 2_000);
    drain(&spool, &mut senders);
    for (shelf, route) in shelves.iter().zip(spool.figures().routes) {
        let taken = shelf.taken();
        assert_eq!(taken.len() as u64, route.delivered);
        assert_eq!(route.delivered + route.dropped, 500);
        assert_eq!(taken.last(), Some(&499));
        assert!(taken.is_sorted());
    }
    assert_eq!(spool.figures().routes[0].dropped, 0);
    assert!(spool.figures().routes[1].dropped > 300);
}

#[test]
fn spans_dropped_while_they_are_sent_are_not_counted_twice() {
    let (disk, shelf) = (disk(1), Shelf::default());
    let spool = open(&disk, small(Overflow::DropOldest), 1).unwrap();
    let mut reader = spool.reader();
    (0..20).for_each(|number| accept(&spool, &[number]).unwrap());
    let Loaded::Load(load) = spool.load_held(0, &mut reader, std::time::Duration::ZERO).unwrap() else {
        panic!("nothing is due")
    };
    (20..200).for_each(|number| accept(&spool, &[number]).unwrap());
    assert!(spool.is_dropped(0, &load));
    // Its answer comes after all.
    spool.delivered(0, load.body.len());
    spool.advance(0, &load, load.body.len());
    shelf.moods([Mood::Takes]);
    drain(&spool, &mut [shelf.sender(&spool, 0)]);
    let route = &spool.figures().routes[0];
    assert_eq!(route.delivered, 20 + shelf.taken().len() as u64);
    assert_eq!(route.delivered + route.dropped, 200);
}
