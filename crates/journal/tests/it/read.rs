//! The reader beside the replay: it finds the same records, whatever happened to the files.

use std::path::Path;
use std::sync::Arc;

use disk::faulty::{Fault, Faulty};
use journal::log::Journal;
use journal::read::{Reader, Step};

use super::{Records, disk, open, write};

fn resume(disk: &Faulty) -> Journal {
    Journal::resume(Arc::new(disk.clone()), "/data".into(), 0, &mut |_, _| {}).unwrap().0
}

/// Reads everything from this record on; of what is lost, the numbers.
fn read(disk: &Faulty, journal: &Journal, from: u64) -> (Records, Vec<u64>) {
    let mut reader = Reader::new(Arc::new(disk.clone()), "/data".into(), from);
    let (mut records, mut lost) = (Records::new(), Vec::new());
    for extent in journal.extents() {
        loop {
            match reader.step(&extent).unwrap() {
                Step::Record(sequence, payload) => records.push((sequence, payload.to_vec())),
                Step::Lost(numbers) => lost.extend(numbers),
                Step::End => break,
            }
        }
    }
    (records, lost)
}

#[test]
fn a_reader_follows_the_file_that_is_being_written() {
    let (disk, _) = disk(1);
    let (mut journal, _, _) = open(&disk, 0).unwrap();
    let mut reader = Reader::new(Arc::new(disk.clone()), "/data".into(), 0);
    for number in 0..200u64 {
        let payload = vec![number as u8; 3000];
        journal.append(&[&payload, b"small"]).unwrap();
        let extent = journal.newest_open().unwrap();
        assert_eq!(reader.step(&extent).unwrap(), Step::Record(2 * number, &payload));
        assert_eq!(reader.step(&extent).unwrap(), Step::Record(2 * number + 1, b"small"));
        assert_eq!(reader.step(&extent).unwrap(), Step::End);
    }
    reader.seek(7);
    let extent = journal.newest_open().unwrap();
    assert_eq!(reader.step(&extent).unwrap(), Step::Record(7, b"small"));
    reader.put_back();
    assert_eq!(reader.step(&extent).unwrap(), Step::Record(7, b"small"));
    reader.seek(301);
    assert_eq!(reader.step(&extent).unwrap(), Step::Record(301, b"small"));
}

#[test]
fn after_a_crash_anywhere_what_was_acknowledged_is_read() {
    let (whole, _) = disk(0);
    write(&whole, 9);
    for seed in 0..8 {
        for operation in 1..whole.operations() {
            let (disk, _) = disk(seed);
            disk.fail_at(operation, Fault::PowerCut);
            let acknowledged = write(&disk, 9);
            disk.crash();
            let journal = resume(&disk);
            let (records, lost) = read(&disk, &journal, 0);
            super::check(&acknowledged, &records, &format!("seed {seed}, operation {operation}"));
            // A number is skipped after a failure, never one that was acknowledged.
            assert!(lost.iter().all(|number| acknowledged.iter().all(|(known, _)| known != number)));
            assert_eq!(records, super::reopened(&disk).1, "seed {seed}, operation {operation}");
        }
    }
}

#[test]
fn damage_costs_only_what_it_hit() {
    let (disk, dir) = disk(3);
    let written = write(&disk, 12);
    let names = disk::port::Disk::list(&disk, &dir).unwrap();
    for (index, name) in names.iter().enumerate() {
        let path = dir.join(name);
        let length = disk::port::read_all(&disk, Path::new(&path)).unwrap().len();
        for at in 0..length {
            disk.flip(&path, at, 1);
            let journal = resume(&disk);
            let (records, lost) = read(&disk, &journal, 0);
            disk.flip(&path, at, 1);
            let last = index + 1 == names.len();
            // In the last group, of three, a damaged record can't be told from a write that was cut off.
            let lost_max = if last { 3 } else { 1 };
            assert!(records.len() + lost_max >= written.len(), "{name}, byte {at}: {lost:?}");
            assert!(records.iter().all(|record| written.contains(record)), "{name}, byte {at}");
            if !last {
                assert_eq!(records.len() + lost.len(), written.len(), "{name}, byte {at}");
            }
        }
    }
}
