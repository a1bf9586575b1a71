//! All spans by trace, when a part of them is damaged. That they are all there, and what is deleted is not, is held at
//! every step of a store's random life.

use std::path::Path;

use disk::port::Disk;

use crate::world::{DIR, all_spans, batch, disk, memory, open, seal, sorted_spans};

#[test]
fn a_damaged_segment_is_put_aside_and_said() {
    let disk = disk(1);
    let engine = open(&disk).expect("a store");
    for part in [0..4, 40..44] {
        engine.commit(&part.map(batch).collect::<Vec<_>>()).expect("room");
        seal(&engine);
    }
    let rows = engine.rows();
    let names = disk.list(Path::new(DIR)).expect("a list");
    let newest = names.iter().filter(|name| name.ends_with(".parquet")).max().expect("a segment");
    disk.flip(&Path::new(DIR).join(newest), 40, 0x40);

    let failed = all_spans(&engine).expect_err("a damaged segment");
    assert!(failed.to_string().contains(".parquet"), "{failed}");
    assert_eq!(engine.put_aside(), 1);
    let rest = all_spans(&engine).expect("the rest");
    assert!(engine.rows() < rows);
    assert_eq!(rest, sorted_spans(&memory((0..4).map(batch))));
}
