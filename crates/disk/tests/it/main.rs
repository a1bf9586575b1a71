//! Both disks keep the same promises; the faulty one breaks only those that real ones break.

use std::io;
use std::path::{Path, PathBuf};

use disk::faulty::{Fault, Faulty};
use disk::port::{Disk, File, LockError, is_full, read_all};
use disk::real::Real;

fn check(disk: &dyn Disk, dir: &Path) {
    let (a, b) = (dir.join("a"), dir.join("b"));
    let file = disk.create(&a).unwrap();
    assert_eq!(disk.create(&a).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    file.append(b"hello ").unwrap();
    file.append(b"world").unwrap();
    file.sync_data().unwrap();
    assert_eq!(file.len().unwrap(), 11);
    let mut word = [0; 5];
    file.read_at(&mut word, 6).unwrap();
    assert_eq!(&word, b"world");
    assert_eq!(file.read_at(&mut word, 7).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    file.truncate(5).unwrap();
    disk.rename(&a, &b).unwrap();
    assert_eq!(disk.open(&a).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(read_all(disk, &b).unwrap(), b"hello");
    disk.sync_dir(dir).unwrap();
    assert_eq!(disk.list(dir).unwrap(), ["b"]);
    disk.remove(&b).unwrap();
    assert_eq!(disk.remove(&b).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(disk.list(dir).unwrap().is_empty());
    assert_eq!(disk.list(&dir.join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    let lock = disk.lock(dir).unwrap();
    assert!(matches!(disk.lock(dir), Err(LockError::Held)));
    drop(lock);
    disk.lock(dir).unwrap();
}

fn faulty(seed: u64) -> (Faulty, PathBuf) {
    let disk = Faulty::new(seed);
    disk.create_dir_all(Path::new("/data")).unwrap();
    (disk, PathBuf::from("/data"))
}

#[test]
fn both_do_what_the_port_says() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("x/y");
    Real.create_dir_all(&made).unwrap();
    check(&Real, &made);
    let (disk, dir) = faulty(1);
    check(&disk, &dir);
}

#[test]
fn a_crash_keeps_what_was_synced_and_some_seed_loses_each_thing_that_was_not() {
    let (mut name_lost, mut bytes_lost, mut bytes_torn, mut zeros) = (0, 0, 0, 0);
    for seed in 0..64 {
        let (disk, dir) = faulty(seed);
        let safe = disk.create(&dir.join("safe")).unwrap();
        safe.append(b"synced").unwrap();
        safe.sync_data().unwrap();
        disk.sync_dir(&dir).unwrap();
        safe.append(b"not synced").unwrap();
        let new = disk.create(&dir.join("new")).unwrap();
        new.append(b"bytes").unwrap();
        new.sync_data().unwrap();
        disk.crash();
        assert!(safe.append(b"x").is_err(), "a file of the dead process");
        let kept = read_all(&disk, &dir.join("safe")).unwrap();
        assert!(kept.starts_with(b"synced"));
        name_lost += usize::from(disk.open(&dir.join("new")).is_err());
        bytes_lost += usize::from(kept.len() == 6);
        bytes_torn += usize::from(kept.len() > 6 && kept.len() < 16);
        zeros += usize::from(kept[6..].contains(&0));
        let list = disk.list(&dir).unwrap();
        disk.crash();
        assert_eq!(disk.list(&dir).unwrap(), list, "what a crash left stays");
        assert_eq!(read_all(&disk, &dir.join("safe")).unwrap(), kept);
    }
    for seen in [name_lost, bytes_lost, bytes_torn, zeros] {
        assert!((4..60).contains(&seen), "{seen} of 64");
    }
}

#[test]
fn faults_hit_the_operation_they_are_set_for() {
    let (disk, dir) = faulty(1);
    let file = disk.create(&dir.join("a")).unwrap();
    disk.fail_at(disk.operations() + 1, Fault::Full);
    disk.fail_at(disk.operations() + 2, Fault::Eio);
    file.append(b"12").unwrap();
    assert!(is_full(&file.append(b"3456").unwrap_err()));
    assert_eq!(file.len().unwrap(), 4, "half of the write");
    assert!(file.sync_data().is_err());
    file.sync_data().expect("a lie");
    disk.sync_dir(&dir).unwrap();
    assert_eq!(read_all(&disk, &dir.join("a")).unwrap(), b"1234");
    disk.crash();
    assert_eq!(read_all(&disk, &dir.join("a")).unwrap(), b"", "lost in spite of the second sync");
}

#[test]
fn without_power_nothing_works_until_it_is_back() {
    let (disk, dir) = faulty(1);
    disk.fail_at(disk.operations(), Fault::PowerCut);
    assert!(disk.create(&dir.join("a")).is_err());
    assert!(disk.list(&dir).is_err());
    disk.crash();
    disk.create(&dir.join("a")).unwrap();
}

#[test]
fn a_full_disk_takes_what_fits() {
    let (disk, dir) = faulty(1);
    disk.set_capacity(Some(4));
    let file: Box<dyn File> = disk.create(&dir.join("a")).unwrap();
    assert!(is_full(&file.append(b"123456").unwrap_err()));
    assert_eq!(disk.used_bytes(), 4);
    disk.remove(&dir.join("a")).unwrap();
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn a_killed_process_loses_nothing_but_its_files_and_locks() {
    let (disk, dir) = faulty(1);
    let file = disk.create(&dir.join("a")).unwrap();
    let _lock = disk.lock(&dir).unwrap();
    file.append(b"not synced").unwrap();
    disk.kill();
    assert!(file.append(b"x").is_err());
    assert_eq!(read_all(&disk, &dir.join("a")).unwrap(), b"not synced");
    disk.lock(&dir).unwrap();
}
