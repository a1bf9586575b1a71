//! A check finds what a start and questions would find, names the file and the place, and changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use columnar::check::{Report, Severity, check};
use columnar::{Config, OpenError};
use disk::faulty::Faulty;
use disk::port::{Disk, read_all};

use crate::world::{DIR, batch, config, disk, metric, open, seal, span, trace_ids};

/// Two segments and a journal of two files, as a killed server leaves them.
fn store() -> Faulty {
    let disk = disk(1);
    let config = Config { memtable_bytes_max: usize::MAX, ..config() };
    let engine = columnar::engine::Engine::open(Arc::new(disk.clone()), config).expect("a store");
    for numbers in [0..6, 20..26] {
        engine.commit(&numbers.map(batch).collect::<Vec<_>>()).expect("room");
        seal(&engine);
    }
    for number in 40..44 {
        engine.commit(&[batch(number)]).expect("room");
        if number == 41 {
            engine.seal_active();
        }
    }
    disk.kill();
    disk
}

/// A segment of many blocks: the text of its spans cannot be compressed.
fn wide() -> Faulty {
    let disk = disk(1);
    let config = Config { memtable_bytes_max: usize::MAX, row_group_rows: 1_000, ..config() };
    let engine = columnar::engine::Engine::open(Arc::new(disk.clone()), config).expect("a store");
    let wide = |number: u64| {
        let text = |at: u64| format!("{:016x}", (number * 40 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut span = span(number);
        span.tags = vec![("wide".to_owned(), (0..40).map(text).collect())];
        span
    };
    engine.commit(&[(0..80).map(wide).collect()]).expect("room");
    seal(&engine);
    drop(engine);
    disk.kill();
    disk
}

fn look(disk: &Faulty) -> Result<Report, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    check(&disk, Path::new(DIR), &mut |_, _| {})
}

fn files(disk: &Faulty) -> Vec<(PathBuf, Vec<u8>)> {
    let names = disk.list(Path::new(DIR)).expect("a list");
    let paths = names.iter().map(|name| Path::new(DIR).join(name));
    paths.map(|path| (path.clone(), read_all(disk, &path).expect("bytes"))).collect()
}

fn file(disk: &Faulty, start: &str, number: usize) -> PathBuf {
    let starts =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    let mut paths = files(disk).into_iter().map(|(path, _)| path).filter(starts);
    paths.nth(number).expect("such a file")
}

/// Returns the only finding, and holds its file, severity and a part of its text.
#[track_caller]
fn expect(report: &Report, path: &Path, severity: Severity, what: &str) -> Option<u64> {
    let [finding] = &report.findings[..] else { panic!("not one finding: {report:#?}") };
    assert_eq!(Path::new(DIR).join(&finding.file), path, "{report:#?}");
    assert_eq!((finding.severity, report.is_sound()), (severity, severity == Severity::Note), "{report:#?}");
    assert!(finding.what.contains(what), "{what} is not in {report:#?}");
    finding.offset
}

#[test]
fn a_sound_store_is_sound_and_untouched() {
    let disk = store();
    let before = files(&disk);
    let (mut passed, disk_port) = ((0, 0), Arc::new(disk.clone()) as Arc<dyn Disk>);
    let report = check(&disk_port, Path::new(DIR), &mut |done, all| passed = (done, all)).expect("a report");
    assert!(report.findings.is_empty(), "{report:#?}");
    let spans = |numbers: std::ops::Range<u64>| numbers.map(|number| batch(number).len() as u64).sum::<u64>();
    assert_eq!((report.segments, report.segment_spans), (2, spans(0..6) + spans(20..26)));
    assert_eq!((report.journal_files, report.journal_records, report.journal_spans), (2, 4, spans(40..44)));
    assert_eq!(passed, (report.bytes, report.bytes));
    assert_eq!(files(&disk), before);
}

#[test]
fn every_flipped_byte_that_a_start_or_a_question_minds_is_found() {
    let sound = files(&store());
    let (mut found, mut harmless) = (0, 0);
    for (path, bytes) in &sound {
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 150) {
            let disk = store();
            disk.flip(path, at, 0x10);
            let what = format!("byte {at} of {}", path.display());
            let report = look(&disk).expect(&what);
            let engine = open(&disk).expect(&what);
            engine.traces(&trace_ids()).expect(&what);
            if metric(&engine, "spanlet_quarantined_total") > 0.0 {
                assert!(!report.is_sound(), "{what}: {report:#?}");
            }
            if report.is_sound() {
                harmless += 1;
            } else {
                found += 1;
                let names_it = |file: &str| Path::new(DIR).join(file) == *path;
                assert!(report.findings.iter().any(|finding| names_it(&finding.file)), "{what}: {report:#?}");
            }
        }
    }
    // The last group of the journal's last file may have been cut off; nobody can tell.
    assert!(found > 5 * harmless && harmless > 0, "{found} found, {harmless} harmless");
}

#[test]
fn damage_is_named_with_its_place() {
    let disk = wide();
    let path = file(&disk, "segment", 0);
    disk.flip(&path, 10_000, 1);
    let what = "the checksum of bytes 8192 to 16383 does not hold";
    assert_eq!(expect(&look(&disk).expect("a report"), &path, Severity::Damage, what), Some(8192));

    let disk = store();
    let path = file(&disk, "segment", 1);
    let end = read_all(&disk, &path).expect("bytes").len();
    disk.flip(&path, end - 20, 1);
    expect(&look(&disk).expect("a report"), &path, Severity::Damage, "checksum of the footer does not hold");

    let disk = store();
    let path = file(&disk, "journal", 0);
    disk.flip(&path, 60, 1);
    let at = expect(&look(&disk).expect("a report"), &path, Severity::Damage, "is damaged");
    assert_eq!(at, Some(28), "the first record begins behind the head");

    let disk = store();
    let path = file(&disk, "manifest", 0);
    let first_line = read_all(&disk, &path).expect("bytes").iter().position(|byte| *byte == b'\n');
    let second_line = first_line.expect("a line") + 1;
    disk.flip(&path, second_line + 30, 1);
    let at = expect(&look(&disk).expect("a report"), &path, Severity::Damage, "line 2");
    assert_eq!(at, Some(second_line as u64));
}

#[test]
fn files_that_are_missing_or_too_many() {
    let disk = store();
    let path = file(&disk, "segment", 1);
    disk.remove(&path).expect("removed");
    expect(&look(&disk).expect("a report"), &path, Severity::Damage, "");

    let disk = store();
    disk.remove(&file(&disk, "journal", 0)).expect("removed");
    let path = file(&disk, "journal", 0);
    expect(&look(&disk).expect("a report"), &path, Severity::Damage, "one is missing");

    let disk = store();
    let path = file(&disk, "manifest", 0);
    disk.remove(&path).expect("removed");
    expect(&look(&disk).expect("a report"), &path, Severity::Damage, "missing beside segments");

    for (name, what) in [
        ("manifest.jsonl.tmp", "not finished"),
        ("segment-00000000000000000099.parquet.tmp", "not finished"),
        ("segment-00000000000000000099.parquet", "the manifest does not name"),
        ("segment-00000000000000000099.parquet.quarantined", "put aside by an earlier start"),
    ] {
        let disk = store();
        let path = Path::new(DIR).join(name);
        disk.create(&path).and_then(|file| file.append(b"x")).expect("a file");
        expect(&look(&disk).expect("a report"), &path, Severity::Note, what);
    }

    let disk = store();
    let path = file(&disk, "journal", 1);
    let length = read_all(&disk, &path).expect("bytes").len() as u64;
    disk.open(&path).and_then(|file| file.truncate(length - 3)).expect("a cut");
    expect(&look(&disk).expect("a report"), &path, Severity::Note, "a write that was cut off");
}

#[test]
fn a_directory_in_use_or_without_a_store_is_left_alone() {
    let disk = store();
    let _engine = open(&disk).expect("a store");
    assert!(matches!(look(&disk), Err(OpenError::Locked(_))));
    assert!(matches!(look(&crate::world::disk(1)), Err(OpenError::NoStore(_))));
    let nowhere = check(&(Arc::new(disk) as Arc<dyn Disk>), Path::new("/nowhere"), &mut |_, _| {});
    assert!(matches!(nowhere, Err(OpenError::Missing(_))));
}
