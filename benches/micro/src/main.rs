//! Times the hot paths, each beside a floor in the same run: `cargo run --release -p micro [NAME...]`.
//!
//! A floor is the least that the machine must do for the same bytes. Machines are noisy: compare the ratio, which
//! is the median of [`ROUNDS`] rounds in which both took turns.

mod decode;
mod otlp;
mod spans;
mod store;

use std::time::{Duration, Instant};

const ROUNDS: usize = 9;

/// A hot path and its floor. Each call does the same work again.
struct Bench {
    name: &'static str,
    /// What one unit is, and how many of them a call handles.
    unit: (&'static str, usize),
    run: Box<dyn FnMut()>,
    floor_name: &'static str,
    floor: Box<dyn FnMut()>,
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    println!("{:<28} {:>10}  {:<18} {:>10}  {:<30} {:>6}", "", "median", "", "range", "floor", "times");
    for bench in decode::benches().into_iter().chain(store::benches()) {
        if wanted.is_empty() || wanted.iter().any(|name| bench.name.contains(name.as_str())) {
            measure(bench);
        }
    }
}

fn measure(mut bench: Bench) {
    // Once without counting: caches, and files that have to grow.
    (bench.run)();
    (bench.floor)();
    let mut times = Vec::new();
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (time, floor) = (time(&mut bench.run), time(&mut bench.floor));
        times.push(time);
        ratios.push(time.as_secs_f64() / floor.as_secs_f64());
    }
    times.sort_unstable();
    ratios.sort_unstable_by(f64::total_cmp);
    let (unit, count) = bench.unit;
    let each = |time: &Duration| time.as_secs_f64() * 1e9 / count as f64;
    println!(
        "{:<28} {:>10.0}  {:<18} {:>10}  {:<30} {:>6.1}",
        bench.name,
        each(&times[ROUNDS / 2]),
        format!("ns / {unit}"),
        format!("{:.0}..{:.0}", each(&times[0]), each(&times[ROUNDS - 1])),
        bench.floor_name,
        ratios[ROUNDS / 2],
    );
}

fn time(run: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
