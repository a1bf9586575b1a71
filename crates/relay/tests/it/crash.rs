//! Power cuts, kills and errors of the disk at every step.

use disk::faulty::{Fault, Faulty};

use crate::world::{Mood, Shelf, accept, check, config, disk, drain, open};

const MESSAGES: u64 = 30;

/// Accepts messages of one to three spans while two far sides take some of them, until the disk fails for good.
/// Returns what was accepted.
fn live(disk: &Faulty, shelves: &[Shelf; 2], from: u64) -> Vec<u64> {
    let mut accepted = Vec::new();
    let Ok(spool) = open(disk, config(), 2) else { return accepted };
    let mut senders = [0, 1].map(|route| shelves[route].sender(&spool, route));
    shelves[0].moods([Mood::Takes, Mood::Busy, Mood::DiesAfter, Mood::Busy]);
    let mut failed = 0;
    for message in from..from + MESSAGES {
        let numbers: Vec<u64> = (0..=message % 3).map(|at| message * 10 + at).collect();
        match accept(&spool, &numbers) {
            Ok(()) => accepted.extend(&numbers),
            Err(_) => failed += 1,
        }
        // After the power cut nothing works any more, and a sender would wait for it.
        if failed > 1 {
            break;
        }
        if failed == 0 && message % 2 == 0 {
            senders[0].step();
        }
        if failed == 0 && message % 5 == 0 {
            senders[1].step();
        }
        if message % 4 == 0 {
            spool.tidy();
        }
    }
    accepted
}

/// Starts again and sends all that is left.
fn recover(disk: &Faulty, shelves: &[Shelf; 2]) {
    let spool = open(disk, config(), 2).unwrap();
    let mut senders = [0, 1].map(|route| shelves[route].sender(&spool, route));
    drain(&spool, &mut senders);
    spool.tidy();
    let figures = spool.figures();
    assert!(figures.routes.iter().all(|route| route.damaged == 0 && route.dropped == 0), "{figures:?}");
    assert_eq!(figures.trouble, None);
}

fn at_every_operation(fault: Fault, end: fn(&Faulty)) {
    let whole = disk(0);
    live(&whole, &Default::default(), 0);
    assert!(whole.operations() > 100, "{} operations", whole.operations());
    for seed in 0..4 {
        for operation in 1..whole.operations() {
            let what = format!("{fault:?}, seed {seed}, operation {operation}");
            let (disk, shelves) = (disk(seed), Default::default());
            disk.fail_at(operation, fault);
            let mut accepted = live(&disk, &shelves, 0);
            end(&disk);
            // A second life, cut off too, and then all that is left.
            accepted.extend(live(&disk, &shelves, 1000));
            end(&disk);
            recover(&disk, &shelves);
            for shelf in &shelves {
                check(&accepted, &shelf.taken(), &what);
            }
        }
    }
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_accepted() {
    at_every_operation(Fault::PowerCut, Faulty::crash);
}

#[test]
fn a_kill_after_an_error_at_any_operation_loses_nothing_accepted() {
    at_every_operation(Fault::Eio, Faulty::kill);
}

#[test]
fn a_crash_after_a_full_disk_at_any_operation_loses_nothing_accepted() {
    at_every_operation(Fault::Full, Faulty::crash);
}

#[test]
fn after_a_clean_stop_nothing_is_sent_twice() {
    let (disk, shelf) = (disk(1), Shelf::default());
    for life in 0..5u64 {
        let spool = open(&disk, config(), 1).unwrap();
        let mut sender = shelf.sender(&spool, 0);
        for number in 0..20 {
            accept(&spool, &[life * 100 + number]).unwrap();
            if number % 3 == 0 {
                assert!(sender.step());
            }
        }
        drain(&spool, &mut [sender]);
        spool.tidy();
    }
    let accepted: Vec<u64> = (0..5).flat_map(|life| (0..20).map(move |number| life * 100 + number)).collect();
    assert_eq!(shelf.taken(), accepted);
}

#[test]
fn damaged_spans_are_counted_and_the_others_arrive() {
    let names = |disk: &Faulty| {
        let names = disk::port::Disk::list(disk, std::path::Path::new(crate::world::DIR)).unwrap();
        names.into_iter().filter(|name| name.starts_with("journal-")).collect::<Vec<_>>()
    };
    let written = || {
        let disk = disk(1);
        let spool = open(&disk, config(), 1).unwrap();
        (0..40).for_each(|number| accept(&spool, &[number]).unwrap());
        drop(spool);
        disk.kill();
        disk
    };
    let file = names(&written())[1].clone();
    for at in (0..400).step_by(7) {
        let (disk, shelf) = (written(), Shelf::default());
        disk.flip(&std::path::Path::new(crate::world::DIR).join(&file), at, 4);
        let spool = open(&disk, config(), 1).unwrap();
        drain(&spool, &mut [shelf.sender(&spool, 0)]);
        let route = &spool.figures().routes[0];
        assert_eq!(route.delivered + route.damaged, 40, "byte {at}");
        assert!(route.damaged <= 1, "byte {at}: {}", route.damaged);
        spool.tidy();
        let kept = disk::port::Disk::list(&disk, std::path::Path::new(crate::world::DIR)).unwrap();
        let quarantined = kept.iter().any(|name| name.ends_with(".quarantined"));
        assert_eq!(quarantined, route.damaged > 0, "byte {at}: {kept:?}");
    }
}

#[test]
fn spans_that_nobody_takes_are_kept_whatever_the_disk_does() {
    const POISON: [u64; 4] = [40, 71, 90, 1041];
    let shelves = || {
        let shelves: [Shelf; 2] = Default::default();
        shelves[0].poison(&POISON);
        shelves
    };
    let whole = disk(0);
    live(&whole, &shelves(), 0);
    for fault in [Fault::Eio, Fault::Full] {
        for operation in 1..whole.operations() {
            let (disk, shelves) = (disk(operation), shelves());
            disk.fail_at(operation, fault);
            let mut accepted = live(&disk, &shelves, 0);
            disk.kill();
            accepted.extend(live(&disk, &shelves, 1000));
            disk.crash();
            let what = format!("{fault:?}, operation {operation}");
            let (bad, good): (Vec<u64>, Vec<u64>) =
                accepted.iter().partition(|number| POISON.contains(number));
            let spool = open(&disk, config(), 2).unwrap();
            let mut senders = [0, 1].map(|route| shelves[route].sender(&spool, route));
            drain(&spool, &mut senders);
            check(&good, &shelves[0].taken(), &what);
            check(&accepted, &shelves[1].taken(), &what);
            // A far side that has learned to read them gets them all.
            let mended: [Shelf; 2] = Default::default();
            assert!(spool.resend().unwrap() >= bad.len() as u64, "{what}");
            drain(&spool, &mut [0, 1].map(|route| mended[route].sender(&spool, route)));
            let mut resent = mended[0].taken();
            resent.sort_unstable();
            resent.dedup();
            assert!(bad.iter().all(|number| resent.contains(number)), "{what}: {resent:?}");
        }
    }
}
