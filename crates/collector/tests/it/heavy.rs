//! Large messages: read by turns, and beside the connections, not in their place.

use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::store::setting;

const HEAVY_BYTES: usize = 1 << 20;
const TOO_LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_heavy_message_keeps_nobody_waiting() {
    let intake = setting("http", 1 << 20).intake;
    let (sender, receiver) = mpsc::channel();
    let heavy = tokio::spawn(async move {
        intake.read(HEAVY_BYTES, false, move || receiver.recv_timeout(TOO_LONG)).await
    });
    // Runs on the only thread, while the work above waits for it.
    tokio::spawn(async move { sender.send(()) }).await.unwrap().unwrap();
    assert_eq!(heavy.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn as_many_at_a_time_as_half_the_processors() {
    let turns = std::thread::available_parallelism().unwrap().get().div_ceil(2);
    let intake = setting("http", 1 << 20).intake;
    let seen = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let work = |seen: Arc<(Mutex<(usize, usize)>, Condvar)>| {
        move || {
            let (counts, changed) = &*seen;
            let mut now = counts.lock().unwrap();
            now.0 += 1;
            now.1 = now.1.max(now.0);
            changed.notify_all();
            // Stays until all turns are taken, and a little longer, for those that have none.
            let (now, waited) = changed.wait_timeout_while(now, TOO_LONG, |(_, most)| *most < turns).unwrap();
            assert!(!waited.timed_out(), "turns are missing");
            let no_excess = |(_, most): &mut (usize, usize)| *most == turns;
            let (mut now, _) = changed.wait_timeout_while(now, Duration::from_millis(50), no_excess).unwrap();
            now.0 -= 1;
        }
    };
    let tasks: Vec<_> = (0..2 * turns)
        .map(|_| {
            let (intake, work) = (intake.clone(), work(Arc::clone(&seen)));
            tokio::spawn(async move { intake.read(HEAVY_BYTES, false, work).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*seen.0.lock().unwrap(), (0, turns));
}
