//! Power cuts and kills at every step: nothing acknowledged is missing, nothing else is half there.

use disk::faulty::{Fault, Faulty};
use model::batch::Batch;

use crate::world::{assert_same, batch, disk, memory, metric, open, seal};

/// Commits batches and seals now and then, until something fails. Returns what was acknowledged, and the batches
/// that were on their way.
fn run(disk: &Faulty, groups: u64) -> (Vec<Batch>, Vec<Batch>) {
    let mut acknowledged = Vec::new();
    let Ok(engine) = open(disk) else { return (acknowledged, Vec::new()) };
    for group in 0..groups {
        let batches = [batch(group * 2), batch(group * 2 + 1)];
        if engine.commit(&batches).is_err() {
            return (acknowledged, batches.to_vec());
        }
        acknowledged.extend(batches);
        let sealed = match group % 6 {
            2 => {
                engine.seal_active();
                Ok(true)
            }
            3 | 5 => engine.seal_next(),
            _ => Ok(true),
        };
        if sealed.is_err() {
            break;
        }
    }
    (acknowledged, Vec::new())
}

/// Opens the store after a crash and holds it against what must be there, then again, sealed and not.
fn check(disk: &Faulty, (mut batches, pending): (Vec<Batch>, Vec<Batch>), what: &str) {
    let engine = open(disk).expect(what);
    let spans = |engine: &columnar::engine::Engine| {
        metric(engine, "spanlet_memtable_spans") + metric(engine, "spanlet_segment_spans")
    };
    // Batches on their way are there whole, from the first on, or not at all.
    let mut expected: usize = batches.iter().map(Batch::len).sum();
    for batch in pending {
        if spans(&engine) > expected as f64 {
            expected += batch.len();
            batches.push(batch);
        }
    }
    assert_eq!(spans(&engine), expected as f64, "{what}: no batch is half there, or twice");
    assert_eq!(metric(&engine, "spanlet_quarantined_total"), 0.0, "{what}: nothing is damaged");
    let memory = memory(batches);
    assert_same(&engine, &memory, what);
    drop(engine);
    let engine = open(disk).expect(what);
    assert_same(&engine, &memory, &format!("{what}, opened twice"));
    seal(&engine);
    drop(engine);
    disk.crash();
    let engine = open(disk).expect(what);
    assert_eq!(spans(&engine), expected as f64, "{what}: sealed");
    assert_same(&engine, &memory, &format!("{what}, sealed"));
}

#[test]
fn a_power_cut_after_each_acknowledgement() {
    for groups in 0..18 {
        let disk = disk(groups);
        let written = run(&disk, groups);
        assert_eq!(written.0.len() as u64, groups * 2);
        disk.crash();
        check(&disk, written, &format!("after {groups} groups"));
    }
}

#[test]
fn a_power_cut_at_each_operation() {
    let whole = disk(0);
    run(&whole, 14);
    for operation in 1..whole.operations() {
        let disk = disk(operation * 31);
        disk.fail_at(operation, Fault::PowerCut);
        let written = run(&disk, 14);
        disk.crash();
        check(&disk, written, &format!("operation {operation}"));
    }
}

#[test]
fn a_kill_at_each_operation() {
    let whole = disk(0);
    run(&whole, 14);
    for operation in 1..whole.operations() {
        let disk = disk(operation * 17);
        disk.fail_at(operation, Fault::PowerCut);
        let written = run(&disk, 14);
        disk.kill();
        check(&disk, written, &format!("operation {operation}"));
    }
}

#[test]
fn a_power_cut_at_each_operation_of_a_recovery() {
    let before = || {
        let disk = disk(5);
        let whole = disk.clone();
        disk.fail_at(60, Fault::PowerCut);
        let written = run(&disk, 14);
        whole.crash();
        (disk, written)
    };
    let (recovered, _) = before();
    let start = recovered.operations();
    drop(open(&recovered).expect("a store"));
    let steps = recovered.operations() - start;
    assert!(steps > 3, "{steps}");
    for step in 0..steps {
        let (disk, written) = before();
        disk.fail_at(start + step, Fault::PowerCut);
        let _ = open(&disk);
        disk.crash();
        check(&disk, written, &format!("step {step} of the recovery"));
    }
}
