//! The journal on a disk that loses, tears, flips and fails: what was appended is there, and nothing else.

mod read;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::faulty::{Fault, Faulty};
use disk::port::{Disk, read_all};
use journal::error::JournalError;
use journal::log::Journal;
use journal::record::{HEAD_BYTES, RECORD_HEAD_BYTES};
use journal::replay::Replayed;

type Records = Vec<(u64, Vec<u8>)>;

fn disk(seed: u64) -> (Faulty, PathBuf) {
    let disk = Faulty::new(seed);
    disk.create_dir_all(Path::new("/data")).unwrap();
    (disk, PathBuf::from("/data"))
}

fn open(disk: &Faulty, from: u64) -> Result<(Journal, Vec<Replayed>, Records), JournalError> {
    let mut records = Records::new();
    let (journal, files) =
        Journal::open(Arc::new(disk.clone()), "/data".into(), from, &mut |sequence, payload| {
            records.push((sequence, payload.to_vec()));
        })?;
    Ok((journal, files, records))
}

fn reopened(disk: &Faulty) -> (Vec<Replayed>, Records) {
    let (_, files, records) = open(disk, 0).unwrap();
    (files, records)
}

/// Appends groups of 1 to 3 records of different lengths, rolling now and then. Returns what was acknowledged.
fn write(disk: &Faulty, groups: usize) -> Records {
    let mut acknowledged = Records::new();
    let Ok((mut journal, _, _)) = open(disk, 0) else { return acknowledged };
    for group in 0..groups {
        let payloads: Vec<Vec<u8>> =
            (0..=group % 3).map(|at| vec![group as u8; 3 + 7 * at + group]).collect();
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        if let Ok(numbers) = journal.append(&slices) {
            acknowledged.extend(numbers.zip(payloads));
        }
        if group % 4 == 3 {
            journal.roll();
        }
    }
    acknowledged
}

/// Every acknowledged record is there with its bytes; what else is there was handed over whole.
fn check(acknowledged: &Records, records: &Records, what: &str) {
    for record in acknowledged {
        assert!(records.contains(record), "{what}: record {} is missing", record.0);
    }
    for (sequence, payload) in records {
        let group = payload.first().map_or(0, |byte| usize::from(*byte));
        let lengths = (0..=group % 3).map(|at| 3 + 7 * at + group);
        assert!(lengths.into_iter().any(|length| length == payload.len()), "{what}: {sequence} is not whole");
        assert!(payload.iter().all(|byte| *byte == payload[0]), "{what}: {sequence} has wrong bytes");
    }
    assert!(records.is_sorted_by(|left, right| left.0 < right.0), "{what}: each once, in order");
}

#[test]
fn what_was_appended_comes_back() {
    let (disk, _) = disk(1);
    let written = write(&disk, 12);
    let (files, records) = reopened(&disk);
    assert_eq!(records, written);
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|file| file.damage.is_none() && file.torn_bytes == 0));
    let (_, _, later) = open(&disk, 10).unwrap();
    assert_eq!(later, written[10..]);
}

#[test]
fn files_are_removed_when_all_their_records_may_go() {
    let (disk, dir) = disk(1);
    let written = write(&disk, 12);
    let (mut journal, files, _) = open(&disk, 0).unwrap();
    let bytes = journal.bytes();
    journal.remove_below(files[1].end - 1).unwrap();
    assert_eq!(disk.list(&dir).unwrap(), [files[1].name.clone(), files[2].name.clone()]);
    assert_eq!(journal.bytes(), bytes - files[0].bytes);
    journal.remove_below(files[1].end).unwrap();
    assert_eq!(disk.list(&dir).unwrap(), [files[2].name.clone()]);
    let numbers = journal.append(&[b"next"]).unwrap();
    assert_eq!(numbers, written.len() as u64..written.len() as u64 + 1);
    assert_eq!(journal.next(), numbers.end);
    disk.crash();
    assert_eq!(reopened(&disk).1.len(), files[2].end as usize - files[2].first as usize + 1);
}

#[test]
fn a_crash_at_any_operation_loses_nothing_acknowledged() {
    let (whole, _) = disk(0);
    write(&whole, 9);
    for seed in 0..8 {
        for operation in 1..whole.operations() {
            let what = format!("seed {seed}, operation {operation}");
            let (disk, _) = disk(seed);
            disk.fail_at(operation, Fault::PowerCut);
            let acknowledged = write(&disk, 9);
            disk.crash();
            let (files, records) = reopened(&disk);
            check(&acknowledged, &records, &what);
            assert!(files.iter().all(|file| file.damage.is_none()), "{what}: {files:?}");
            // Once read, it stays: a second start and a second crash change nothing.
            assert_eq!(reopened(&disk).1, records, "{what}");
            let (mut journal, _, _) = open(&disk, 0).unwrap();
            journal.append(&[&[0; 3]]).unwrap();
            disk.crash();
            let (files, again) = reopened(&disk);
            assert_eq!(again[..records.len()], records, "{what}");
            assert_eq!(again.len(), records.len() + 1, "{what}");
            assert!(files.iter().all(|file| file.damage.is_none()), "{what}: {files:?}");
        }
    }
}

#[test]
fn after_an_error_the_file_is_left_and_the_next_append_works() {
    let (whole, _) = disk(0);
    write(&whole, 9);
    for fault in [Fault::Eio, Fault::Full] {
        for operation in 1..whole.operations() {
            let what = format!("{fault:?} at operation {operation}");
            let (disk, _) = disk(operation);
            disk.fail_at(operation, fault);
            let acknowledged = write(&disk, 9);
            assert!(acknowledged.len() < 18, "{what}: something failed");
            let (files, records) = reopened(&disk);
            check(&acknowledged, &records, &what);
            disk.crash();
            let (_, records) = reopened(&disk);
            check(&acknowledged, &records, &what);
            assert!(files.iter().all(|file| file.damage.is_none()), "{what}: {files:?}");
        }
    }
}

#[test]
fn errors_say_whether_there_is_room() {
    let (disk, _) = disk(1);
    let (mut journal, _, _) = open(&disk, 0).unwrap();
    disk.set_capacity(Some(100));
    assert!(matches!(journal.append(&[&[1; 200]]), Err(JournalError::Full(_))));
    disk.set_capacity(None);
    disk.fail_at(disk.operations(), Fault::Eio);
    let error = journal.append(&[&[1; 200]]).unwrap_err();
    assert!(matches!(error, JournalError::Failed { .. }));
    assert!(error.to_string().contains("/data/journal-"), "{error}");
    journal.append(&[&[1; 200]]).unwrap();
}

#[test]
fn a_file_cut_at_any_byte_gives_the_records_before() {
    let (source, dir) = disk(1);
    let written = write(&source, 3);
    let name = source.list(&dir).unwrap()[0].clone();
    let bytes = read_all(&source, &dir.join(&name)).unwrap();
    for length in 0..bytes.len() {
        let (disk, dir) = disk(1);
        disk.create(&dir.join(&name)).unwrap().append(&bytes[..length]).unwrap();
        let (files, records) = reopened(&disk);
        let mut end = HEAD_BYTES;
        let ends = written.iter().map(|(_, payload)| {
            end += RECORD_HEAD_BYTES + payload.len();
            end
        });
        let whole = ends.filter(|end| *end <= length).count();
        assert_eq!(records, written[..whole], "cut at {length}");
        assert_eq!(files[0].damage, None, "cut at {length}");
    }
}

#[test]
fn a_flipped_byte_is_damage_and_the_other_records_are_served() {
    let (source, dir) = disk(1);
    let written = write(&source, 7);
    let names = source.list(&dir).unwrap();
    assert_eq!(names.len(), 2);
    for name in &names {
        let length = read_all(&source, &dir.join(name)).unwrap().len();
        for at in 0..length {
            let what = format!("{name} byte {at}");
            let (disk, _) = disk(1);
            write(&disk, 7);
            disk.flip(&dir.join(name), at, 0x10);
            let (files, records) = reopened(&disk);
            assert!(records.iter().all(|record| written.contains(record)), "{what}");
            let lost = written.len() - records.len();
            let damaged: Vec<&Replayed> = files.iter().filter(|file| file.damage.is_some()).collect();
            if *name == names[0] {
                assert!(lost <= 1, "{what}: {lost} lost");
                assert_eq!(damaged.len(), 1, "{what}");
                assert_eq!(damaged[0].name, *name, "{what}");
            } else {
                // In the last group of all, a flip looks like a write that was cut off.
                assert!(lost <= 1 || (lost <= 3 && damaged.is_empty()), "{what}: {lost} lost");
            }
        }
    }
}

#[test]
fn a_damaged_file_is_kept_aside_when_its_records_may_go() {
    let (disk, dir) = disk(1);
    write(&disk, 7);
    let names = disk.list(&dir).unwrap();
    disk.flip(&dir.join(&names[0]), HEAD_BYTES + RECORD_HEAD_BYTES, 1);
    let (mut journal, files, records) = open(&disk, 0).unwrap();
    assert_eq!(records[0].0, 1, "the first is damaged");
    assert_eq!(files[0].damage.as_deref(), Some("record 0 at byte 28 is damaged"));
    journal.remove_below(u64::MAX).unwrap();
    assert_eq!(disk.list(&dir).unwrap(), [format!("{}.quarantined", names[0])]);
}

#[test]
fn a_file_that_lost_its_end_is_damage_when_a_later_one_knows() {
    let (disk, dir) = disk(1);
    write(&disk, 7);
    let name = disk.list(&dir).unwrap()[0].clone();
    let bytes = read_all(&disk, &dir.join(&name)).unwrap();
    disk.remove(&dir.join(&name)).unwrap();
    disk.create(&dir.join(&name)).unwrap().append(&bytes[..bytes.len() - 1]).unwrap();
    let (files, records) = reopened(&disk);
    assert!(files[0].damage.as_deref().is_some_and(|damage| damage.contains("missing")), "{files:?}");
    assert_eq!(files[1].damage, None);
    assert_eq!(records.len(), 12);
}

#[test]
fn what_a_start_has_read_stays_even_if_it_was_never_acknowledged() {
    for seed in 0..16 {
        let (disk, _) = disk(seed);
        let (mut journal, _, _) = open(&disk, 0).unwrap();
        journal.append(&[&[0; 3]]).unwrap();
        // The process ends between write and sync.
        disk.fail_at(disk.operations() + 1, Fault::PowerCut);
        journal.append(&[&[1; 4]]).unwrap_err();
        disk.kill();
        let (mut journal, _, records) = open(&disk, 0).unwrap();
        assert_eq!(records.len(), 2);
        journal.append(&[&[2; 5]]).unwrap();
        disk.crash();
        let (files, records) = reopened(&disk);
        assert_eq!(records.len(), 3, "seed {seed}");
        assert!(files.iter().all(|file| file.damage.is_none()), "seed {seed}: {files:?}");
    }
}

#[test]
fn a_record_of_another_journal_is_damage() {
    let file = |byte: u8| {
        let (disk, dir) = disk(1);
        let (mut journal, _, _) = open(&disk, 0).unwrap();
        for length in [5, 6, 7] {
            journal.append(&[&vec![byte; length]]).unwrap();
        }
        let name = disk.list(&dir).unwrap()[0].clone();
        (read_all(&disk, &dir.join(&name)).unwrap(), dir.join(name))
    };
    let ((mut bytes, path), (other, _)) = (file(1), file(2));
    let foreign = HEAD_BYTES..HEAD_BYTES + RECORD_HEAD_BYTES + 5;
    bytes[foreign.clone()].copy_from_slice(&other[foreign]);
    let (disk, _) = disk(1);
    disk.create(&path).unwrap().append(&bytes).unwrap();
    let (files, _) = reopened(&disk);
    assert!(files[0].damage.is_some());
}
